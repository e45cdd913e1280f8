package lab

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Host is a host that has booted.
type Host struct {
	Name, Suite       string
	Address, Address6 string
	lab               *Lab
	t                 testing.TB
}

// For is the host for a subtest, which fails instead of the test that booted it.
func (h *Host) For(t testing.TB) *Host {
	same := *h
	same.t = t
	return &same
}

// Command is a command on the host, as root and without any confinement.
func (h *Host) Command(args ...string) *exec.Cmd {
	return h.lab.script("lab-run", append([]string{h.Name}, args...)...)
}

// Run runs a shell script on the host, which must succeed, and returns what it
// prints.
func (h *Host) Run(script string) string {
	h.t.Helper()
	out, err := h.Try(script)
	if err != nil {
		h.t.Fatalf("%s (%s): %s\n%v\n%s", h.Name, h.Suite, script, err, out)
	}
	return out
}

// Try runs a shell script on the host and returns what it prints.
func (h *Host) Try(script string) (output string, err error) {
	out, err := h.Command("sh", "-ec", script).CombinedOutput()
	return string(out), err
}

// Status runs a shell script on the host and returns its exit status.
func (h *Host) Status(script string) int {
	h.t.Helper()
	out, err := h.Try(script)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatalf("%s: %s: %v\n%s", h.Name, script, err, out)
	}
	if exit != nil {
		return exit.ExitCode()
	}
	return 0
}

// TryService runs a shell script as a service of the host's systemd, with
// properties such as "User=nobody", confined as services are.
func (h *Host) TryService(script string, properties ...string) (output string, err error) {
	args := []string{"systemd-run", "--quiet", "--wait", "--pipe", "--collect"}
	for _, p := range properties {
		args = append(args, "--property="+p)
	}
	// systemd expands $VARIABLE in a command
	args = append(args, "--", "sh", "-ec", strings.ReplaceAll(script, "$", "$$"))
	out, err := h.Command(args...).CombinedOutput()
	return string(out), err
}

// Until waits until the script prints the wanted text, apart from white space around
// it.
func (h *Host) Until(want, script string) {
	h.t.Helper()
	h.UntilMatch(func(out string) bool { return strings.TrimSpace(out) == want }, want, script)
}

// UntilContains waits until the output of the script contains the wanted text.
func (h *Host) UntilContains(want, script string) {
	h.t.Helper()
	h.UntilMatch(func(out string) bool { return strings.Contains(out, want) }, want, script)
}

// UntilMatch waits until the output of the script is right; want describes it.
func (h *Host) UntilMatch(right func(output string) bool, want, script string) {
	h.t.Helper()
	start := time.Now()
	for deadline := start.Add(Patience); ; pause(start, 100*time.Millisecond) {
		out, _ := h.Try(script)
		if right(out) {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s (%s): %s\nprints, after %v:\n%s\nwant: %s", h.Name, h.Suite, script, Patience, out, want)
		}
	}
}

// Path is the path of the host's file on this machine.
func (h *Host) Path(file string) string {
	state, err := h.lab.state()
	if err != nil {
		h.t.Fatal(err)
	}
	return filepath.Join(state, h.Name, "root", file)
}

// Write writes a file of the host.
func (h *Host) Write(file, content string) {
	h.t.Helper()
	path := h.Path(file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// Reboot reboots the host, and returns when it has booted.
func (h *Host) Reboot() {
	h.t.Helper()
	if out, err := h.lab.script("lab-reboot", h.Name).CombinedOutput(); err != nil {
		h.t.Fatalf("%v\n%s", err, out)
	}
}

// end powers the host off; if the test failed, it shows the journal first.
func (h *Host) end() {
	if h.t.Failed() {
		out, _ := h.Try("journalctl --no-pager --lines 40 --unit 'hapgent*'")
		h.t.Logf("%s (%s): the journal of hapgent:\n%s", h.Name, h.Suite, out)
	}
	if out, err := h.lab.script("lab-down", h.Name).CombinedOutput(); err != nil {
		h.t.Errorf("lab-down %s: %v\n%s", h.Name, err, out)
	}
}
