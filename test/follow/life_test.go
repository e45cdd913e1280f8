package follow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// service notes what the agent answers when it starts and when it is to stop.
const service = `[Unit]
StartLimitIntervalSec=0
[Service]
ExecStartPre=/bin/sh -c 'echo start: $$(hapgentctl -i 9777 ask) >>/var/lib/noted'
ExecStart=/bin/sleep infinity
ExecStop=/bin/sh -c 'echo stop: $$(hapgentctl -i 9777 ask) >>/var/lib/noted'
Restart=on-failure
[Install]
WantedBy=multi-user.target
`

// settings are those of the service's instance; it is healthy while a file is there.
const settings = "WAIT=1\nTIMEOUT=20\nHEALTH='test -e /var/lib/works'\n"

// followed brings the host into the balancer, with the service web, which is followed,
// whatever earlier tests did to it.
func followed(h *lab.Host) {
	if h.Status("dpkg-query --status hapgent >/dev/null 2>&1") != 0 {
		install(h)
	}
	h.Run(`for service in web api; do systemctl disable --quiet --now $service 2>/dev/null || true; done
		rm -rf /var/lib/hapgent-follow/* /var/lib/noted /etc/default/hapgent-follow@* /etc/systemd/system/web.service.d`)
	h.Write("/etc/systemd/system/web.service", service)
	h.Write("/etc/default/hapgent-follow@web", settings)
	h.Run(`touch /var/lib/works; systemctl daemon-reload; systemctl reset-failed; systemctl start hapgent; hapgentctl set up weight:- maxconn:-
		systemctl enable --quiet web hapgent-follow@web 2>/dev/null; systemctl start web hapgent-follow@web
		rm /var/lib/noted; journalctl --quiet --rotate --vacuum-time=1s`)
	untilActive(h, "active, active")
}

// untilActive waits for the states of the service and of its instance in systemd.
func untilActive(h *lab.Host, want string) {
	h.Until(want, "systemctl is-active web hapgent-follow@web | paste -s -d , | sed 's/,/, /'")
}

// back waits until the host has returned, which must not fail.
func back(h *lab.Host) { h.Run("systemctl start hapgent-follow@web") }

// said is the output of the instance.
func said(h *lab.Host) string { return h.Run("journalctl --no-pager -o cat -u hapgent-follow@web") }

func marks(h *lab.Host) string {
	return strings.Join(strings.Fields(h.Run("ls /var/lib/hapgent-follow")), " ")
}

func TestHostLeavesBeforeTheServiceStopsAndReturnsAfterItHasStarted(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Run("hapgentctl weight 77%; hapgentctl maxconn 300")
		for _, command := range []string{"systemctl restart web", "systemctl stop web; systemctl start web"} {
			h.Run(command)
			back(h)
			expect(t, "the answer", h.Ask("9777"), "UP 77% maxconn:300")
			expect(t, "what the service saw", h.Run("cat /var/lib/noted; rm /var/lib/noted"), "stop: STOPPED 77% maxconn:300\nstart: STOPPED 77% maxconn:300\n")
			expect(t, "marks", marks(h), "")
		}
	})
}

// An agent that has another port than the usual one stops after the host has left, too.
func TestRebootWithAnInstance(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Run("systemctl stop web; systemctl enable --quiet --now hapgent@9778 2>/dev/null; hapgentctl -i 9778 up; echo INSTANCE=9778 >>/etc/default/hapgent-follow@web")
		// agents stop and start beside the service, once the host is out
		h.Write("/etc/systemd/system/web.service", strings.ReplaceAll(service, "hapgentctl -i 9777 ask", "HAPGENT_STATE_FILE=/etc/hapgent/9778.json hapgent --check"))
		h.Run("rm -rf /var/lib/hapgent-follow/*; systemctl daemon-reload; hapgentctl -i 9777 up; systemctl start web; rm /var/lib/noted")
		back(h)
		h.Reboot()
		back(h)
		expect(t, "the answer", h.Ask("9778"), "UP")
		expect(t, "what the service saw", h.Run("cat /var/lib/noted; rm /var/lib/noted"), "stop: STOPPED\nstart: STOPPED\n")
		if s := said(h); !strings.Contains(s, "the host is out of the balancer") || strings.Contains(s, "could not set the agent") {
			t.Errorf("before the reboot the agent was not told:\n%s", s)
		}

		h.Run("rm /var/lib/works") // and what does not come back from a reboot leaves the host out
		h.Reboot()
		expect(t, "the answer before the service works", h.Ask("9778"), "STOPPED")
		expect(t, "marks", marks(h), "web")
		h.Run("touch /var/lib/works")
		back(h)
		expect(t, "the answer", h.Ask("9778"), "UP")
		expect(t, "the answer of the other agent", h.Ask("9777"), "UP")
		h.Run("systemctl stop web; systemctl disable --quiet --now hapgent@9778; rm /etc/hapgent/9778.json")
	})
}

func TestHostThatIsOutOnPurposeStaysOut(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		for _, status := range []string{"DOWN", "DRAIN", "MAINT", "FAIL", "STOPPED"} {
			h.Run("hapgentctl " + strings.ToLower(status) + "; systemctl restart web")
			back(h)
			expect(t, "the answer after a restart", h.Ask("9777"), status)
			expect(t, "marks", marks(h), "")
		}
		contains(t, said(h), "the host was out before, and stays so")
		for _, status := range []string{"DOWN", "DRAIN", "MAINT", "FAIL"} { // while the service is away
			h.Run("hapgentctl up; systemctl stop web")
			expect(t, "the answer", h.Ask("9777"), "STOPPED")
			h.Run("hapgentctl " + strings.ToLower(status) + "; systemctl start web")
			back(h)
			expect(t, "the answer after a start", h.Ask("9777"), status)
			expect(t, "marks", marks(h), "")
		}
		contains(t, said(h), "the agent answers MAINT, which somebody else has set since: it stays so")
	})
}

// Each crash starts the instance again, however many there are.
func TestCrashesEndWithTheHostIn(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		pid := "systemctl show -P MainPID web"
		for range 8 {
			before := h.Run(pid)
			h.Run("systemctl kill -s KILL web")
			h.UntilMatch(func(now string) bool { return now != before && now != "0\n" }, "another process", pid)
		}
		h.UntilAnswers("UP", "9777")
		untilActive(h, "active, active")
		expect(t, "the answer in the end", h.Ask("9777"), "UP")
		expect(t, "marks", marks(h), "")
	})
}

func TestServiceThatDoesNotComeBackLeavesTheHostOut(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Write("/etc/systemd/system/web.service.d/restart.conf", "[Service]\nRestart=no\n")
		h.Run("systemctl daemon-reload; systemctl kill -s KILL web") // it ends
		untilActive(h, "failed, inactive")
		expect(t, "the answer", h.Ask("9777"), "STOPPED")
		h.Run("systemctl start web")
		back(h)
		expect(t, "the answer once it runs", h.Ask("9777"), "UP")

		h.Write("/etc/systemd/system/web.service.d/start.conf", "[Service]\nExecStartPre=/bin/test -e /var/lib/starts\n")
		h.Run("systemctl daemon-reload; ! systemctl restart web 2>/dev/null") // it does not start
		untilActive(h, "failed, inactive")
		expect(t, "the answer", h.Ask("9777"), "STOPPED")
		h.Run("rm -r /etc/systemd/system/web.service.d; systemctl daemon-reload; systemctl start web")
		back(h)
		expect(t, "the answer once it starts", h.Ask("9777"), "UP")

		h.Run("rm /var/lib/works; sed -i s/TIMEOUT=20/TIMEOUT=2/ /etc/default/hapgent-follow@web; systemctl restart web") // it does not work
		untilActive(h, "active, failed")
		expect(t, "the answer", h.Ask("9777"), "STOPPED")
		contains(t, said(h), "the host stays out of the balancer: HEALTH has not succeeded within 2 s: test -e /var/lib/works")
		h.Run("touch /var/lib/works")
		back(h)
		expect(t, "the answer once it works", h.Ask("9777"), "UP")
	})
}

func TestTwoServicesAreInWhenBothAllow(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Run(`cp /etc/systemd/system/web.service /etc/systemd/system/api.service; cp /etc/default/hapgent-follow@web /etc/default/hapgent-follow@api
			systemctl daemon-reload; systemctl enable --quiet --now api hapgent-follow@api 2>/dev/null`)
		both := "systemctl start hapgent-follow@web hapgent-follow@api"
		h.Run("systemctl stop web; systemctl stop api; systemctl start web")
		back(h)
		expect(t, "the answer while one is away", h.Ask("9777"), "STOPPED")
		contains(t, said(h), "the host stays out of the balancer for api")
		h.Run("systemctl restart web") // out for the other one, and for both
		back(h)
		expect(t, "the answer while one is away", h.Ask("9777"), "STOPPED")
		h.Run("systemctl start api; " + both)
		expect(t, "the answer with both", h.Ask("9777"), "UP")
		h.Run("systemctl restart web api; " + both) // at once
		expect(t, "the answer after a restart of both", h.Ask("9777"), "UP")
		expect(t, "marks", marks(h), "")

		h.Run("systemctl disable --quiet --now api; hapgentctl up; systemctl restart web") // who is never back
		back(h)
		expect(t, "the answer when an operator put the host in for all", h.Ask("9777"), "UP")
		expect(t, "marks", marks(h), "")
	})
}

func TestAgentThatCannotBeTold(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Run("systemctl stop hapgent; systemctl restart web")
		contains(t, said(h), "could not set the agent to STOPPED within 10 s: web stops under traffic")
		h.Run("systemctl start hapgent")
		back(h)
		expect(t, "the answer of the agent once it is there", h.Ask("9777"), "UP")

		h.Run("systemctl stop web; systemctl stop hapgent; systemctl start web")
		untilActive(h, "active, activating")
		h.Run("systemctl start hapgent") // and is told, late
		back(h)
		expect(t, "the answer of the agent once it is there", h.Ask("9777"), "UP")

		h.Run("sed -i s/TIMEOUT=20/TIMEOUT=2/ /etc/default/hapgent-follow@web; systemctl stop web; systemctl stop hapgent; systemctl start web")
		untilActive(h, "active, failed")
		contains(t, said(h), "the host stays out of the balancer: could not set the agent to UP within 2 s")
		h.Run("systemctl start hapgent")
		expect(t, "the answer", h.Ask("9777"), "STOPPED")
		back(h)
		expect(t, "the answer", h.Ask("9777"), "UP")
	})
}

// A host that could not return by itself does not leave.
func TestMarkThatCannotBeWritten(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Run("mount -t tmpfs -o nr_inodes=2 full /var/lib/hapgent-follow; systemctl restart web")
		expect(t, "the answer", h.Ask("9777"), "UP")
		contains(t, said(h), "could not set the agent to STOPPED within 10 s: web stops under traffic")
		contains(t, said(h), "No space left on device")
		h.Run("umount /var/lib/hapgent-follow")
	})
}

func TestStoppedWhileHealthIsTried(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Run("rm /var/lib/works; systemctl restart web; sed -i s/WAIT=1/WAIT=600/ /etc/default/hapgent-follow@web")
		untilActive(h, "active, activating")
		h.Run("systemctl stop web") // which waits for nothing
		expect(t, "the answer", h.Ask("9777"), "STOPPED")
		expect(t, "marks", marks(h), "web")
		h.Run("sed -i s/WAIT=600/WAIT=1/ /etc/default/hapgent-follow@web; touch /var/lib/works; systemctl start web")
		back(h)
		expect(t, "the answer", h.Ask("9777"), "UP")
	})
}

// Commands to systemd while a stop waits.
func TestAnotherWordDuringWAIT(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Run("sed -i s/WAIT=1/WAIT=4/ /etc/default/hapgent-follow@web")
		for _, test := range []struct{ first, second, noted, answer string }{
			{"restart", "restart", "stop: STOPPED\nstart: STOPPED\n", "UP"}, // once
			{"stop", "start", "", "UP"},                                     // not at all
			{"restart", "stop", "stop: STOPPED\n", "STOPPED"},
		} {
			h.Run("systemctl --no-block " + test.first + " web")
			h.UntilAnswers("STOPPED", "9777")
			h.Run("systemctl " + test.second + " web")
			if test.answer == "UP" {
				back(h)
			}
			expect(t, test.first+" and "+test.second, h.Run("touch /var/lib/noted; cat /var/lib/noted; rm /var/lib/noted"), test.noted)
			expect(t, "the answer", h.Ask("9777"), test.answer)
		}
	})
}

// To disable an instance, or to start it again, stops no service.
func TestInstanceByItsOwnName(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Run("systemctl restart hapgent-follow@web; systemctl disable --quiet --now hapgent-follow@web")
		expect(t, "the answer", h.Ask("9777"), "UP")
		h.Run("systemctl restart web") // unfollowed
		expect(t, "what the service saw", h.Run("cat /var/lib/noted"), "stop: UP\nstart: UP\n")
	})
}

func TestWrongSettingsAreToldAndNotTaken(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		h.Write("/etc/default/hapgent-follow@web", "WAIT=1s\nTIMEOUT=0\n")
		h.Run("systemctl restart web")
		back(h)
		expect(t, "the answer", h.Ask("9777"), "UP")
		for _, want := range []string{`WAIT must be a number of seconds below 100000, found "1s"; 15 is taken`, `TIMEOUT must be at least 1, found "0"; 60 is taken`} {
			contains(t, said(h), want)
		}
	})
}

// A name that systemd escapes, and one that is an instance itself.
func TestNamesOfServices(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		followed(h)
		for _, name := range []string{h.Run(`systemd-escape --mangle 'a b-c*' | sed 's/\.service//' | tr -d '\n'`), "site@1"} {
			h.Run("rm -f /var/lib/noted")
			h.Write("/etc/systemd/system/"+strings.Replace(name, "@1", "@", 1)+".service", service)
			h.Write("/etc/default/hapgent-follow@"+name, settings)
			unit := fmt.Sprintf("'hapgent-follow@%s.service'", name)
			h.Run(fmt.Sprintf("systemctl daemon-reload; systemctl enable --quiet %s; systemctl start '%s' %s; rm /var/lib/noted; systemctl restart '%s'; systemctl start %s", unit, name, unit, name, unit))
			expect(t, "what "+name+" saw", h.Run("cat /var/lib/noted"), "stop: STOPPED\nstart: STOPPED\n")
			expect(t, "the answer", h.Ask("9777"), "UP")
			h.Run(fmt.Sprintf("systemctl disable --quiet --now %s; systemctl stop '%s'; hapgentctl up", unit, name))
		}
	})
}
