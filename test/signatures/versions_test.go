package signatures

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/debian"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// version is one of OpenSSH: 804 is 8.4.
type version int

// oracle is an ssh-keygen of some version, and the counts of its answers.
type oracle struct {
	name    string
	version version
	command func(program string, args ...string) *exec.Cmd

	mu                                  sync.Mutex
	asked, accepted, agreed, unexpected int
	meant                               map[string]int // by reason
}

// suites have the versions that the machine's may not be: 8.4, 10.0, 10.3 and,
// in the one that moves on, 10.6 or later.
var suites = []string{"bullseye", "trixie", "trixie-backports", "forky"}

// oracles returns the machine's ssh-keygen, and that of each suite.
func oracles(t testing.TB) []*oracle {
	t.Helper()
	need.Command(t, "ssh-keygen", "openssh-client")
	all, err := unpackOracles()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// machine returns the machine's ssh-keygen.
func machine(t testing.TB) *oracle { t.Helper(); return oracles(t)[0] }

var unpackOracles = sync.OnceValues(func() (all []*oracle, err error) {
	commands := []func(string, ...string) *exec.Cmd{exec.Command}
	for _, suite := range suites {
		tree, err := debian.Unpack(suite, "openssh-client")
		if err != nil {
			return nil, err
		}
		commands = append(commands, tree.Command)
	}
	for _, command := range commands {
		o, err := newOracle(command)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
})

func newOracle(command func(string, ...string) *exec.Cmd) (*oracle, error) {
	out, err := command("ssh", "-V").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ssh -V: %w: %s", err, out)
	}
	var major, minor version
	if _, err := fmt.Sscanf(string(out), "OpenSSH_%d.%dp", &major, &minor); err != nil {
		return nil, fmt.Errorf("ssh -V says %q: %w", out, err)
	}
	return &oracle{name: fmt.Sprintf("OpenSSH %d.%d", major, minor), version: 100*major + minor,
		command: command, meant: map[string]int{}}, nil
}

// keygen runs it, which must succeed.
func (o *oracle) keygen(t testing.TB, stdin string, args ...string) []byte {
	t.Helper()
	cmd := o.command("ssh-keygen", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: ssh-keygen %q: %v: %s", o.name, args, err, &stderr)
	}
	return out
}

// add counts what an oracle and hapgent-verify answered.
func (o *oracle) add(t *testing.T, q question, theirs, ours answer) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	if theirs.accepted {
		o.accepted++
	}
	if theirs.accepted == ours.accepted && (!ours.accepted || theirs.stdout == ours.stdout) {
		o.agreed++
		return
	}
	if reason := o.explain(q, theirs.accepted); reason != "" && theirs.accepted != ours.accepted {
		o.meant[reason]++
		return
	}
	o.unexpected++
	t.Errorf("%s: %s: %v %q %q\nhapgent-verify: %v %q %q\nof %v", q.name, o.name,
		theirs.accepted, theirs.stdout, theirs.stderr, ours.accepted, ours.stdout, ours.stderr, q)
}

// explain returns why the oracle's answer to a question may differ.
func (o *oracle) explain(q question, accepted bool) (reason string) {
	for _, d := range differences {
		if d.in(o.version) && d.they.fit(accepted) && d.about(q) {
			return d.reason
		}
	}
	return ""
}

// summary says how many of the answers agree, and why the others do not.
func (o *oracle) summary() string {
	different := 0
	var reasons strings.Builder
	for reason, n := range o.meant {
		different += n
		fmt.Fprintf(&reasons, "\n%d: %s", n, reason)
	}
	return fmt.Sprintf("%s: asked %d questions, accepted %d: %d answers agree, %d differ as meant, %d unexpectedly:%s",
		o.name, o.asked, o.accepted, o.agreed, different, o.unexpected, reasons.String())
}
