package hosts

import (
	"regexp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// ctl runs commands of hapgentctl and compares what they print, on both streams,
// and the exit status they end with.
func ctl(t *testing.T, h *lab.Host, prefix string, table [][2]string) {
	t.Helper()
	for _, row := range table {
		got := strings.TrimSpace(h.Run("set +e; " + prefix + "hapgentctl " + row[0] + " 2>&1; echo $?"))
		if want := strings.ReplaceAll(row[1], "{several}", "hapgentctl: this host has several agents: choose by -i PORT, or all by -a: "); got != want {
			t.Errorf("%s: hapgentctl %s\nprints\n%s\nwant\n%s", h.Suite, row[0], got, want)
		}
	}
}

const help = " (hapgentctl -h lists what there is)"

func TestHapgentctlChangesTheOnlyAgent(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		for _, step := range [][2]string{
			{"up", "UP"}, {"up", "UP"}, {"weight 50%", "UP 50%"}, {"maxconn 300", "UP 50% maxconn:300"}, {"drain", "DRAIN 50% maxconn:300"},
			{"weight -", "DRAIN maxconn:300"}, {"set maxconn:- 7% Ready", "READY 7%"}, {"set 'maint weight:-'", "MAINT"},
			{"fail", "FAIL"}, {"stopped", "STOPPED"}, {"down", "DOWN"}, {"-i 9777 -t 100 ready", "READY"}, {"-i hapgent up", "UP"}, {"-a weight 0%", "UP 0%"},
		} {
			h.Run("hapgentctl " + step[0])
			expect(t, "the answer after hapgentctl "+step[0], h.Ask("9777"), step[1])
		}
		refuse(t, h)
		edit(t, h)
	})
}

// A wrong word changes nothing, and says what is right.
func refuse(t *testing.T, h *lab.Host) {
	t.Helper()
	words := `expected words of an answer: UP, DOWN, READY, DRAIN, FAIL, MAINT or STOPPED; a weight from 0% to 255%, or weight:-; maxconn:0 to maxconn:65535, or maxconn:-` + help + "\n2"
	ctl(t, h, "", [][2]string{
		{"", "hapgentctl: expected a command" + help + "\n2"},
		{"UP", `hapgentctl: unknown command "UP"` + help + "\n2"},
		{"up 50%", `hapgentctl: up takes no argument, found "50%"` + help + "\n2"},
		{"weight 50", `hapgentctl: weight takes a percentage such as 50%, or - for none, found "50"` + help + "\n2"},
		{"weight 256%", `hapgentctl: unknown word "256%", ` + words},
		{"weight -%", `hapgentctl: unknown word "-%", ` + words},
		{"weight", "hapgentctl: weight takes one argument, such as 50%, or - for none" + help + "\n2"},
		{"maxconn 65536", `hapgentctl: unknown word "maxconn:65536", ` + words},
		{"maxconn '3 down'", `hapgentctl: maxconn takes a number, or - for none, found "3 down"` + help + "\n2"},
		{"set ''", "hapgentctl: " + strings.Replace(words, help, ", found nothing"+help, 1)},
		{"set 'up down'", `hapgentctl: expected one status, one weight and one maxconn at the most, found a second one, "down"` + help + "\n2"},
		{"wait upp", `hapgentctl: unknown word "upp", ` + words},
		{"-i 9778 down", "hapgentctl: no agent 9778 on this host, which has hapgent (port 9777)\n1"},
		{"-x down", "hapgentctl: unknown option or missing value: -x" + help + "\n2"},
		{"-a -i 9777 down", "hapgentctl: -a is all agents: it goes without -i" + help + "\n2"},
		{"-t 1s down", `hapgentctl: -t takes a number of seconds, found "1s"` + help + "\n2"},
		{"-t 1 wait 'up 1%'", "hapgentctl: hapgent: expected UP 1% within 1 s, found UP 0%\n1"},
		{"wait 0% maxconn:- up", "0"},
		{"ask", "UP 0%\n0"},
	})
	expect(t, "the answer after what was refused", h.Ask("9777"), "UP 0%")
}

// What is edited is taken as a whole, or not at all.
func edit(t *testing.T, h *lab.Host) {
	t.Helper()
	ctl(t, h, `EDITOR="sed -i s/0/5/" `, [][2]string{{"edit", "0"}})
	ctl(t, h, `EDITOR=false VISUAL="sed -i s/UP/DRAIN/;s/5/55/" `, [][2]string{{"edit", "0"}})
	expect(t, "the answer after it was edited", h.Ask("9777"), "DRAIN 55%")
}

// Obstacles to a change: an agent that does not run, a full disk, another change in
// between, an invalid state file.
func TestHapgentctlSaysWhyItDidNotChange(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		ctl(t, h, "EDITOR=false ", [][2]string{{"edit", "hapgentctl: hapgent: false failed; nothing was changed\n1"}})
		ctl(t, h, "EDITOR=true ", [][2]string{{"edit", "hapgentctl: hapgent: the text is as it was; nothing was changed\n1"}})
		out := h.Run(`set +e; EDITOR="sed -i s/UP/up/" hapgentctl edit 2>&1; true`)
		kept := regexp.MustCompile(`^hapgentctl: hapgent: (/tmp/\S+/state\.json):1:11: status must be UP, .*, found "up"; nothing was changed\nhapgentctl: hapgent: what you wrote is in (\S+)\n$`).FindStringSubmatch(out)
		if kept == nil || kept[1] != kept[2] {
			t.Fatalf("a text that is no state: %q", out)
		}
		expect(t, "what was written", h.Run("cat "+kept[1]), `{"status":"up"}`+"\n")
		h.Write("/usr/local/bin/meanwhile", "#!/bin/sh\nsed -i s/UP/DRAIN/ \"$1\"\nhapgentctl maint\n")
		ctl(t, h, "chmod +x /usr/local/bin/meanwhile; rm -rf /tmp/tmp.*; EDITOR=meanwhile ", [][2]string{
			{"edit 2>&1 | sed 's|/tmp/tmp[^/]*/|/tmp/|'", "hapgentctl: hapgent: /etc/hapgent/state.json was changed meanwhile; nothing was changed\nhapgentctl: hapgent: what you wrote is in /tmp/state.json\n0"},
		})
		expect(t, "what was written", h.Run("cat /tmp/tmp.*/state.json"), `{"status":"DRAIN"}`+"\n")
		expect(t, "the answer", h.Ask("9777"), "MAINT")

		h.Run("mount -t tmpfs -o size=4k,mode=2770,gid=$(stat -c %g /etc/hapgent) tmpfs /etc/hapgent; echo '{\"status\":\"MAINT\"}' >/etc/hapgent/state.json")
		ctl(t, h, "", [][2]string{{"up", "hapgent: /etc/hapgent/state.json: no space left on device\nhapgentctl: hapgent: nothing was changed\n1"}})
		expect(t, "the answer on a full disk", h.Ask("9777"), "MAINT")
		h.Run("umount /etc/hapgent")

		h.Run("systemctl stop hapgent")
		for _, command := range []string{"up", "edit"} { // before anything is written
			ctl(t, h, "EDITOR=false ", [][2]string{{command, "hapgentctl: hapgent: is inactive, so nothing was changed; to start it: systemctl start hapgent\n1"}})
		}
		expect(t, "the state of an agent that does not run", h.Run("hapgent --check"), "MAINT\n")
		h.Run("systemctl start hapgent; echo broken >/etc/hapgent/state.json")
		ctl(t, h, "", [][2]string{
			{"up", `hapgent: /etc/hapgent/state.json:1:1: expected "{", found "b"; to replace it, give a status, a weight (or weight:-) and a maxconn (or maxconn:-)` + "\nhapgentctl: hapgent: nothing was changed\n1"},
			{"set up 5% maxconn:-", "0"},
		})
	})
}

// reloadBy makes a reload of the service run another command.
func reloadBy(h *lab.Host, command string) {
	h.Write("/etc/systemd/system/hapgent.service.d/reload.conf", "[Service]\nExecReload=\nExecReload="+command+"\n")
	h.Run("systemctl daemon-reload")
}

// A signal, or another command, that comes between the saving and the reload wins,
// and hapgentctl says so.
func TestHapgentctlSaysThatAnotherChangeCameBetween(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		reloadBy(h, `/bin/sh -c "kill -USR2 $MAINPID; sleep 1; kill -HUP $MAINPID"`)
		ctl(t, h, "", [][2]string{{"weight 5%", "hapgentctl: hapgent: another change came between: /etc/hapgent/state.json says DOWN\n1"}})
		expect(t, "the answer", h.Ask("9777"), "DOWN")
	})
}

// An agent that is killed during the change answers the new state once it has started
// again.
func TestHapgentctlWaitsForAnAgentThatIsKilled(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		reloadBy(h, "/bin/kill -KILL $MAINPID")
		ctl(t, h, "", [][2]string{{"-t 120 drain", "0"}})
		expect(t, "the answer", h.Ask("9777"), "DRAIN")
	})
}

// An agent that was killed just now, or is started just now, is one whose environment says
// nothing. It is not taken for the agent of the default port.
func TestHapgentctlTakesNoAgentForAnother(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run("systemctl enable --quiet --now hapgent@9778; hapgentctl -a up")
		h.Write("/srv/bin/systemctl", "#!/bin/sh\n/usr/bin/systemctl \"$@\" | sed \"s/^MainPID=.*/MainPID=$(cat /run/other)/\"\n")
		h.Run("chmod +x /srv/bin/systemctl")
		for state, process := range map[string]string{
			"killed":  "HAPGENT_STATE_FILE=/dev/null hapgent --check & echo $! >/run/other; exec sleep 600", // not waited for
			"started": "echo $$ >/run/other; exec sleep 600",
		} {
			h.Write("/srv/process", process)
			h.Run("rm -f /run/other; hapgentctl -a up; env -i PATH=$PATH setsid sh /srv/process >/dev/null 2>&1 </dev/null &")
			h.UntilContains(map[string]string{"killed": "hapgent Z", "started": "sleep S"}[state], "ps -o comm=,state= -p $(cat /run/other) | sed 's/<defunct>//; s/  */ /g'")
			ctl(t, h, "PATH=/srv/bin:$PATH ", [][2]string{{"-i hapgent@9778 drain", "0"}, {"-i hapgent@9778 ask", "DRAIN\n0"}})
			expect(t, "the other's state, one being "+state, h.Run("hapgent --check"), "UP\n")
		}
	})
}

// In a shutdown systemd stops the agent once others have ended. A reload is then
// refused, or cancels the stop, or waits for the others.
func TestHapgentctlTellsAnAgentThatIsToStop(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		h.Write("/etc/systemd/system/slow.service", "[Unit]\nAfter=hapgent.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"+
			"ExecStop=/bin/sh -c 'while [ -e /run/slow ]; do sleep 0.1; done'\n")
		h.Run("touch /run/slow; systemctl daemon-reload; systemctl start slow; systemctl --no-block stop slow hapgent")
		h.UntilContains("hapgent.service stop waiting", "systemctl list-jobs --no-legend | sed 's/  */ /g'")
		ctl(t, h, "", [][2]string{{"drain", "0"}, {"ask", "DRAIN\n0"}})
		h.Run("rm /run/slow")
		h.Until("inactive", "systemctl is-active hapgent || true")
		ctl(t, h, "", [][2]string{{"ask", "hapgent: no answer from 0.0.0.0:9777 (HAPGENT_IP, HAPGENT_PORT): connection refused\n1"}})
	})
}

// With several agents it refuses to guess, and finds each where it really is: by a
// drop-in, by /etc/default, by its socket.
func TestHapgentctlFindsTheAgentsOfTheHost(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run(`
systemctl enable --quiet --now hapgent@9778
mkdir -p /etc/systemd/system/hapgent@web.service.d /srv/state
chown root:hapgent /srv/state; chmod 2770 /srv/state
printf '[Service]\nReadWritePaths=/srv/state\nEnvironment=HAPGENT_STATE_FILE=/srv/state/web.json\n' >/etc/systemd/system/hapgent@web.service.d/file.conf
printf 'HAPGENT_PORT="9800" \nHAPGENT_IP=127.0.0.1\n' >/etc/default/hapgent@web
systemctl enable --quiet --now hapgent@web
mkdir -p /etc/systemd/system/hapgent@9801.socket.d
printf '[Socket]\nListenStream=\nListenStream=[::1]:9803\n' >/etc/systemd/system/hapgent@9801.socket.d/address.conf
systemctl daemon-reload
systemctl enable --quiet --now hapgent@9801.socket`)
		agents := "hapgent (port 9777), hapgent@9778 (port 9778), hapgent@9801 (port 9803), hapgent@web (port 9800)"
		ctl(t, h, "", [][2]string{
			{"up", "{several}" + agents + help + "\n2"},
			{"wait up", "{several}" + agents + help + "\n2"},
			{"-i 9802 up", "hapgentctl: no agent 9802 on this host, which has " + agents + "\n1"},
			{"-i web drain", "0"},
			{"-i 9778 -i 9777 up", "0"},
			{"-i 9803 up", "hapgentctl: hapgent@9801: is inactive, so nothing was changed; to start it: systemctl start hapgent@9801\n1"},
		})
		expect(t, "the state file of web", h.Run("cat /srv/state/web.json; stat -c '%U %G %a' /srv/state/web.json"), `{"status":"DRAIN"}`+"\nroot hapgent 640\n")
		h.Run("systemctl start hapgent@9801")
		ctl(t, h, "", [][2]string{{"-a maint", "0"}, {"-a wait maint", "0"}})
		for unit, at := range map[string]string{"hapgent": "0.0.0.0:9777", "hapgent@9778": "0.0.0.0:9778", "hapgent@9801": "::1:9803", "hapgent@web": "127.0.0.1:9800"} {
			row := regexp.MustCompile(`(?m)^` + unit + ` +` + regexp.QuoteMeta(at) + ` +MAINT +[0-9-]+ [0-9:]+ +/\S+\.json$`)
			if out := h.Run("hapgentctl show"); !row.MatchString(out) {
				t.Errorf("hapgentctl show has no %s\n%s", row, out)
			}
		}
		// as every user sees it
		if out := h.Run("runuser -u nobody -- hapgentctl show"); !strings.Contains(out, "\nhapgent@web      127.0.0.1:9800       MAINT ") {
			t.Errorf("hapgentctl show, by nobody:\n%s", out)
		}
	})
}

func TestHapgentctlShowsWhatDisagrees(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.UntilContains("\n  asked by nobody yet: does HAProxy have agent-check and agent-port 9777, and is the way open?\n", "systemctl restart hapgent; sleep 7; hapgentctl show || true")
		putIn(h)
		h.UntilContains("10.77.0.1 ", "hapgentctl show")
		h.Run(`echo '{"status":"DOWN"}' >/etc/hapgent/state.json; echo HAPGENT_PORT=9790 >>/etc/default/hapgent; systemctl --quiet disable hapgent`)
		out := h.Run("hapgentctl show")
		for _, want := range []string{
			"hapgent          0.0.0.0:9777         UP  ",
			"\n  its file says DOWN: systemctl reload hapgent makes that the answer\n",
			"\n  its settings say 0.0.0.0:9790, /etc/hapgent/state.json: they count once it is restarted\n",
			"\n  is not enabled: it does not come back after a reboot\n",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("hapgentctl show has no %q:\n%s", want, out)
			}
		}
		h.Run("systemctl stop hapgent; systemctl --quiet enable hapgent")
		out = h.Run("set +e; hapgentctl show; echo $?")
		if !strings.Contains(out, "\nhapgent          0.0.0.0:9790         - ") || !strings.Contains(out, "\n  is inactive: systemctl start hapgent\n") || !strings.HasSuffix(out, "\n1\n") {
			t.Errorf("hapgentctl show, of a service that does not run:\n%s", out)
		}
	})
}

// Closed by default: a member of the group may change the file, but not reload the
// agent, so nothing is changed.
func TestHapgentctlIsForRootAndWhomSudoersLet(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		h.Run("useradd -m -G hapgent member; useradd -m stranger")
		refused := "hapgentctl: hapgent: only root may reload it, and who may do so by sudo without a password: see /usr/share/doc/hapgent/examples/sudoers; nothing was changed\n1"
		for _, user := range []string{"member", "stranger"} {
			ctl(t, h, "runuser -u "+user+" -- ", [][2]string{{"drain", refused}})
		}
		h.Run("install -m 0440 /usr/share/doc/hapgent/examples/sudoers /etc/sudoers.d/hapgent")
		ctl(t, h, "runuser -u member -- ", [][2]string{{"wait up", "0"}})
		out := h.Run("runuser -u member -- hapgentctl drain 2>&1")
		expect(t, "what a member's change prints", out, "hapgent: /etc/hapgent/state.json, but its owner could not be kept: operation not permitted\n")
		expect(t, "the answer after a member's change", h.Ask("9777"), "DRAIN")
		ctl(t, h, "runuser -u stranger -- ", [][2]string{{"up", refused}})
		h.Run("echo '%stranger ALL = (root) NOPASSWD: ALL' >/etc/sudoers.d/stranger")
		ctl(t, h, "runuser -u stranger -- ", [][2]string{{"up", "hapgent: /etc/hapgent/state.json: permission denied\nhapgentctl: hapgent: nothing was changed\n1"}})
		expect(t, "the answer after a stranger's", h.Ask("9777"), "DRAIN")
		h.Run("systemctl kill -s USR1 hapgent")
		h.UntilAnswers("UP", "9777")
	})
}

func TestHapgentctlWithoutSystemd(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	h := hosts.Host(t, "bookworm", lab.SysV)
	dpkg(h, version)
	h.Run("echo HAPGENT_PORT=9780 >>/etc/default/hapgent; /etc/init.d/hapgent restart")
	ctl(t, h, "", [][2]string{{"set 'drain 5%'", "0"}, {"-i 9780 up", "0"}})
	expect(t, "the answer", h.Ask("9780"), "UP 5%")
	if out := h.Run("hapgentctl show"); !regexp.MustCompile(`(?m)^hapgent +0\.0\.0\.0:9780 +UP 5% +active +/etc/hapgent/state\.json$`).MatchString(out) {
		t.Errorf("hapgentctl show:\n%s", out)
	}
	ctl(t, h, "setpriv --reuid ops --clear-groups env PATH=$PATH ", [][2]string{{"drain", "hapgentctl: hapgent: only root may send the agent a signal; nothing was changed\n1"}})
	h.Run("/etc/init.d/hapgent stop")
	ctl(t, h, "", [][2]string{{"down", "hapgentctl: hapgent: is inactive, so nothing was changed; to start it: service hapgent start\n1"}})
}
