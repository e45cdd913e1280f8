// Package faults tests the agent under faults of its disk, its signals, its clients,
// its limits and its environment. Each test is named after the fault.
package faults

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// patience is how long a busy machine may take for what otherwise takes
// milliseconds.
const patience = 3 * time.Minute

const nobody = 65534

// agent is a running one.
type agent struct {
	t       testing.TB
	cmd     *exec.Cmd
	address string
	file    string
	log     need.Output
	ended   chan struct{}
}

// option changes how an agent is started.
type option func(*exec.Cmd)

// unprivileged runs it as nobody, as its package does.
func unprivileged(t testing.TB) option {
	need.Superuser(t)
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// program runs another binary than the released one.
func program(path string) option { return func(c *exec.Cmd) { c.Path = path } }

// variable sets one of the environment.
func variable(name, value string) option {
	return func(c *exec.Cmd) { c.Env = append(c.Env, name+"="+value) }
}

var lastAddress atomic.Uint32

// newAddress is an IP address of the loopback network that no other test has, so
// that the port is never taken by chance.
func newAddress() string {
	n := lastAddress.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()%128, n>>8, n&255)
}

// launch starts an agent and does not wait for it.
func launch(t testing.TB, file string, options ...option) *agent {
	t.Helper()
	ip := newAddress()
	a := &agent{t: t, address: ip + ":9777", file: file, ended: make(chan struct{})}
	a.cmd = exec.Command(filepath.Join(bin, "hapgent"))
	a.cmd.Env = []string{"HAPGENT_IP=" + ip, "HAPGENT_STATE_FILE=" + file}
	a.cmd.Stderr = &a.log
	for _, o := range options {
		o(a.cmd)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		a.cmd.Wait()
		close(a.ended)
	}()
	t.Cleanup(func() {
		a.kill()
		if t.Failed() {
			t.Logf("the agent's log:\n%s", &a.log)
		}
	})
	return a
}

// start starts an agent and waits until it answers.
func start(t testing.TB, file string, options ...option) *agent {
	t.Helper()
	a := launch(t, file, options...)
	a.until("answers at all", func() bool { return a.answer() != "" })
	return a
}

// bin has the released program, where any user can run it.
var bin string

func TestMain(m *testing.M) { os.Exit(need.Programs(m, &bin, "hapgent")) }

// ask makes a check as HAProxy does, with a payload.
func (a *agent) ask() (string, error) {
	c, err := net.DialTimeout("tcp", a.address, patience)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "hapgent\n"); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return strings.TrimSuffix(string(b), "\n"), err
}

// answer is its answer; "" while there is none.
func (a *agent) answer() string {
	s, _ := a.ask()
	return s
}

func (a *agent) until(what string, done func() bool) {
	a.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatalf("not in %v: %s; it answers %q", patience, what, a.answer())
		}
		select {
		case <-a.ended:
			a.t.Fatalf("it ended (%v) before: %s", a.cmd.ProcessState, what)
		default:
		}
	}
}

func (a *agent) untilAnswer(want string) {
	a.t.Helper()
	a.until("answers "+want, func() bool { return a.answer() == want })
}

// untilLogged waits for a line of the log with this text in it.
func (a *agent) untilLogged(text string) {
	a.t.Helper()
	a.until("logs "+text, func() bool { return strings.Contains(a.log.String(), text) })
}

func (a *agent) signal(s syscall.Signal) {
	a.t.Helper()
	if err := a.cmd.Process.Signal(s); err != nil {
		a.t.Fatalf("%v: %v", s, err)
	}
}

// kill ends it by SIGKILL.
func (a *agent) kill() {
	a.cmd.Process.Kill()
	<-a.ended
}

// stop ends it by SIGTERM and returns its exit status.
func (a *agent) stop() int {
	a.t.Helper()
	a.signal(syscall.SIGTERM)
	return a.exitStatus()
}

// exitStatus waits for its end; -1: a signal ended it.
func (a *agent) exitStatus() int {
	a.t.Helper()
	select {
	case <-a.ended:
	case <-time.After(patience):
		a.t.Fatal("it does not end")
	}
	return a.cmd.ProcessState.ExitCode()
}

// busy is a state with everything in it.
const (
	busyUp       = "UP 77% maxconn:300"
	busyDown     = "DOWN 77% maxconn:300"
	busyUpJSON   = `{"status":"UP","weight":77,"maxconn":300}` + "\n"
	busyDownJSON = `{"status":"DOWN","weight":77,"maxconn":300}` + "\n"
)

// folder is a directory that anyone may enter.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hapgent-faults")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// stateFile writes one into a folder of its own.
func stateFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(folder(t), "state.json")
	write(t, path, text)
	return path
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func contents(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// mount mounts until the end of the test.
func mount(t testing.TB, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	need.Superuser(t)
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Fatalf("mount of %s on %s: %v", source, target, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
	})
}
