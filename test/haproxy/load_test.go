package haproxy

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// weigh is a run of examples/weight-from-load.sh for an agent, under a load.
func weigh(t *testing.T, a *instance, load string, environment ...string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(t.TempDir(), "loadavg")
	writeFile(t, file, load+" 0.20 0.18 1/80 11206\n")
	cmd := exec.Command(example(t, "weight-from-load.sh"))
	cmd.Env = append(a.environment(), "PATH="+bin+":"+os.Getenv("PATH"), "LOADAVG="+file, "CORES=4",
		fmt.Sprintf("AGENT=%d", a.cmd.Process.Pid))
	cmd.Env = append(cmd.Env, environment...)
	return cmd
}

func mustWeigh(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 { // cron mails what is printed
		t.Fatalf("expected no output, found %v\n%s", err, out)
	}
}

func TestWeightFollowsLoad(t *testing.T) {
	t.Parallel()
	a := startAgent(t, "{\n  \"maxconn\": 30,\n  \"status\": \"UP\"\n}\n")
	b := startHAProxy(t, oneServer(t, a, "weight 200"))
	b.expect("web/a", fields{"status": "UP", "weight": "200", "slim": "30"})
	for _, test := range []struct{ load, weight string }{
		{"1.00", "150"}, // of 4 cores
		{"0.00", "200"},
		{"2.99", "52"},
		{"4.00", "2"},
		{"104.17", "2"},
		{"0.08", "196"},
	} {
		mustWeigh(t, weigh(t, a, test.load))
		b.expect("web/a", fields{"status": "UP", "weight": test.weight, "slim": "30"})
	}
	a.signal(t, syscall.SIGUSR2)
	b.expect("web/a", fields{"status": "DOWN (agent)", "weight": "196", "slim": "30"})
	mustWeigh(t, weigh(t, a, "2.00"))
	b.expect("web/a", fields{"status": "DOWN (agent)", "weight": "100", "slim": "30"})
}

func TestWeightScriptOnHost(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	writeFile(t, filepath.Join(s.hosts[1].dir, "loadavg"), "1.00 1.00 1.00 1/1 1\n")
	if out, err := s.hosts[1].run([]string{"LOADAVG=loadavg", "CORES=2"}, example(t, "weight-from-load.sh")); err != nil || out != "" {
		t.Fatalf("%v\n%s", err, out)
	}
	s.balancer.expectAll(map[string]fields{"sample/srv1": {"weight": "100"}, "sample/srv2": {"weight": "25"}})
	if out, err := s.hosts[0].run(nil, example(t, "weight-from-load.sh")); err != nil || out != "" { // the machine's own load
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestWeightScriptReplacesFileOnly(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP"}`)
	dir := filepath.Dir(a.file)
	target := filepath.Join(dir, "target.json")
	if err := errors.Join(os.Rename(a.file, target), os.Symlink("target.json", a.file), os.Chmod(target, 0o640), os.Chown(target, os.Getuid(), os.Getgid())); err != nil {
		t.Fatal(err)
	}
	before := stat(t, target)
	mustWeigh(t, weigh(t, a, "1.00"))
	expectFile(t, a.file, `{"status":"UP","weight":75}`+"\n")
	after := stat(t, target)
	if after.Mode != before.Mode || after.Uid != before.Uid || after.Gid != before.Gid || after.Ino == before.Ino {
		t.Errorf("expected another file of the same mode and owner, found %+v after %+v", after, before)
	}
	mustWeigh(t, weigh(t, a, "1.00"))
	if again := stat(t, target); again.Ino != after.Ino {
		t.Error("a weight that has not changed was written")
	}
	if link, err := os.Readlink(a.file); err != nil || link != "target.json" {
		t.Errorf("the symbolic link has not stayed: %q %v", link, err)
	}
	expectNames(t, dir, "state.json", "target.json")
}

func stat(t *testing.T, name string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}

func expectFile(t *testing.T, name, want string) {
	t.Helper()
	if text, err := os.ReadFile(name); err != nil || string(text) != want {
		t.Errorf("%s: expected %q, found %q %v", name, want, text, err)
	}
}

func expectNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("%s: expected %v, found %v", dir, want, names)
	}
}

func TestWeightScriptRefuses(t *testing.T) {
	t.Parallel()
	const good = `{"status":"UP","weight":7}` + "\n"
	tests := []struct{ name, state, load, environment, message string }{
		{"broken state", `{"status":"up"}`, "1.00", "", `state.json:1:11: status must be UP, DOWN, READY, DRAIN, FAIL, MAINT or STOPPED, found "up"` + "\nweight-from-load.sh: the state is left as it is\n"},
		{"no state file", good, "1.00", "HAPGENT_STATE_FILE=/nonexistent/state.json", `weight-from-load.sh: HAPGENT_STATE_FILE must be a file, found "/nonexistent/state.json"` + "\n"},
		{"directory", good, "1.00", "HAPGENT_STATE_FILE=/", `weight-from-load.sh: HAPGENT_STATE_FILE must be a file, found "/"` + "\n"},
		{"no load", good, "1.00", "LOADAVG=/dev/null", `weight-from-load.sh: LOADAVG must be a file such as /proc/loadavg, found "/dev/null"` + "\n"},
		{"wrong load", good, "-1.00", "", `loadavg: expected a load average such as 0.25, found "-1.00"` + "\n"},
		{"code for a load", good, "a[$(touch /x)]", "", `loadavg: expected a load average such as 0.25, found "a[$(touch"` + "\n"},
		{"no cores", good, "1.00", "CORES=0", `weight-from-load.sh: CORES must be a number from 1 to 99999, found "0"` + "\n"},
		{"wrong environment", good, "1.00", "HAPGENT_PORT=x", `hapgent: HAPGENT_PORT must be a port from 1 to 65535, found "x"` + "\nweight-from-load.sh: the state is left as it is\n"},
	}
	a := startAgent(t, good)
	for _, test := range tests {
		writeFile(t, a.file, test.state)
		out, err := weigh(t, a, test.load, test.environment).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasSuffix(string(out), test.message) {
			t.Errorf("%s: expected status 1 and %q, found %v and %q", test.name, test.message, err, out)
		}
		expectFile(t, a.file, test.state)
		expectNames(t, filepath.Dir(a.file), "state.json")
	}
}

func TestWeightScriptSaysThatAgentIsGone(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP"}`)
	eventually(t, func() error { _, err := a.ask(); return err }) // a SIGTERM before would end it at once
	cmd := weigh(t, a, "1.00")
	a.stop(t)
	out, err := cmd.CombinedOutput()
	if want := "the weight is written, but agent \"" + strconv.Itoa(a.cmd.Process.Pid) + "\" cannot be told\n"; err == nil || !strings.HasSuffix(string(out), want) {
		t.Errorf("expected %q, found %v and %q", want, err, out)
	}
	expectFile(t, a.file, `{"status":"UP","weight":75}`+"\n")
}

// Signals that come while the script runs, at any point of it, are not undone.
func TestWeightScriptLosesNoSignal(t *testing.T) {
	t.Parallel()
	a := &instance{host: newHost(), file: filepath.Join(t.TempDir(), "state.json")}
	a.port = freePort(t, a.host)
	a.log = logFile(t)
	writeFile(t, a.file, `{"status":"UP"}`)
	a.start(t)
	reloads, took := 0, 50*time.Millisecond
	for round := range 40 {
		status, signal := "DOWN", syscall.SIGUSR2
		if round%2 == 1 {
			status, signal = "UP", syscall.SIGUSR1
		}
		cmd := weigh(t, a, fmt.Sprintf("0.%02d", 4+4*(round%20))) // a new weight each time
		begin := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(took))
		a.signal(t, signal)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		took = time.Since(begin)
		reloads++
		eventually(t, func() error { return logged(a.log.Name(), "SIGHUP: ", reloads) })
		eventually(t, func() error { return logged(a.log.Name(), "SIGUSR", reloads) })
		answer, err := a.ask()
		if err != nil || strings.Fields(answer)[0] != status {
			t.Fatalf("round %d: after %v expected %s, found %q %v", round, signal, status, answer, err)
		}
		check := exec.Command(filepath.Join(bin, "hapgent"), "--check")
		check.Env = a.environment()
		if file, err := check.Output(); err != nil || string(file) != answer {
			t.Fatalf("round %d: the agent answers %q, its file says %q %v", round, answer, file, err)
		}
	}
	expectNames(t, filepath.Dir(a.file), "state.json")
}

// logged tells whether the log has the word so many times.
func logged(name, word string, times int) error {
	text, err := os.ReadFile(name)
	if found := bytes.Count(text, []byte(word)); err == nil && found != times {
		err = fmt.Errorf("expected %q %d times in the agent's log, found %d", word, times, found)
	}
	return err
}
