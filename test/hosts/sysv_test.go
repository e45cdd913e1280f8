package hosts

import (
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// A host without systemd has the same agent, by its SysV script.
func TestSysV(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	h := hosts.Host(t, "bookworm", lab.SysV)
	dpkg(h, older)
	expect(t, "the answer", h.Ask("9777"), "FAIL")
	expect(t, "user and group", h.Run("stat -c '%U %G' /proc/$(cat /run/hapgent.pid)"), "nobody hapgent\n")
	expect(t, "status", h.Run("/etc/init.d/hapgent status"), "hapgent is running\n")
	h.Run("pkill -USR1 hapgent")
	h.UntilAnswers("UP", "9777")
	expect(t, "the state file", h.Run("stat -c '%U %G %a' /etc/hapgent/state.json"), "nobody hapgent 640\n")

	h.Run(`echo '{"status":"DRAIN"}' >/etc/hapgent/state.json; /etc/init.d/hapgent reload`)
	h.UntilAnswers("DRAIN", "9777")
	h.Run("echo HAPGENT_PORT=9780 >>/etc/default/hapgent; HAPGENT_PORT=1 /etc/init.d/hapgent restart")
	expect(t, "the answer at another port", h.Ask("9780"), "DRAIN")

	before := h.Run("cat /run/hapgent.pid")
	dpkg(h, version)
	if h.Run("cat /run/hapgent.pid") == before {
		t.Error("the upgrade did not restart it")
	}
	h.Run("/etc/init.d/hapgent stop; /etc/init.d/hapgent stop")
	expect(t, "status once stopped", h.Run("/etc/init.d/hapgent status || echo $?"), "hapgent is not running\n3\n")
	dpkg(h, older)
	expect(t, "processes after an upgrade of what was stopped", h.Run("pgrep hapgent || true"), "")

	h.Run("dpkg --remove hapgent")
	expect(t, "the script of a removed package", h.Run("sh /etc/init.d/hapgent start; stat -c %a /etc/init.d/hapgent"), "644\n")
	dpkg(h, version)
	expect(t, "the answer after the reinstall", h.Ask("9780"), "DRAIN")
	h.Reboot()
	h.UntilAnswers("DRAIN", "9780")

	h.Run("dpkg --purge hapgent")
	expect(t, "what is left", h.Run("set +e; ls -d /etc/hapgent /etc/default/hapgent* /etc/init.d/hapgent /etc/rc?.d/*hapgent /run/hapgent* 2>/dev/null; pgrep hapgent; getent group hapgent; true"), "")
}

// The agent's messages go to the system's log, and a start that fails says so.
func TestSysVTellsWhatIsWrong(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	h := hosts.Host(t, "bookworm", lab.SysV)
	h.Run("socat -u UNIX-RECV:/dev/log OPEN:/var/log/syslog,creat,append >/dev/null 2>&1 & sleep 1")
	h.Run("mkdir -p /etc/default; echo HAPGENT_PORT=none >/etc/default/hapgent")
	out := h.Run("dpkg --force-confold --install " + deb(version) + " </dev/null 2>&1")
	if want := "hapgent: start failed; the reason is in the system log"; !strings.Contains(out, want) {
		t.Errorf("dpkg does not say %q:\n%s", want, out)
	}
	expect(t, "the package's status", h.Run("dpkg-query -W -f '${db:Status-Abbrev}' hapgent"), "ii ")
	h.UntilContains(`hapgent: HAPGENT_PORT must be a port from 1 to 65535, found "none"`, "cat /var/log/syslog")
}

// Under systemd the units are what counts, and the script does nothing.
func TestSysVScriptDoesNothingUnderSystemd(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run("systemctl stop hapgent")
		out := h.Run("/etc/init.d/hapgent start 2>&1")
		expect(t, "the script says", out, "hapgent: this host runs systemd: use systemctl start hapgent\n")
		expect(t, "processes", h.Run("pgrep hapgent || true"), "")
	})
}
