package hosts

import (
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/debian"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// containerConf is the drop-in for hosts that give their services no namespaces.
const containerConf = "/usr/share/doc/hapgent/examples/container.conf"

// Where there are no user namespaces (Debian's hardening-runtime, STIG), or no
// mount namespaces (LXC without nesting), the installation says what to do, and
// the service then runs, as closed as such a host can have it.
func TestHostsWithoutNamespaces(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	for _, suite := range suites() {
		for kind, status := range map[string]string{"user": "status=217/USER", "mnt": "status=226/NAMESPACE"} {
			t.Run(suite+"/"+kind, func(t *testing.T) {
				t.Parallel()
				h := hosts.Hosts(t, lab.Spec{Suite: suite, Profile: lab.Server, Without: kind})[0]
				tryWithoutNamespaces(t, h, status)
				if kind == "user" {
					missesNothingElse(t, h)
				}
			})
		}
	}
}

func tryWithoutNamespaces(t *testing.T, h *lab.Host, status string) {
	for _, v := range []string{older, version} { // an upgrade says it as well
		out := h.Run("dpkg --install " + deb(v) + " </dev/null 2>&1")
		for _, want := range []string{status, "hapgent: this host does not give its services the namespaces that the unit asks for: see " + containerConf} {
			if !strings.Contains(out, want) {
				t.Errorf("dpkg does not say %q:\n%s", want, out)
			}
		}
		expect(t, "the package's status", h.Run("dpkg-query -W -f '${db:Status-Abbrev}' hapgent"), "ii ")
	}
	h.Run("mkdir -p /etc/systemd/system/hapgent.service.d; cp " + containerConf + " /etc/systemd/system/hapgent.service.d/; systemctl daemon-reload; systemctl restart hapgent")
	putIn(h)
	expect(t, "the state file", h.Run("stat -c '%U %G %a' /etc/hapgent/state.json"), "nobody hapgent 640\n")
	h.Run("systemctl reload hapgent; systemctl restart hapgent")
	h.UntilAnswers("UP", "9777")
	pid := strings.TrimSpace(h.Run("systemctl show -P MainPID hapgent"))
	expect(t, "capabilities and new privileges of the process", h.Run("grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/"+pid+"/status | paste -s"), "CapBnd:\t0000000000000000\tNoNewPrivs:\t1\tSeccomp:\t2\n")
	othersOfNobodyCannotReach(t, h, pid)
	out := dpkg(h, older)
	if strings.Contains(out, containerConf) {
		t.Errorf("dpkg says that it does not start:\n%s", out)
	}
	h.UntilAnswers("UP", "9777")
}

// hardening has all that Debian's hardening-runtime sets besides the number of user
// namespaces, and the system call of those that it forbids.
var hardening = map[string]string{
	"kernel.dmesg_restrict = 1":            "syslog",
	"kernel.kexec_load_disabled = 1":       "kexec_load",
	"kernel.kptr_restrict = 1":             "syslog", // and /proc/kallsyms, which ProcSubset=pid hides
	"kernel.perf_event_paranoid = 3":       "perf_event_open",
	"kernel.unprivileged_bpf_disabled = 1": "bpf",
	"kernel.yama.ptrace_scope = 1":         "ptrace",
	"net.core.bpf_jit_harden = 2":          "bpf",
}

// missesNothingElse checks that the unit itself forbids whatever else a host with
// hardening-runtime forbids. The settings are the kernel's, and cannot be a host's.
func missesNothingElse(t *testing.T, h *lab.Host) {
	folder, err := debian.Files(h.Suite, "hardening-runtime")
	if err != nil {
		t.Fatal(err)
	}
	text := need.Read(t, folder, "usr/lib/sysctl.d/10-hardening.conf")
	allowed := strings.Fields(h.Run("systemctl show -P SystemCallFilter hapgent"))
	if !slices.Contains(allowed, "epoll_wait") {
		t.Fatalf("the unit allows the system calls %q", allowed)
	}
	found := map[string]bool{}
	for line := range strings.Lines(text) {
		setting := strings.TrimSpace(line)
		if setting == "" || strings.HasPrefix(setting, "#") {
			continue
		}
		found[setting] = true
		call := hardening[setting]
		if setting != "user.max_user_namespaces = 0" && (call == "" || slices.Contains(allowed, call)) {
			t.Errorf("hardening-runtime has %q, which may forbid what the unit allows", setting)
		}
	}
	if !found["user.max_user_namespaces = 0"] {
		t.Errorf("hardening-runtime leaves the user namespaces:\n%s", text)
	}
}

// A host with systemd and nothing else (no man, no cron, no curl, no perl but
// perl-base), whose root has umask 077, with /tmp that runs nothing, without IPv6,
// and in the end with an /etc that is read-only.
func TestSmallHost(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	for _, suite := range []string{"bullseye", "forky"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			trySmallHost(t, hosts.Host(t, suite, lab.Small))
		})
	}
}

func trySmallHost(t *testing.T, h *lab.Host) {
	expect(t, "what is there", h.Run("for c in man crond cron curl ssh-keygen python3 pkill; do command -v $c || true; done"), "")
	h.Run("mount -t tmpfs -o noexec,mode=1777 none /tmp; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || true")
	h.Run("umask 077; apt-get install -y " + deb(version) + " </dev/null")
	h.UntilAnswers("FAIL", "9777")
	putIn(h)
	expect(t, "files that not all may read", h.Run("dpkg --listfiles hapgent | while read -r file; do stat -c '%A %n' \"$file\"; done | grep -v '^.r..r..r..' || true"), "")
	expect(t, "the directory", h.Run("stat -c '%U %G %a' /etc/hapgent"), "root hapgent 2770\n")

	// as where the kernel has no IPv6
	h.Write("/etc/systemd/system/hapgent.service.d/no6.conf", "[Service]\nRestrictAddressFamilies=\nRestrictAddressFamilies=AF_INET AF_UNIX\n")
	h.Run("systemctl daemon-reload; systemctl restart hapgent")
	h.UntilAnswers("UP", "9777")
	h.Run("echo HAPGENT_IP=:: >/etc/default/hapgent; systemctl restart hapgent || true")
	h.UntilContains("cannot listen on [::]:9777 (HAPGENT_IP, HAPGENT_PORT): address family not supported", "systemctl status --no-pager --full hapgent || true")

	// the state elsewhere, as a drop-in says
	h.Write("/etc/systemd/system/hapgent.service.d/state.conf", "[Service]\nReadWritePaths=/var/lib/hapgent\n")
	h.Run(`echo HAPGENT_STATE_FILE=/var/lib/hapgent/state.json >/etc/default/hapgent; install -d -g hapgent -m 2770 /var/lib/hapgent
		mount --bind /etc /etc; mount -o remount,bind,ro /etc; systemctl daemon-reload; systemctl restart hapgent`)
	h.UntilAnswers("FAIL", "9777")
	putIn(h)
	expect(t, "the state file", h.Run("cat /var/lib/hapgent/state.json; touch /etc/probe 2>/dev/null || echo read-only"), "{\"status\":\"UP\"}\nread-only\n")
	h.Run("systemctl restart hapgent; umount /etc; umask 077; apt-get purge -y hapgent")
	expect(t, "what is left", h.Run("ls -d /etc/hapgent /etc/default/hapgent /usr/sbin/hapgent 2>/dev/null || true; getent group hapgent || true"), "")
}
