package hosts

import (
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// A new host gets no traffic by mistake, and says how to bring it in.
func TestFreshInstallAnswersFailAndSaysHowToGoOn(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		expect(t, "the answer", h.Ask("9777"), "FAIL")
		expect(t, "state files", h.Run("ls -A /etc/hapgent"), "")
		expect(t, "enabled, active", h.Run("systemctl is-enabled hapgent; systemctl is-active hapgent; systemctl is-enabled hapgent.socket || true"), "enabled\nactive\ndisabled\n")
		status := h.Run("systemctl status --no-pager --full hapgent")
		for _, want := range []string{"answers FAIL on 0.0.0.0:9777: /etc/hapgent/state.json: no such file", "`systemctl kill -s USR1 hapgent` answers UP and creates it"} {
			if !strings.Contains(status, want) {
				t.Errorf("systemctl status does not say %q:\n%s", want, status)
			}
		}
		putIn(h)
		expect(t, "the state file", h.Run("cat /etc/hapgent/state.json"), "{\"status\":\"UP\"}\n")
		h.UntilContains(`Status: "answers UP on 0.0.0.0:9777"`, "systemctl status --no-pager hapgent")
	})
}

// Complaint: wrong owner of a directory; a daemon that runs as root.
func TestDaemonIsNobodysAndTheDirectoryIsClosed(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		pid := h.Run("systemctl show -P MainPID hapgent")
		expect(t, "user, group and groups of the process", h.Run("stat -c '%U %G' /proc/"+strings.TrimSpace(pid)+
			"; sed -n 's/^Groups:\\s*//p' /proc/"+strings.TrimSpace(pid)+"/status | xargs getent group | cut -d : -f 1"), "nobody nogroup\nhapgent\nnogroup\n")
		expect(t, "the directory", h.Run("stat -c '%U %G %a' /etc/hapgent"), "root hapgent 2770\n")
		expect(t, "the state file", h.Run("stat -c '%U %G %a' /etc/hapgent/state.json"), "nobody hapgent 640\n")
		expect(t, "files that are not root's", h.Run("dpkg --listfiles hapgent | xargs -d '\\n' stat -c '%U:%G %n' | grep -v ^root:root || true"), "")
	})
}

func TestStateIsChangedByReloadAndSignals(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run(`echo '{"status":"DRAIN","weight":77,"maxconn":300}' >/etc/hapgent/new; mv /etc/hapgent/new /etc/hapgent/state.json; systemctl reload hapgent`)
		h.UntilAnswers("DRAIN 77% maxconn:300", "9777")
		h.Run("systemctl kill -s USR2 hapgent")
		h.UntilAnswers("DOWN 77% maxconn:300", "9777")
		h.Run("pkill -USR1 hapgent")
		h.UntilAnswers("UP 77% maxconn:300", "9777")
		h.Until(`{"status":"UP","weight":77,"maxconn":300}`, "cat /etc/hapgent/state.json")
		h.Run("echo broken >/etc/hapgent/state.json; pkill -HUP hapgent")
		h.UntilAnswers("FAIL", "9777")
		// each is one line, of the priority that it has
		h.UntilContains(`3 SIGHUP: FAIL, was UP 77% maxconn:300, since it cannot be read: /etc/hapgent/state.json:1:1: `,
			`journalctl -u hapgent -o json --output-fields=PRIORITY,MESSAGE | python3 -c 'import json, sys
for line in sys.stdin: print("{PRIORITY} {MESSAGE}".format(**json.loads(line)))'`)
		journal := h.Run(`journalctl -u hapgent -p info -o cat -t hapgent`)
		for _, want := range []string{
			"SIGHUP: DRAIN 77% maxconn:300, was FAIL, read from /etc/hapgent/state.json\n",
			"SIGUSR2: DOWN 77% maxconn:300, was DRAIN 77% maxconn:300, saved to /etc/hapgent/state.json, but its owner could not be kept",
			"SIGUSR1: UP 77% maxconn:300, was DOWN 77% maxconn:300, saved to /etc/hapgent/state.json\n",
		} {
			if !strings.Contains(journal, want) {
				t.Errorf("the journal does not say %q:\n%s", want, journal)
			}
		}
		if strings.Contains(journal, "<") {
			t.Errorf("a priority stands in a message:\n%s", journal)
		}
	})
}

func TestRebootComesBackWithTheState(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run(`echo '{"status":"UP","weight":50}' >/etc/hapgent/9778.json; systemctl enable --now hapgent@9778`)
		putIn(h)
		h.Run("systemctl kill -s USR2 hapgent@9778")
		h.UntilAnswers("DOWN 50%", "9778")
		h.Reboot()
		h.UntilAnswers("UP", "9777")
		h.UntilAnswers("DOWN 50%", "9778")
	})
}

// However the agent ended: an operator's pkill without a signal's name, after which it
// ends cleanly; a crash of Go, which has the exit status of a wrong setting.
func TestAgentIsStartedAgainWhateverEndedIt(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		for _, end := range []string{
			"pkill hapgent",
			"pkill -QUIT hapgent", // Go prints its stacks, and ends with 2
			"systemctl kill -s KILL hapgent",
			"systemctl kill -s STOP hapgent", // a loop that answers nobody, which the watchdog ends
		} {
			before := h.Run("systemctl show -P MainPID hapgent")
			h.Run(end)
			h.UntilMatch(func(pid string) bool { return pid != before && pid != "0\n" }, "another process", "systemctl show -P MainPID hapgent")
			h.UntilAnswers("UP", "9777")
		}
		journal := h.Run("journalctl --no-pager -u hapgent")
		for _, want := range []string{"status=2/INVALIDARGUMENT", "Watchdog timeout"} {
			if !strings.Contains(journal, want) {
				t.Errorf("the journal does not say %q:\n%s", want, journal)
			}
		}
		h.Run("systemctl stop hapgent; sleep 2")
		expect(t, "active once stopped", h.Run("systemctl is-active hapgent || true"), "inactive\n")
	})
}

// A reload of a file that cannot be read changes nothing, and says so; a plain HUP is
// obeyed.
func TestReloadRefusesABrokenState(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		putIn(h)
		for range 2 {
			h.Run("echo broken >/etc/hapgent/state.json")
			if out, err := h.Try("systemctl reload hapgent 2>&1"); err == nil || !strings.Contains(out, "Job for hapgent.service failed") {
				t.Errorf("systemctl reload: %v\n%s", err, out)
			}
			expect(t, "the answer", h.Ask("9777"), "UP")
			h.UntilContains("hapgent: /etc/hapgent/state.json:1:1: ", "journalctl --no-pager -u hapgent")
			h.Run(`echo '{"status":"UP"}' >/etc/hapgent/state.json; systemctl reload hapgent`)
		}
		h.Run("echo broken >/etc/hapgent/state.json; systemctl kill -s HUP hapgent")
		h.UntilAnswers("FAIL", "9777")
	})
}

func TestIPv6(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		ask := func(address string) string {
			answer, err := hosts.Ask(address)
			if err != nil {
				return "no answer"
			}
			return answer
		}
		six, four := "["+h.Address6+"]:9777", h.Address+":9777"
		expect(t, "by IPv6 as installed", ask(six), "no answer")
		h.Run("echo HAPGENT_IP=:: >>/etc/default/hapgent; systemctl restart hapgent")
		expect(t, "by IPv6", ask(six), "FAIL")
		expect(t, "by IPv4", ask(four), "FAIL")
		h.Run("echo HAPGENT_IP=" + h.Address6 + " >>/etc/default/hapgent; systemctl restart hapgent")
		expect(t, "at one address", ask(six), "FAIL")
		expect(t, "at another", ask(four), "no answer")
		h.Run(`systemctl stop hapgent; mkdir -p /etc/systemd/system/hapgent.socket.d
			printf '[Socket]\nListenStream=\nListenStream=[::]:9777\n' >/etc/systemd/system/hapgent.socket.d/address.conf
			systemctl daemon-reload; systemctl enable --now hapgent.socket; systemctl start hapgent`)
		expect(t, "by IPv6 through the socket", ask(six), "FAIL")
		expect(t, "by IPv4 through the socket", ask(four), "FAIL")
	})
}

// An instance is a service of its own.
func TestInstances(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		h.Run("systemctl enable --now hapgent@9778 hapgent@web || true")
		expect(t, "the instance", h.Ask("9778"), "FAIL")
		h.UntilContains("HAPGENT_PORT must be a port from 1 to 65535, found \"web\"", "journalctl -u hapgent@web")
		h.UntilContains("`systemctl kill -s USR1 hapgent@9778` answers UP and creates it", "systemctl status --no-pager --full hapgent@9778")
		h.Run("systemctl kill -s USR1 hapgent@9778")
		h.UntilAnswers("UP", "9778")
		expect(t, "the service beside it", h.Ask("9777"), "FAIL")
		// settings of an instance's own
		h.Run("printf 'HAPGENT_PORT=9779\\nHAPGENT_STATE_FILE=/etc/hapgent/9778.json\\n' >/etc/default/hapgent@web; systemctl restart hapgent@web")
		h.UntilAnswers("UP", "9779")
		h.Run("systemctl disable --now hapgent@9778; systemctl enable --now hapgent@9778.socket")
		h.UntilAnswers("UP", "9778") // which starts the service
		expect(t, "the service of the socket", h.Run("systemctl is-active hapgent@9778"), "active\n")
	})
}

// Complaint: architectures missing or misnamed. The package's is Debian's own.
func TestForeignArchitectureIsRefused(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		out, err := h.Try("dpkg --install " + onHosts + "/hapgent_" + version + "_armhf.deb")
		if err == nil || !strings.Contains(out, "package architecture (armhf) does not match system (amd64)") {
			t.Errorf("dpkg: %v\n%s", err, out)
		}
		if out, err := h.Try("dpkg-query --status hapgent"); err == nil && !strings.Contains(out, "not-installed") {
			t.Errorf("something is installed:\n%s", out)
		}
	})
}

// The tools sign and verify, and stock OpenSSH agrees.
func TestToolsSignAndVerify(t *testing.T) {
	onDebian(t, func(t *testing.T, h *lab.Host) {
		h.Run("apt-get install -y " + built.Deb(onHosts, "hapgent-tools", version) + " </dev/null")
		out := h.Run(`cd /root; ssh-keygen -q -t ed25519 -N '' -f key; echo "me $(cat key.pub)" >signers; echo content >file
			hapgent-sign -f key file >/dev/null; hapgent-verify -f signers file; ssh-keygen -Y verify -f signers -n file -I me -s file.sig <file; sha256sum -c file.sha256`)
		if strings.Count(out, `Good "file" signature for me with ED25519 key SHA256:`) != 2 || !strings.HasSuffix(out, "file: OK\n") {
			t.Errorf("found\n%s", out)
		}
	})
}

// On a host that is an image, whose /etc and groups begin empty, systemd makes what
// the scripts made, and leaves what is there.
func TestImageMakesGroupAndDirectory(t *testing.T) {
	onStable(t, func(t *testing.T, h *lab.Host) {
		install(h, version)
		directory := func() string { return h.Run("stat -c '%U %G %a' /etc/hapgent") }
		made := directory()
		h.Run("systemctl stop hapgent; rm -r /etc/hapgent; groupdel hapgent; systemd-sysusers; systemd-tmpfiles --create; systemctl start hapgent")
		expect(t, "the directory", directory(), made)
		putIn(h)
		h.Run("chgrp ops /etc/hapgent; chmod 2750 /etc/hapgent; systemd-tmpfiles --create")
		expect(t, "a directory that an administrator changed", directory(), "root ops 2750\n")
	})
}
