package hosts

import (
	"cmp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// An error is one line, where an administrator looks; the scripts of the package
// neither fail because of it nor hide it.
func TestWhatIsWrongIsTold(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, older)
		putIn(h)
		for _, c := range []struct {
			wrong, told, mend string
			logged            string // where that is another text
			runs              bool   // the agent, all the same
		}{
			{
				wrong: "echo HAPGENT_PORT=70000 >>/etc/default/hapgent",
				told:  `HAPGENT_PORT must be a port from 1 to 65535, found "70000"`,
				mend:  "sed -i /70000/d /etc/default/hapgent",
			},
			{
				wrong:  "mv /etc/default/hapgent /etc/default/kept; mkdir /etc/default/hapgent",
				told:   "AssertPathIsDirectory=!/etc/default/hapgent was not met",
				logged: "hapgent.service: Starting requested but asserts failed.",
				mend:   "rmdir /etc/default/hapgent; mv /etc/default/kept /etc/default/hapgent",
			},
			{
				wrong: `cp /etc/hapgent/state.json /root/; echo '{"status":"UP","weight":"77"}' >/etc/hapgent/state.json`,
				told:  `answers FAIL on 0.0.0.0:9777: /etc/hapgent/state.json:1:25: weight must be an integer from 0 to 255, found "77"`,
				mend:  "cp /root/state.json /etc/hapgent/",
				runs:  true,
			},
			{
				wrong: "systemctl stop hapgent; systemd-run --quiet --unit=other socat TCP-LISTEN:9777,fork,reuseaddr /dev/null; sleep 1; systemctl start hapgent || true",
				told:  "cannot listen on 0.0.0.0:9777 (HAPGENT_IP, HAPGENT_PORT): address already in use",
				mend:  "systemctl stop other",
			},
		} {
			h.Run(c.wrong)
			started, err := h.Try("systemctl restart hapgent")
			if (err == nil) != c.runs {
				t.Errorf("%s: systemctl restart: %v\n%s", c.wrong, err, started)
			}
			h.UntilContains(c.told, "systemctl status --no-pager --full hapgent || true")
			h.UntilContains(cmp.Or(c.logged, c.told), "journalctl --no-pager -u hapgent")
			for _, v := range []string{version, older} {
				out := dpkg(h, v)
				expect(t, "the package's status, upgraded after "+c.wrong, h.Run("dpkg-query -W -f '${db:Status-Abbrev}' hapgent"), "ii ")
				if wasTried := c.logged == "" && !c.runs; wasTried && !strings.Contains(out, "hapgent: not running after the restart; what is wrong:") {
					t.Errorf("upgraded after %s: dpkg says\n%s\nwant %s", c.wrong, out, c.told)
				}
			}
			h.Run(c.mend + "; systemctl restart hapgent")
			h.UntilAnswers("UP", "9777")
		}
	})
}

// A missing file of settings is not an unreadable one.
func TestSettingsMayBeMissing(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run("rm /etc/default/hapgent; systemctl restart hapgent")
		expect(t, "the answer", h.Ask("9777"), "FAIL")
		// who deletes a conffile does not get it back
		dpkg(h, older)
		expect(t, "the deleted settings", h.Run("ls /etc/default/hapgent 2>/dev/null || echo none"), "none\n")
	})
}

// If the installation failed because of the service, the package would be half
// configured, and every later apt would fail.
func TestInstallationDoesNotFailForTheService(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		h.Run("systemd-run --quiet --unit=other socat TCP-LISTEN:9777,fork,reuseaddr /dev/null; sleep 1")
		out := install(h, version)
		for _, want := range []string{"hapgent: not running after the start; what is wrong:", "cannot listen on 0.0.0.0:9777 (HAPGENT_IP, HAPGENT_PORT): address already in use"} {
			if !strings.Contains(out, want) {
				t.Errorf("apt-get does not say %q:\n%s", want, out)
			}
		}
		h.Run("systemctl stop other")
		h.UntilAnswers("FAIL", "9777") // it tries for ever
	})
}

// A policy forbids services to start while an image is built.
func TestPolicyForbidsToStart(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		h.Run("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d")
		install(h, version)
		expect(t, "active, enabled", h.Run("systemctl is-active hapgent || true; systemctl is-enabled hapgent"), "inactive\nenabled\n")
	})
}

// A wrong setting does not repair itself: after StartLimitBurst= starts, fewer here,
// systemd gives up the service, which says why.
func TestWrongSettingIsGivenUp(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Write("/etc/systemd/system/hapgent.service.d/limit.conf", "[Unit]\nStartLimitBurst=3\n")
		h.Run("echo HAPGENT_PORT=70000 >>/etc/default/hapgent; systemctl daemon-reload; systemctl restart hapgent || true")
		h.Until("failed", "systemctl is-failed hapgent || true")
		for _, want := range []string{"Start request repeated too quickly", `HAPGENT_PORT must be a port from 1 to 65535, found "70000"`} {
			h.UntilContains(want, "systemctl status --no-pager --full --lines 20 hapgent || true")
		}
		expect(t, "starts", h.Run("journalctl --no-pager -u hapgent -o cat | grep -c '^HAPGENT_PORT must be'"), "3\n")
		h.Run("sed -i /70000/d /etc/default/hapgent; systemctl reset-failed hapgent; systemctl restart hapgent")
		expect(t, "the answer", h.Ask("9777"), "FAIL")
	})
}

// A check that waits in the queue of a socket starts the service again and again:
// both are given up, and both come back.
func TestSocketOfAServiceThatCannotRunIsGivenUp(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Write("/etc/systemd/system/hapgent.service.d/limit.conf", "[Unit]\nStartLimitBurst=3\n")
		h.Run("systemctl stop hapgent; echo HAPGENT_IP=nowhere >>/etc/default/hapgent; systemctl daemon-reload; systemctl enable --now hapgent.socket")
		h.Run("nc -w 2 127.0.0.1 9777 </dev/null || true")
		h.Until("failed failed", "systemctl is-failed hapgent.service hapgent.socket | paste -s -d ' '")
		h.UntilContains(`HAPGENT_IP must be an IPv4 or IPv6 address such as 0.0.0.0, 127.0.0.1, :: or ::1, found "nowhere"`, "journalctl --no-pager -u hapgent")
		h.Run("sed -i /nowhere/d /etc/default/hapgent; systemctl reset-failed hapgent.service; systemctl restart hapgent.socket")
		h.UntilAnswers("FAIL", "9777")
	})
}
