package haproxy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// instance is an agent with an address and a state file of its own.
type instance struct {
	host string
	port int
	file string
	log  *os.File // nil: that of the test
	cmd  *exec.Cmd
}

// startAgent starts an agent on a host of its own.
func startAgent(t *testing.T, state string) *instance {
	t.Helper()
	return startAgentOn(t, newHost(), state)
}

func startAgentOn(t *testing.T, host, state string) *instance {
	t.Helper()
	a := &instance{host: host, port: freePort(t, host), file: filepath.Join(t.TempDir(), "state.json")}
	writeFile(t, a.file, state)
	a.start(t)
	return a
}

// environment is what configures the agent.
func (a *instance) environment() []string {
	return []string{"HAPGENT_IP=" + a.host, "HAPGENT_PORT=" + strconv.Itoa(a.port), "HAPGENT_STATE_FILE=" + a.file}
}

func (a *instance) start(t *testing.T) {
	t.Helper()
	a.cmd = exec.Command(filepath.Join(bin, "hapgent"))
	a.cmd.Env = a.environment()
	if a.log != nil {
		a.cmd.Stderr = a.log
	}
	start(t, a.cmd)
}

func (a *instance) stop(t *testing.T) {
	t.Helper()
	a.signal(t, syscall.SIGTERM)
	if err := a.cmd.Wait(); err != nil {
		t.Fatalf("the agent, when stopped: %v", err)
	}
}

func (a *instance) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := a.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// change makes the agent read another state. The file is replaced, so that an agent
// that is starting never finds half of it.
func (a *instance) change(t *testing.T, state string) {
	t.Helper()
	writeFile(t, a.file+".new", state)
	if err := os.Rename(a.file+".new", a.file); err != nil {
		t.Fatal(err)
	}
	a.signal(t, syscall.SIGHUP)
}

// check is how a server in HAProxy's configuration names the agent.
func (a *instance) check() string { return a.checkAt(a.host) + ` agent-send hapgent\n` }

func (a *instance) checkAt(host string) string {
	return fmt.Sprintf("agent-check agent-addr %s agent-port %d agent-inter 100ms", host, a.port)
}
