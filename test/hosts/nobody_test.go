package hosts

import (
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// Other services run as nobody, too. None of them reaches the state: neither its
// file nor the process that holds it.
func TestOtherProcessesOfNobodyCannotReachTheState(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		pid := strings.TrimSpace(h.Run("systemctl show -P MainPID hapgent"))
		othersOfNobodyCannotReach(t, h, pid)
		// the same with the group, so that it is the group that decides
		if out, err := h.TryService("cat /etc/hapgent/state.json && touch /etc/hapgent/another", "User=nobody", "SupplementaryGroups=hapgent"); err != nil {
			t.Errorf("a process of nobody in the group: %v\n%s", err, out)
		}
		// what no group keeps out, as the documents say
		if out, err := h.TryService("kill -USR2 "+pid, "User=nobody"); err != nil {
			t.Errorf("a signal from another process of nobody: %v\n%s", err, out)
		}
		h.UntilAnswers("DOWN", "9777")
	})
}

// othersOfNobodyCannotReach tries, as nobody, what root can do to the process and
// its state.
func othersOfNobodyCannotReach(t *testing.T, h *lab.Host, pid string) {
	t.Helper()
	for _, script := range []string{
		"cat /etc/hapgent/state.json",
		"ls /etc/hapgent",
		"touch /etc/hapgent/other",
		"true >>/etc/hapgent/state.json",
		"ls /proc/" + pid + "/root/etc/hapgent",
		"readlink /proc/" + pid + "/fd/0",
		"true </proc/" + pid + "/mem",
		"python3 -c 'import ctypes; exit(ctypes.CDLL(None).ptrace(0x4206, " + pid + ", 0, 0) != 0)'", // PTRACE_SEIZE
	} {
		if out, err := h.TryService(script, "User=nobody"); err == nil {
			t.Errorf("another process of nobody can %s:\n%s", script, out)
		}
		if out, err := h.TryService(script); err != nil {
			t.Errorf("root cannot %s, so that it shows nothing: %v\n%s", script, err, out)
		}
	}
}

// The example moves the service to a user of its own, with its state.
func TestOwnUserKeepsSignalsOut(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		h.Run("systemctl enable --now hapgent@9778; systemctl kill -s USR1 hapgent@9778")
		h.UntilAnswers("UP", "9778")
		for _, unit := range []string{"hapgent", "hapgent@"} {
			h.Run("mkdir -p /etc/systemd/system/" + unit + ".service.d; cp /usr/share/doc/hapgent/examples/own-user.conf /etc/systemd/system/" + unit + ".service.d/")
		}
		h.Run("systemctl daemon-reload; systemctl restart hapgent hapgent@9778")
		for unit, port := range map[string]string{"hapgent": "9777", "hapgent@9778": "9778"} {
			expect(t, "the answer of "+unit, h.Ask(port), "UP")
			pid := strings.TrimSpace(h.Run("systemctl show -P MainPID " + unit))
			if out, err := h.TryService("kill -USR2 "+pid, "User=nobody"); err == nil {
				t.Errorf("nobody can send %s a signal:\n%s", unit, out)
			}
			h.Run("systemctl kill -s USR2 " + unit)
			h.UntilAnswers("DOWN", port)
			h.Run("systemctl reload " + unit + "; systemctl restart " + unit)
			h.UntilAnswers("DOWN", port)
		}
		expect(t, "the states", h.Run("cat /etc/hapgent/state.json /etc/hapgent/9778.json"), "{\"status\":\"DOWN\"}\n{\"status\":\"DOWN\"}\n")
		dpkg(h, older)
		expect(t, "the answer after another version", h.Ask("9777"), "DOWN")
	})
}
