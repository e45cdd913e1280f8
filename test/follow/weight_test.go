package follow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// weigh runs the command of the timers in cron's environment, with the given settings,
// load and pressure.
func weigh(h *lab.Host, settings string) (said string, err error) {
	return h.Try(`unshare --mount sh -ec '
		mount --bind /root/loadavg /proc/loadavg
		[ ! -e /root/pressure ] || mount --bind /root/pressure /proc/pressure
		umask 077
		exec env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH=/usr/bin:/bin /bin/sh -c "` + strings.ReplaceAll(settings, `"`, `\"`) + ` /usr/libexec/hapgent/weight"' 2>&1`)
}

// weighed brings the host into the balancer, busy and without a weight.
func weighed(h *lab.Host) {
	followed(h)
	h.Run("rm -rf /root/pressure; echo 0.00 0.00 0.00 1/1 1 >/root/loadavg")
}

func TestWeightOfEachSourceByCron(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		weighed(h)
		h.Run(`mkdir /root/pressure; echo "$(nproc).50 0.00 0.00 1/1 1" >/root/loadavg
			for s in cpu.10.49 memory.0.00 io.99.99; do printf 'some avg10=1.00 avg60=%s avg300=2.00 total=3\nfull avg10=4.00 avg60=5.00 avg300=6.00 total=7\n' "${s#*.}" >/root/pressure/${s%%.*}; done`)
		mode := "stat -c '%a %U %G' /etc/hapgent/state.json"
		before := h.Run(mode)
		for _, test := range []struct{ settings, answer string }{
			{"", "UP 1%"}, // more load than processors
			{"SOURCE=cpu STEP=255", "UP 89%"},
			{"SOURCE=memory STEP=255", "UP 100%"},
			{"SOURCE=io STEP=255", "UP 1%"},
			{"SOURCE=memory MAX=50 STEP=255", "UP 50%"},
			{"SOURCE=io MIN=20 STEP=255", "UP 20%"},
			{"SOURCE=memory STEP=7", "UP 27%"}, // not at once
			{"SOURCE=memory STEP=7", "UP 34%"},
			{"SOURCE=io STEP=7", "UP 27%"},
			{`SOURCE="echo 30" STEP=7`, "UP 30%"},
			{`SOURCE="echo 200" MAX=255 STEP=255`, "UP 200%"},
		} {
			if test.settings == "" {
				test.settings = "STEP=255"
			}
			if said, err := weigh(h, test.settings); err != nil || said != "" {
				t.Errorf("%s: %v\n%s", test.settings, err, said)
			}
			expect(t, test.settings, h.Ask("9777"), test.answer)
		}
		expect(t, "mode, user and group of the state file", h.Run(mode), before)
	})
}

// An error is one sentence, and the weight stays.
func TestWeightStaysWhereSomethingIsWrong(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		weighed(h)
		h.Run("mkdir /root/pressure; hapgentctl weight 50%")
		for _, test := range []struct{ settings, said string }{
			{"SOURCE=cpu", "the kernel has no /proc/pressure/cpu: it takes psi=1 on its command line"},
			{"MIN=-1", `MIN must be a number from 0 to 255, found "-1"`},
			{"MIN=60 MAX=40", `MAX must be a number from 60 to 255, found "40"`},
			{"MAX=256", `MAX must be a number from 1 to 255, found "256"`},
			{"STEP=0", `STEP must be a number from 1 to 255, found "0"`},
			{"STEP=half", `STEP must be a number from 1 to 255, found "half"`},
			{`SOURCE="echo 1e2"`, `what SOURCE prints must be a number from 0 to 255, found "1e2"`},
			{`SOURCE="echo 256"`, `what SOURCE prints must be a number from 0 to 255, found "256"`},
			{"SOURCE=true", `what SOURCE prints must be a number from 0 to 255, found ""`},
			{`SOURCE="seq 2"`, "what SOURCE prints must be a number from 0 to 255, found \"1\n2\""},
			{`SOURCE="exit 3"`, "SOURCE failed, with status 3: exit 3"},
		} {
			said, err := weigh(h, test.settings)
			if want := "hapgent-weight: " + test.said + "; the weight stays\n"; err == nil || said != want {
				t.Errorf("%s: %v\n%swant\n%s", test.settings, err, said, want)
			}
		}
		expect(t, "the answer", h.Ask("9777"), "UP 50%")
		h.Run("systemctl stop hapgent")
		if said, err := weigh(h, ""); err == nil || !strings.HasSuffix(said, "hapgent-weight: the agent cannot be asked; the weight stays\n") {
			t.Errorf("%v\n%s", err, said)
		}
		h.Run("systemctl start hapgent")
	})
}

// A weight that is right already is not written again; none is 100% for HAProxy.
func TestWeightThatIsRightChangesNothing(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		weighed(h)
		for _, weight := range []string{"-", "50%"} {
			h.Run("hapgentctl weight " + weight)
			before := h.Run("stat -c %i /etc/hapgent/state.json")
			source := map[string]string{"-": "echo 100", "50%": "echo 50"}[weight]
			if said, err := weigh(h, `SOURCE="`+source+`"`); err != nil || said != "" {
				t.Errorf("%v\n%s", err, said)
			}
			expect(t, "the state file", h.Run("stat -c %i /etc/hapgent/state.json"), before)
		}
	})
}

// A signal that comes while a weight is set, at any point, is not undone. The weight
// may be undone until the next run, and a message says so.
func TestWeightUndoesNoSignal(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		weighed(h)
		for round := range 10 {
			signal, status := "USR2", "DOWN"
			if round%2 == 1 {
				signal, status = "USR1", "UP"
			}
			h.Run(fmt.Sprintf(`SOURCE="echo %d" STEP=255 /usr/libexec/hapgent/weight >/root/said 2>&1 & sleep 0.%02d; systemctl kill -s %s hapgent; wait $! || grep -q "another change came between" /root/said`,
				10+round, 6*round, signal))
			h.Run("hapgentctl wait " + status)
			expect(t, "the state file", h.Run("hapgent --check"), h.Ask("9777")+"\n")
		}
	})
}

func TestTimers(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		weighed(h)
		expect(t, "the timer at first", h.Run("systemctl is-enabled hapgent-weight.timer || true; systemctl is-active hapgent-weight.timer || true"), "disabled\ninactive\n")
		h.Run("systemctl start hapgent-weight.timer")
		contains(t, h.Run("systemctl show -p TimersCalendar hapgent-weight.timer; systemctl stop hapgent-weight.timer"), "OnCalendar=*-*-* *:*:00 ;")
		h.Run("systemctl enable --quiet --now hapgent@9778 2>/dev/null; hapgentctl -i 9778 up")
		h.Write("/etc/default/hapgent-weight", "SOURCE='echo 85'\nSTEP=9\n")
		h.Write("/etc/default/hapgent-weight@9778", "SOURCE='echo 42'\n")
		h.Write("/etc/systemd/system/hapgent-weight@.timer.d/often.conf", "[Timer]\nOnCalendar=*:*:0/4\nAccuracySec=1ms\n") // not each minute
		h.Run("systemctl daemon-reload; systemctl enable --quiet --now hapgent-weight@9777.timer hapgent-weight@9778.timer")
		h.UntilAnswers("UP 85%", "9777")
		contains(t, h.Run("journalctl --no-pager -o cat -u hapgent"), "SIGHUP: UP 85%, was UP 91%")
		h.UntilAnswers("UP 42%", "9778")

		h.Write("/etc/default/hapgent-weight@9778", "SOURCE='echo nonsense'\n")
		h.UntilContains(`hapgent-weight: what SOURCE prints must be a number from 0 to 255, found "nonsense"; the weight stays`, "journalctl --no-pager -o cat -u hapgent-weight@9778")
		expect(t, "what runs say", h.Run("journalctl --quiet --no-pager -o cat -t weight -u hapgent-weight@9777"), "")
		h.Run(`systemctl disable --quiet --now hapgent-weight@9777.timer hapgent-weight@9778.timer hapgent@9778
			rm -rf /etc/default/hapgent-weight* /etc/hapgent/9778.json /etc/systemd/system/hapgent-weight@.timer.d; systemctl daemon-reload`)
	})
}
