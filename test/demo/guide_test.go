package demo

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The commands of the README's section are these: the demo, without its pauses.
func TestGuidedMinute(t *testing.T) {
	t.Parallel()
	var commands []string
	for _, c := range need.Console(t, filepath.Join(need.Root(t), "README.md")) {
		if c.Section == "Demo" {
			commands = append(commands, c.Text)
		}
	}
	if len(commands) != 1 {
		t.Fatalf("README.md, Demo: expected one command, found %q", commands)
	}
	d := start(t, commands[0], "DEMO_PAUSE=0")
	d.ends(0)
	expectGolden(t, "testdata/demo.txt", d.normal())
	shares := regexp.MustCompile(`(?m)^ +(\d+) (web\d)`).FindAllStringSubmatch(d.out.String(), -1)
	for _, share := range shares { // the demo's own traffic takes turns too
		n, _ := strconv.Atoi(share[1])
		if want := map[string]int{"web1": 10, "web2": 40, "web3": 40}[share[2]]; n < want-5 || n > want+5 {
			t.Errorf("%s answered %d of 90 requests, want %d", share[2], n, want)
		}
	}
}

func expectGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: run with -update if this is meant:\n%s", file, got)
	}
}

func TestInterruptedDemoLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, command, at string
		signal            syscall.Signal
		alone             bool // not to the whole process group, as a terminal does
		status            int
	}{
		{"Ctrl-C in a pause", "make demo", "Look: ", syscall.SIGINT, false, killed},
		{"Ctrl-C while it starts", "demo/run", "web1: ", syscall.SIGINT, false, 130},
		{"Ctrl-C in a setup that stays", "demo/run stay", "until Ctrl-C", syscall.SIGINT, false, 130},
		{"end of the terminal", "demo/run", "Look: ", syscall.SIGHUP, false, 129},
		{"end of make", "make demo", "Look: ", syscall.SIGTERM, true, killed},
		{"end of the script", "demo/run", "HAProxy reports: web2", syscall.SIGTERM, true, 143},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := start(t, test.command, "DEMO_PAUSE=120")
			d.until(test.at)
			pid := d.cmd.Process.Pid
			if !test.alone {
				pid = -pid
			}
			if err := syscall.Kill(pid, test.signal); err != nil {
				t.Fatal(err)
			}
			d.ends(test.status)
		})
	}
}

func TestDemoWhoseReaderLeavesEndsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	d := start(t, "bash -c 'set -o pipefail; demo/run | head -n 1'", "DEMO_PAUSE=0")
	d.ends(141)
}

func TestDemoWhoseStepFailsSaysWhichAndLeavesNothing(t *testing.T) {
	t.Parallel()
	d := start(t, "demo/run", "DEMO_PAUSE=1")
	d.until("Look: ")
	agent := regexp.MustCompile(`web1: .* pid (\d+)`).FindStringSubmatch(d.out.String())
	if agent == nil {
		t.Fatal("the demo does not say the pid of web1's agent")
	}
	pid, _ := strconv.Atoi(agent[1])
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d.ends(1)
	for _, want := range []string{"\ndemo: failed at: kill -HUP " + agent[1] + "\n", "hapgent: version "} {
		if !strings.Contains(d.out.String(), want) {
			t.Errorf("the demo does not print %q", want)
		}
	}
}

func TestDemoRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, command, environment, message string }{
		{"argument", "demo/run go", "", "demo: expected nothing or \"stay\", found \"go\"\n"},
		{"wrong pause", "demo/run", "DEMO_PAUSE=1s", "demo: DEMO_PAUSE must be a number of seconds, found \"1s\"\n"},
		{"wrong port", "demo/run", "DEMO_PORT=65533", "demo: DEMO_PORT must be a port from 1 to 65532, found \"65533\"\n"},
		{"code for a port", "demo/run", "DEMO_PORT=a[$(touch x)]", "demo: DEMO_PORT must be a port from 1 to 65532, found \"a[$(touch x)]\"\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := start(t, test.command, test.environment)
			d.ends(1)
			if got := d.out.String(); got != test.message {
				t.Errorf("expected %q, found %q", test.message, got)
			}
		})
	}
}

func TestDemoRefusesTakenPort(t *testing.T) {
	t.Parallel()
	port := freePorts(t)
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.12", strconv.Itoa(port+3)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := start(t, "demo/run", "DEMO_PORT="+strconv.Itoa(port))
	d.ends(1)
	want := "demo: " + l.Addr().String() + " is taken by another program; give the first of four other ports: DEMO_PORT="
	if got := d.out.String(); !strings.HasPrefix(got, want) {
		t.Errorf("expected %q…, found %q", want, got)
	}
}

func TestDemoNamesWhatIsMissing(t *testing.T) {
	need.Superuser(t)
	cmd := exec.Command(need.Command(t, "unshare", "util-linux"), "--mount", "bash", "-c",
		`mkdir bin sbin && ln -s /usr/bin/* bin && rm bin/curl && mount --bind sbin /usr/sbin && PATH=$PWD/bin exec "$1"`,
		"bash", filepath.Join(tree, "demo", "run"))
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if want := "demo: not found: haproxy curl; install as root: apt-get install haproxy curl\n"; err == nil || string(out) != want {
		t.Errorf("expected %q, found %v and %q", want, err, out)
	}
}
