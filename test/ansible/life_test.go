package ansible

import (
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// fromMirror are the variables with which the tests' fleets install.
func fromMirror(version string) string {
	return "hapgent_version: " + version + "\nhapgent_url: " + mirror + "/{{ hapgent_version }}\nhapgent_checksum: ''\n" +
		"hapgent_allowed_signers: " + work + "/allowed_signers\n"
}

// answers waits until the agent at the port answers so.
func answers(h *lab.Host, port, want string) {
	h.Until(want, "socat -t5 - TCP:127.0.0.1:"+port+" </dev/null")
}

func mainPID(h *lab.Host, unit string) string {
	return strings.TrimSpace(h.Run("systemctl show --property MainPID --value " + unit))
}

// suites are Debian 11 to 14.
var suites = []string{"bullseye", "bookworm", "trixie", "forky"}

func servers(suites ...string) (all []lab.Spec) {
	for _, suite := range suites {
		all = append(all, lab.Spec{Suite: suite, Profile: lab.Server})
	}
	return all
}

// TestLife is the life of a fleet: installed, run again, changed, upgraded, removed.
func TestLife(t *testing.T) {
	t.Parallel()
	hosts := theLab.Hosts(t, servers(suites...)...)
	f := newFleet(t, fromMirror(oldVersion), hosts...)
	serveMirror(t)
	for _, h := range hosts {
		h.Run("! test -e /usr/sbin/hapgent")
	}

	newest(t).play(f, "site.yml", "--check", "--diff").expect(`+{"status":"FAIL"}`, "+HAPGENT_PORT=9777")
	for _, h := range hosts {
		h.Run("! ls -d /usr/sbin/hapgent /etc/hapgent /etc/default/hapgent /etc/systemd/system/hapgent* /var/cache/hapgent* 2>/dev/null")
	}

	start := time.Now()
	fresh := oldest.play(f, "site.yml")
	fresh.expectChanged()
	t.Logf("the role over %d hosts took %.1f s, and %.1f s of the controller's processor", len(hosts), time.Since(start).Seconds(), fresh.processor.Seconds())
	for _, h := range hosts {
		answers(h, "9777", "FAIL")
		h.Until("nobody", "ps -o user= -C hapgent")
		h.Until("drwxrws--- root hapgent", "stat -c '%A %U %G' /etc/hapgent")
		h.Until("hapgent "+oldVersion, "hapgent --version")
		h.Run("systemctl is-enabled --quiet hapgent && cmp /etc/systemd/system/hapgent.service " + work + "/roles/hapgent/files/systemd/hapgent.service")
		h.Run("test $(journalctl -u hapgent --grep Started --output cat | wc -l) = 1") // once
	}

	for _, h := range hosts {
		h.Run("pkill -USR1 -x hapgent")
		answers(h, "9777", "UP")
	}
	pid := mainPID(hosts[0], "hapgent")
	newest(t).play(f, "site.yml").expectUnchanged()
	for _, h := range hosts {
		answers(h, "9777", "UP")
	}
	if after := mainPID(hosts[0], "hapgent"); after != pid {
		t.Errorf("a run that changed nothing restarted the agent")
	}

	upgraded := set("hapgent_version="+quoted(newVersion(t)), "hapgent_checksum="+quoted(sum(t, published(t)+"/"+newVersion(t)+"/"+asset())))
	middle(t).play(f, "site.yml", append(upgraded, "--check")...).expectChanged()
	for _, h := range hosts {
		h.Until("hapgent "+oldVersion, "hapgent --version")
	}
	newest(t).play(f, "site.yml", upgraded...).expectChanged()
	for _, h := range hosts {
		h.Until("hapgent "+newVersion(t), "hapgent --version")
		h.Until("/usr/sbin/hapgent", "readlink /proc/$(pgrep -x hapgent)/exe") // not that of a deleted file
		answers(h, "9777", "UP")
	}
	middle(t).play(f, "site.yml", append(upgraded, set(`hapgent_url="http://10.77.0.1:1"`)...)...).expectUnchanged() // which nobody serves

	oldest.play(f, "site.yml", append(upgraded, set(`hapgent_state="absent"`)...)...).expectChanged()
	newest(t).play(f, "site.yml", append(upgraded, set(`hapgent_state="absent"`)...)...).expectUnchanged()
	for _, h := range hosts {
		expectNothingLeft(h)
	}
}

func quoted(s string) string { return `"` + s + `"` }

// expectNothingLeft looks for everything that the role makes.
func expectNothingLeft(h *lab.Host) {
	h.Run(`! find / -xdev -name '*hapgent*' -not -path '/proc/*' -not -path '/var/lib/systemd/*' -not -path '/var/log/*' -not -path '` + work + `*' | grep .
! getent group hapgent
! systemctl list-units --all --plain --no-legend 'hapgent*' | grep .
! pgrep -x hapgent`)
}
