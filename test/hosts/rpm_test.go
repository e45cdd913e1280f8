package hosts

import (
	"net"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// onRPM tries something on hosts with rpm and dnf where, as on Fedora and its kin,
// nothing is enabled by being installed: Debian 12 has rpm 4.18, and 14 has 6.
func onRPM(t *testing.T, try func(t *testing.T, h *lab.Host)) {
	need.Superuser(t)
	t.Parallel()
	for suite, force := range map[string]string{"bookworm": "--force-debian", "forky": ""} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			h := hosts.Host(t, suite, lab.RPM)
			shim, err := built.Shim(h.Path("/root"))
			if err != nil {
				t.Fatal(err)
			}
			h.Run("rpm --install " + force + " /root/" + shim)
			h.Write("/etc/systemd/system-preset/99-default-disable.preset", "disable *\n")
			try(t, h)
		})
	}
}

func dnf(h *lab.Host, command, v string) string {
	return h.Run("dnf " + command + " -y --disablerepo='*' " + rpm(v) + " 2>&1")
}

func TestRPMInstallsAndKeepsTheStateOfARemovedPackage(t *testing.T) {
	onRPM(t, func(t *testing.T, h *lab.Host) {
		dnf(h, "install", version)
		expect(t, "enabled and active as the distribution has it", state(h), "disabled\ndisabled\ninactive\ninactive\n")
		h.Run("systemctl enable --now hapgent hapgent@9778")
		expect(t, "the answer", h.Ask("9777"), "FAIL")
		putIn(h)
		expect(t, "the directory", h.Run("stat -c '%U %G %a' /etc/hapgent"), "root hapgent 2770\n")
		expect(t, "what rpm finds changed", h.Run("rpm --verify --nodeps hapgent || true"), "")

		h.Run("systemctl enable --now hapgent@9779.socket; dnf remove -y hapgent 2>&1")
		expect(t, "processes after the remove", h.Run("pgrep hapgent || true"), "")
		expect(t, "links after the remove", h.Run("ls -d /etc/systemd/system/*/hapgent* 2>/dev/null || true"), "")
		expect(t, "the state after the remove", h.Run("cat /etc/hapgent/state.json"), "{\"status\":\"UP\"}\n")
		dnf(h, "install", version)
		h.Run("systemctl enable --now hapgent")
		expect(t, "the answer after the reinstall", h.Ask("9777"), "UP")
	})
}

func TestRPMUpgradeLeavesAllAsItWas(t *testing.T) {
	onRPM(t, func(t *testing.T, h *lab.Host) {
		dnf(h, "install", older)
		upgrade := func() (out string) {
			out = dnf(h, "upgrade", version)
			expect(t, "the version", h.Run("rpm -q --qf '%{VERSION}' hapgent"), version)
			dnf(h, "downgrade", older)
			return out
		}
		for _, off := range []string{
			"true", // as installed
			"systemctl enable hapgent",
			"systemctl mask hapgent",
			"systemctl unmask hapgent; systemctl disable hapgent; systemctl start hapgent",
			"systemctl enable --now hapgent",
		} {
			h.Run(off)
			before := state(h)
			upgrade()
			expect(t, "enabled and active, after "+off, state(h), before)
		}
		putIn(h)
		h.Run("printf '{\"weight\":7 , \"status\":\"UP\"}' >/etc/hapgent/state.json; echo HAPGENT_IP=0.0.0.0 >/etc/default/hapgent; systemctl reload hapgent")
		h.Run("chown ops /etc/hapgent; chmod 2750 /etc/hapgent")
		directory := h.Run("stat -c '%U %G %a' /etc/hapgent")
		before := h.Run("sha256sum /etc/hapgent/state.json /etc/default/hapgent; systemctl show -P MainPID hapgent")
		upgrade()
		after := h.Run("sha256sum /etc/hapgent/state.json /etc/default/hapgent; systemctl show -P MainPID hapgent")
		expect(t, "state and settings", after[:strings.LastIndex(after[:len(after)-1], "\n")], before[:strings.LastIndex(before[:len(before)-1], "\n")])
		expect(t, "the directory that an administrator changed", h.Run("stat -c '%U %G %a' /etc/hapgent"), directory)
		if after == before {
			t.Error("the upgrade did not restart the service")
		}
		expect(t, "the answer", h.Ask("9777"), "UP 7%")

		h.Run("echo HAPGENT_PORT=70000 >>/etc/default/hapgent")
		if out := upgrade(); !strings.Contains(out, "hapgent: not running after the restart; what is wrong:") {
			t.Errorf("dnf does not tell that the service does not start:\n%s", out)
		}
	})
}

func TestRPMSocketRefusesNoCheck(t *testing.T) {
	onRPM(t, func(t *testing.T, h *lab.Host) {
		dnf(h, "install", older)
		h.Run("systemctl enable --now hapgent.socket; systemctl start hapgent")
		putIn(h)
		polled := pollWhile(t, net.JoinHostPort(h.Address, "9777"), func() { dnf(h, "upgrade", version) })
		if len(polled) != 1 || polled["UP"] < 20 {
			t.Errorf("checks during the upgrade: %v", polled)
		}
	})
}
