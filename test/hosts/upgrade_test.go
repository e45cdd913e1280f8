package hosts

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// Complaint: an upgrade starts a service that the administrator had disabled, or
// un-masks it.
func TestUpgradeStartsNothingThatWasOff(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, older)
		for _, off := range []string{
			"systemctl disable --now hapgent",
			"systemctl enable hapgent; systemctl stop hapgent",
			"systemctl mask --now hapgent",
		} {
			h.Run(off)
			before := state(h)
			dpkg(h, version)
			expect(t, "enabled and active, upgraded after "+off, state(h), before)
			dpkg(h, older) // a downgrade is an upgrade to the scripts
			expect(t, "enabled and active, downgraded after "+off, state(h), before)
		}
		h.Run("systemctl unmask hapgent; systemctl disable hapgent; systemctl start hapgent")
		before := state(h)
		dpkg(h, version)
		expect(t, "enabled and active, upgraded while it runs disabled", state(h), before)
	})
}

func state(h *lab.Host) string {
	return h.Run("systemctl is-enabled hapgent hapgent.socket || true; systemctl is-active hapgent hapgent.socket || true")
}

// Complaint: an upgrade stops the service and never starts it again.
func TestUpgradeRestartsWhatRuns(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, older)
		h.Run("systemctl enable --now hapgent@9778; systemctl start hapgent@9779; systemctl enable hapgent@9780")
		processes := func() string {
			return h.Run("for unit in hapgent hapgent@9778 hapgent@9779 hapgent@9780; do systemctl show -P ActiveState -P MainPID $unit | paste -s; done")
		}
		before := strings.Split(processes(), "\n")
		dpkg(h, version)
		after := strings.Split(processes(), "\n")
		for i := range 3 {
			if before[i] == after[i] || !strings.HasPrefix(after[i], "active\t") && !strings.HasSuffix(after[i], "\tactive") {
				t.Errorf("unit %d: state and process before and after the upgrade: %q and %q", i, before[i], after[i])
			}
		}
		expect(t, "state and process of the stopped instance", after[3], before[3])
		h.UntilContains("version "+version, "journalctl -u hapgent@9779")
	})
}

// Complaint: remove, then reinstall, leaves it stopped.
func TestReinstallAfterRemoveRuns(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		h.Run("systemctl enable --now hapgent@9778; systemctl kill -s USR1 hapgent@9778")
		h.Run("systemctl disable --now hapgent@9779.socket 2>/dev/null; systemctl enable --now hapgent@9780.socket")
		h.UntilAnswers("UP", "9778")
		h.Run("apt-get remove -y hapgent")
		expect(t, "units that run after the remove", h.Run("systemctl list-units --plain --no-legend --state=active 'hapgent*'"), "")
		expect(t, "state files after the remove", h.Run("cd /etc/hapgent; cat state.json 9778.json"), "{\"status\":\"UP\"}\n{\"status\":\"UP\"}\n")
		install(h, version)
		for _, port := range []string{"9777", "9778"} {
			expect(t, "the answer at "+port+" after the reinstall", h.Ask(port), "UP")
		}
		expect(t, "the answer through the socket", h.Ask("9780"), "FAIL")
		expect(t, "disabled after remove and reinstall", h.Run("systemctl disable --now hapgent >/dev/null 2>&1; apt-get remove -y hapgent >/dev/null 2>&1; apt-get install -y "+deb(version)+" >/dev/null 2>&1 </dev/null; systemctl is-enabled hapgent || true; systemctl is-active hapgent || true"), "disabled\ninactive\n")
	})
}

// A package that is half-configured makes every later apt fail.
func TestInstallOverAMaskedUnit(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		h.Run("systemctl mask hapgent.service hapgent.socket 2>/dev/null")
		for _, do := range []func(h *lab.Host, v string) string{install, dpkg, dpkg} {
			do(h, version)
			expect(t, "the package's status", h.Run("dpkg-query -W -f '${db:Status-Abbrev}' hapgent"), "ii ")
			expect(t, "enabled and active", state(h), "masked\nmasked\ninactive\ninactive\n")
		}
		h.Run("apt-get remove -y hapgent")
		install(h, version)
		h.Run("systemctl unmask hapgent.service hapgent.socket; systemctl enable --now hapgent")
		expect(t, "the answer once unmasked", h.Ask("9777"), "FAIL")
		h.Run("systemctl mask hapgent.service; apt-get purge -y hapgent")
		expect(t, "what is left", h.Run("dpkg-query -W -f '${db:Status-Abbrev}' hapgent 2>/dev/null || true; ls -d /etc/hapgent /etc/systemd/system/*/hapgent* 2>/dev/null || true"), "")
	})
}

// Of the script that a removed package leaves systemd's generator would make a
// service at the next boot.
func TestRemovedPackageIsNoServiceAfterAReboot(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		h.Run("apt-get remove -y hapgent")
		h.Reboot()
		expect(t, "the service of the removed package", h.Run("systemctl show -P LoadState -P ActiveState hapgent.service"), "not-found\ninactive\n")
		install(h, version)
		expect(t, "the answer after the reinstall", h.Ask("9777"), "UP")
		expect(t, "the mode of the script", h.Run("stat -c %a /etc/init.d/hapgent"), "755\n")
		h.Reboot()
		h.UntilAnswers("UP", "9777")
	})
}

// Complaint: a configuration or state file overwritten on upgrade, or a conffile
// prompt for a file that the program itself writes.
func TestUpgradeKeepsStateAndSettings(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, older)
		h.Run("echo HAPGENT_PORT=9790 >/etc/default/hapgent; printf '{\"weight\":7 , \"status\":\"UP\"}' >/etc/hapgent/state.json; systemctl restart hapgent")
		h.Run("touch -d 2020-01-01 /etc/hapgent/state.json; chmod 600 /etc/hapgent/state.json; chown nobody:root /etc/hapgent/state.json; chmod 2750 /etc/hapgent")
		files := func() string {
			return h.Run("stat -c '%n %i %U %G %a %Y' /etc/hapgent /etc/hapgent/state.json; sha256sum /etc/hapgent/state.json /etc/default/hapgent")
		}
		before := files()
		out := dpkg(h, version)
		expect(t, "the files after the upgrade", files(), before)
		expect(t, "the answer", h.Ask("9790"), "UP 7%")
		if strings.Contains(out, "onfiguration file") {
			t.Errorf("dpkg asks:\n%s", out)
		}
		expect(t, "what dpkg calls a conffile", h.Run("dpkg-query -W -f '${Conffiles}\\n' hapgent | awk 'NF {print $1}'"), "/etc/default/hapgent\n/etc/init.d/hapgent\n/etc/ufw/applications.d/hapgent\n")
	})
}

// Complaint: purge leaves files or groups behind.
func TestPurgeLeavesNothing(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		// what apt and dpkg keep for themselves, and what systemd and the log write
		inventory := func() string {
			return h.Run(`find /etc /usr /var /run -xdev \( -path /var/log -o -path '/var/cache/*' -o -path '/var/lib/dpkg*' -o -path '/var/lib/apt*' -o -path /run -o -path /var/tmp \
				-o -name '*-' -o -path '/var/lib/systemd/timers/*' -o -path '/var/lib/systemd/random-seed' \) -prune -o -print | sort; ls /run; getent group | cut -d : -f 1 | sort`)
		}
		h.Run("update-rc.d --help >/dev/null 2>&1 || true; systemctl daemon-reload; apt-get check >/dev/null")
		before := inventory()
		install(h, version)
		putIn(h)
		h.Run(`systemctl enable --now hapgent@9778 hapgent@9779.socket; systemctl kill -s USR1 hapgent@9778; systemctl enable hapgent.socket
			echo HAPGENT_IP=127.0.0.1 >/etc/default/hapgent@9778`)
		h.UntilAnswers("UP", "9778")
		h.Run("apt-get purge -y hapgent")
		after := inventory()
		if diff := difference(before, after); diff != "" {
			t.Errorf("left behind, or gone:\n%s", diff)
		}
		if out := h.Run("systemctl list-units --all --plain --no-legend 'hapgent*'; pgrep -l hapgent || true"); out != "" {
			t.Errorf("left behind in systemd:\n%s", out)
		}
		install(h, version)
		expect(t, "the answer of a new installation", h.Ask("9777"), "FAIL")
		// a group that a user has cannot go, which is no reason to fail
		h.Run("useradd --system --gid hapgent deployer; apt-get purge -y hapgent")
		expect(t, "the package's status", h.Run("dpkg-query -W -f '${db:Status-Abbrev}' hapgent 2>/dev/null || true"), "")
	})
}

// difference are the lines that only one of two has.
func difference(before, after string) string {
	count := map[string]int{}
	for line := range strings.Lines(before) {
		count[line]--
	}
	for line := range strings.Lines(after) {
		count[line]++
	}
	var b strings.Builder
	for line, n := range count {
		if n != 0 {
			fmt.Fprintf(&b, "%+d %s", n, line)
		}
	}
	return b.String()
}

// With the socket unit neither a restart nor an upgrade refuses a check.
func TestSocketRefusesNoCheck(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, older)
		putIn(h)
		h.Run("systemctl stop hapgent; systemctl enable --now hapgent.socket; systemctl start hapgent")
		polled := pollWhile(t, net.JoinHostPort(h.Address, "9777"), func() {
			for range 5 {
				h.Run("systemctl restart hapgent")
			}
			dpkg(h, version)
			h.Run("systemctl kill -s KILL hapgent; sleep 2")
			dpkg(h, older)
		})
		expect(t, "the socket unit", h.Run("systemctl is-active hapgent.socket"), "active\n")
		for what, n := range polled {
			if what != "UP" {
				t.Errorf("%d checks: %s", n, what)
			}
		}
		t.Logf("%s: %v", h.Suite, polled)
		if polled["UP"] < 100 {
			t.Errorf("only %d checks were answered UP: %v", polled["UP"], polled)
		}
	})
}

// pollWhile checks the agent every 20 ms while something is done, and counts answers
// and errors.
func pollWhile(t *testing.T, address string, do func()) map[string]int {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	results := make(chan map[string]int)
	go func() {
		count := map[string]int{}
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			answer, err := hosts.Ask(address)
			if err != nil {
				answer = err.Error()
			}
			count[answer]++
		}
		results <- count
	}()
	defer stop()
	do()
	stop()
	return <-results
}
