package haproxy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// host simulates a server behind HAProxy for a script that runs on it: separate
// processes, so that pkill reaches no others, the service web, an agent, and a
// systemctl.
type host struct {
	t     *testing.T
	init  string // the host's first process, as seen from outside
	dir   string // working directory of all that runs there
	agent *instance
	ports ports
	path  string // of commands
}

// ports are the same on all hosts.
type ports struct{ service, agent int }

// systemctl replaces systemd, which a test of a script cannot have: the unit
// web.service, as far as the example uses it.
const systemctl = `#!/usr/bin/env bash
set -eu
case "$*" in
  "start web") setsid "$TEST_SERVICE" </dev/null >/dev/null 2>&1 & echo $! >web.pid ;;
  "stop web") while kill "$(<web.pid)" 2>/dev/null; do sleep 0.01; done ;;
  "is-active --quiet web") kill -0 "$(<web.pid)" ;;
  *) echo "systemctl: unexpected: $*" >&2; exit 1 ;;
esac
`

// hapgentctl replaces the package's, which finds agents by systemd. There is one
// agent, and it may be named.
const hapgentctl = `#!/usr/bin/env bash
set -eu
[[ $1 != -i ]] || shift 2
case $1 in
  ask) hapgent --ask ;;
  up | drain | stopped)
    line=$(hapgent --set "$1")
    pkill -HUP -x hapgent
    until [[ $(hapgent --ask) = "$line" ]]; do sleep 0.01; done
    ;;
  *) echo "hapgentctl: unexpected: $*" >&2; exit 1 ;;
esac
`

// startHost starts a host with its agent and service.
func startHost(t *testing.T, address string, ports ports) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir(), ports: ports, init: startPIDNamespace(t)}
	h.path = h.dir + ":" + bin + ":" + os.Getenv("PATH") // where bin is a host's, it has the package's hapgentctl
	h.agent = &instance{host: address, port: ports.agent, file: filepath.Join(h.dir, "state.json")}
	writeFile(t, h.agent.file, `{"status":"UP"}`)
	writeFile(t, filepath.Join(h.dir, "version.txt"), "1")
	for name, script := range map[string]string{"systemctl": systemctl, "hapgentctl": hapgentctl} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	agent := h.command(nil, "hapgent")
	agent.Stderr = logFile(t) // a pipe would be open for as long as the namespace
	start(t, agent)
	if out, err := h.run(nil, "systemctl", "start", "web"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return h
}

// startPIDNamespace makes a PID namespace and returns its first process, which
// reaps what is orphaned there. All in it ends with the test.
func startPIDNamespace(t *testing.T) (pid string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("a PID namespace, without which pkill would reach other processes, takes root: run `sudo make test`")
	}
	unshare := exec.Command(need.Command(t, "unshare", "util-linux"), "--pid", "--fork", "--mount-proc", "--kill-child",
		"bash", "-c", "while sleep 1000; do :; done")
	start(t, unshare)
	eventually(t, func() error {
		thread := fmt.Sprintf("/proc/%d/task/%d/children", unshare.Process.Pid, unshare.Process.Pid)
		children, err := os.ReadFile(thread)
		if err != nil {
			return err
		}
		if pid = strings.TrimSpace(string(children)); pid == "" {
			return fmt.Errorf("%s: expected a process, found none", thread)
		}
		comm, err := os.ReadFile("/proc/" + pid + "/comm") // bash once /proc is mounted
		if err == nil && string(comm) != "bash\n" {
			err = fmt.Errorf("the namespace is not ready: its first process is %q", comm)
		}
		return err
	})
	for _, namespace := range []string{"pid", "mnt"} {
		ours, err := os.Readlink("/proc/self/ns/" + namespace)
		theirs, err2 := os.Readlink("/proc/" + pid + "/ns/" + namespace)
		if err != nil || err2 != nil || ours == theirs {
			t.Fatalf("the %s namespace is not another: ours %s %v, theirs %s %v", namespace, ours, err, theirs, err2)
		}
	}
	return pid
}

// command is one that runs on the host.
func (h *host) command(environment []string, args ...string) *exec.Cmd {
	h.t.Helper()
	nsenter := need.Command(h.t, "nsenter", "util-linux")
	cmd := exec.Command(nsenter, append([]string{"--target", h.init, "--pid", "--mount", "/usr/bin/env", "--chdir=" + h.dir}, args...)...)
	cmd.Env = append(h.agent.environment(), "PATH="+h.path, "TEST_SERVICE="+os.Args[0], serviceVariable+"="+address(h.agent.host, h.ports.service))
	cmd.Env = append(cmd.Env, environment...)
	return cmd
}

// run runs a command on the host and returns what it prints.
func (h *host) run(environment []string, args ...string) (output string, err error) {
	h.t.Helper()
	out, err := h.command(environment, args...).CombinedOutput()
	return string(out), err
}
