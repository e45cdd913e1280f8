package faults

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// auditKey is the key of the rules here.
const auditKey = "hapgent-test"

// auditRecords has the kernel audit by some rules until the test ends, and returns
// what is recorded. It takes them as journald does, beside an auditd if there is one:
// by the multicast group of audit, AUDIT_NLGRP_READLOG.
func auditRecords(t *testing.T, rules string) <-chan string {
	t.Helper()
	auditctl := need.Command(t, "auditctl", "auditd")
	run := func(args ...string) string {
		out, err := exec.Command(auditctl, args...).CombinedOutput()
		if err != nil {
			t.Errorf("auditctl %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	socket, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_AUDIT)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(socket, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: 1}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetsockoptTimeval(socket, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 1}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(run("-s"), "enabled 0") {
		run("-e", "1")
		t.Cleanup(func() { run("-e", "0") })
	}
	t.Cleanup(func() { run("-D", "-k", auditKey) })
	run("-R", rules)
	records := make(chan string)
	go func() {
		defer syscall.Close(socket)
		buffer := make([]byte, 16384)
		for t.Context().Err() == nil {
			n, _, err := syscall.Recvfrom(socket, buffer, 0)
			if err != nil { // a second without a record, or more records than it takes
				continue
			}
			select {
			case records <- string(buffer[:n]):
			case <-t.Context().Done():
			}
		}
	}()
	return records
}

// The user is the one who logged in, whoever it is by now.
func TestAuditRulesRecordWhoChangedTheAnswer(t *testing.T) {
	need.Superuser(t)
	a := start(t, stateFile(t, `{"status":"UP"}`))
	// beside the rules of a machine that has them
	text := strings.NewReplacer("/etc/hapgent", filepath.Dir(a.file), "-k hapgent", "-k "+auditKey).Replace(need.Read(t, "examples", "audit.rules"))
	rules := filepath.Join(t.TempDir(), "audit.rules")
	write(t, rules, text)
	records := auditRecords(t, rules)
	need.Command(t, "kill", "procps")
	need.Command(t, "systemctl", "systemd")
	const who = "4242"
	for exe, command := range map[string]string{
		filepath.Join(bin, "hapgent"): "HAPGENT_STATE_FILE=" + a.file + " " + bin + "/hapgent --set drain",
		"/usr/bin/kill":               "kill -USR2 " + strconv.Itoa(a.cmd.Process.Pid),
		"/usr/bin/systemctl":          "systemctl --version",
	} {
		script := "echo " + who + " >/proc/self/loginuid && exec env " + command
		cmd := exec.Command("sh", "-c", script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		want := regexp.MustCompile(`auid=` + who + ` .* exe="` + regexp.QuoteMeta(exe) + `" .*key="` + auditKey + `"`)
		for found := false; !found; {
			select {
			case record := <-records:
				found = want.MatchString(record)
			case <-time.After(patience):
				t.Fatalf("no record of %s by %s", exe, who)
			}
		}
	}
}
