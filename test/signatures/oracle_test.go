// Package signatures asks the installed ssh-keygen and hapgent-verify the same
// questions, thousands of them, and holds the one to the other's answers.
//
// The questions are made by programs, one a file here: what each signature is
// made of, the keys that make it, the lines that allow it, the times, the
// lists of revoked keys, and every byte of all that damaged. Every one is
// asked; there is nothing that skips.
package signatures

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// bin has the command under test.
var bin string

func TestMain(m *testing.M) { os.Exit(need.Programs(m, &bin, "hapgent-verify")) }

func verifier() string { return filepath.Join(bin, "hapgent-verify") }

// content is the file that is signed, unless a question has another.
const content = "what is signed\n"

const me = "me@example.com"

// question is one that both are asked.
type question struct {
	name       string
	armored    []byte
	signers    string
	file       string // content if empty
	identity   string // me if empty
	namespace  string // file if empty
	revocation []byte // nil: no -r
	verifyTime string // empty: now
	zone       string // TZ; UTC if empty

	// A difference that is meant has its reason here, and what hapgent-verify
	// then answers in accepted.
	difference string
	accepted   bool
}

func (q question) String() string {
	return fmt.Sprintf("identity %q, namespace %q, verify-time %q, TZ %q\n%s%s%x",
		q.identity, q.namespace, q.verifyTime, q.zone, q.armored, q.signers, q.revocation)
}

// answer is what a program said: whether it accepted, and its Good line.
type answer struct {
	accepted       bool
	status         int
	stdout, stderr string
}

// worker has a directory in which it writes the files of a question.
type worker struct {
	t   *testing.T
	dir string
}

func (w *worker) ask(q question) {
	w.t.Helper()
	q = q.withDefaults()
	args := w.write(q)
	theirs := w.run(q, "ssh-keygen", append([]string{"-Y", "verify"}, args...))
	ours := w.run(q, verifier(), args)
	w.checkOurs(q, ours)
	counts.add(w.t, q, theirs, ours)
}

func (q question) withDefaults() question {
	for _, field := range []struct {
		value   *string
		initial string
	}{{&q.file, content}, {&q.identity, me}, {&q.namespace, "file"}, {&q.zone, "UTC"}} {
		if *field.value == "" {
			*field.value = field.initial
		}
	}
	return q
}

// write writes the files of a question, and returns the arguments that both
// programs share.
func (w *worker) write(q question) []string {
	args := []string{"-I", q.identity, "-n", q.namespace,
		"-f", w.file("signers", []byte(q.signers)), "-s", w.file("signature", q.armored)}
	if q.revocation != nil {
		args = append(args, "-r", w.file("revocation", q.revocation))
	}
	if q.verifyTime != "" {
		args = append(args, "-O", "verify-time="+q.verifyTime)
	}
	return args
}

func (w *worker) file(name string, data []byte) string {
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		w.t.Error(err)
	}
	return path
}

// run asks a program that says Good, and nothing else, of what it accepts.
func (w *worker) run(q question, program string, args []string) answer {
	w.t.Helper()
	said := w.execute(q, program, args)
	if strings.HasPrefix(said.stdout, "Good ") != said.accepted {
		w.t.Errorf("%s: %s says %q and ends with status %d", q.name, program, said.stdout, said.status)
	}
	return said
}

func (w *worker) execute(q question, program string, args []string) answer {
	w.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TZ="+q.zone, "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader(q.file)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		w.t.Errorf("%s: %v", program, err)
	}
	return answer{err == nil, cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// checkOurs holds hapgent-verify to its own contract: a reason for each
// refusal, and one of the documented statuses.
func (w *worker) checkOurs(q question, ours answer) {
	if ours.accepted {
		return
	}
	if ours.status != 1 && ours.status != 2 || ours.stdout != "" ||
		strings.Count(ours.stderr, "\n") < 1 || strings.Contains(ours.stderr, "goroutine ") {
		w.t.Errorf("%s: a refusal with status %d, %q and %q", q.name, ours.status, ours.stdout, ours.stderr)
	}
}

// tally counts the answers of all questions.
type tally struct {
	sync.Mutex
	asked, accepted int
	meant           map[string]int // by reason
}

var counts = tally{meant: map[string]int{}}

func (c *tally) add(t *testing.T, q question, theirs, ours answer) {
	t.Helper()
	c.Lock()
	defer c.Unlock()
	c.asked++
	if ours.accepted {
		c.accepted++
	}
	if q.difference != "" && ours.accepted != q.accepted {
		t.Errorf("%s: accepted is %v, want %v: %s", q.name, ours.accepted, q.accepted, q.difference)
	}
	if theirs.accepted == ours.accepted && (!ours.accepted || theirs.stdout == ours.stdout) {
		return
	}
	if q.difference != "" {
		c.meant[q.difference]++
		return
	}
	t.Errorf("%s: ssh-keygen: %v %q %q\nhapgent-verify: %v %q %q\nof %v", q.name,
		theirs.accepted, theirs.stdout, theirs.stderr, ours.accepted, ours.stdout, ours.stderr, q)
}

// summary says how many of the answers agree, and why the others do not.
func (c *tally) summary() string {
	different := 0
	var reasons strings.Builder
	for reason, n := range c.meant {
		different += n
		fmt.Fprintf(&reasons, "\n%d: %s", n, reason)
	}
	return fmt.Sprintf("asked %d questions: both agree in %d (%d accepted), differ as meant in %d:%s",
		c.asked, c.asked-different, c.accepted, different, reasons.String())
}

// askAll asks questions in as many workers as there are processors here.
func askAll(t *testing.T, questions []question) {
	t.Helper()
	need.Command(t, "ssh-keygen", "openssh-client")
	queue := make(chan question)
	var done sync.WaitGroup
	for range 2 {
		w := &worker{t, t.TempDir()}
		done.Go(func() {
			for q := range queue {
				w.ask(q)
			}
		})
	}
	for _, q := range questions {
		q.name = t.Name() + "/" + q.name
		queue <- q
	}
	close(queue)
	done.Wait()
}

// TestAgreement asks everything.
func TestAgreement(t *testing.T) {
	for _, group := range []struct {
		name      string
		questions func(*testing.T) []question
	}{
		{"keys", keyQuestions},
		{"made by ssh-keygen", madeBySSHKeygen},
		{"made here", madeHere},
		{"blob", blobQuestions},
		{"each byte of the blob", damagedBlobs},
		{"each byte of the armor", damagedArmor},
		{"armor", armorQuestions},
		{"vectors of OpenSSH", vectorQuestions},
		{"certificates", certificateQuestions},
		{"lines", lineQuestions},
		{"random lines", randomLines},
		{"times", timeQuestions},
		{"revocation", revocationQuestions},
		{"each byte of a KRL", damagedKRLs},
	} {
		t.Run(group.name, func(t *testing.T) {
			before := counts.asked
			askAll(t, group.questions(t))
			t.Logf("%d questions", counts.asked-before)
		})
	}
	t.Log(counts.summary())
	if counts.accepted < 500 || counts.asked-counts.accepted < 3000 {
		t.Errorf("accepted %d of %d: the questions are too much of one kind", counts.accepted, counts.asked)
	}
}
