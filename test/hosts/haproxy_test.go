package hosts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The tests of test/haproxy, the table of states among them, which this machine runs
// by its own HAProxy, hold for that of each other release of Debian as well: their
// test binary runs there, with the packaged agent.
func TestAllOfHAProxyOnOtherReleases(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "haproxy.test")
	compile := exec.Command("go", "test", "-c", "-o", binary, "./test/haproxy")
	compile.Dir, compile.Env = need.Root(t), append(os.Environ(), "CGO_ENABLED=0") // an older libc is there
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for suite, version := range map[string]string{"bullseye": "2.2.", "trixie": "3.0.", "forky": "3.2."} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			allOfHAProxy(t, hosts.Host(t, suite, lab.Controller), binary, version)
		})
	}
}

func allOfHAProxy(t *testing.T, h *lab.Host, binary, haproxy string) {
	dpkg(h, version)
	h.Run("systemctl disable --now hapgent haproxy 2>&1")
	if out, err := exec.Command("cp", binary, h.Path("/root")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// those that are left out are of the example's scripts, and not of HAProxy
	out, err := h.Try("haproxy -v | head -n 1; cd /srv/tree/test/haproxy; " + need.ProgramsVariable + "=/usr/sbin /root/haproxy.test -test.v -test.skip '^Test(ShellScripts|WeightScript)' 2>&1")
	first, _, _ := strings.Cut(out, "\n")
	if err != nil || !strings.Contains(first, "version "+haproxy) || !strings.Contains(out, "--- PASS: TestTransitions ") {
		t.Errorf("%v\n%s", err, out)
	}
}

const balancer = `
global
	stats socket /run/haproxy.sock mode 600 level admin
defaults
	mode http
	timeout connect 5s
	timeout client 30s
	timeout server 30s
frontend public
	bind :80
	default_backend web
backend web
	option httpchk GET /
	default-server check inter 500ms agent-check agent-port 9777 agent-inter 200ms agent-send hapgent\n weight 100
	server one ADDRESS1:8080
	server two ADDRESS2:8080
`

const webService = `[Service]
ExecStart=/usr/bin/python3 -m http.server 8080 --directory /srv/web
[Install]
WantedBy=multi-user.target
`

// A deployment by the packaged example, of a real service, under a real HAProxy.
func TestDeployByTheExample(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	all := hosts.Hosts(t, lab.Spec{Suite: "trixie", Profile: lab.Controller}, lab.Spec{Suite: "bookworm", Profile: lab.Server}, lab.Spec{Suite: "trixie", Profile: lab.Server})
	front, servers := all[0], all[1:]
	for _, h := range servers {
		h.Write("/srv/web/index.html", "old\n")
		h.Write("/etc/systemd/system/web.service", webService)
		h.Run("systemctl daemon-reload; systemctl enable --now web")
		install(h, version)
	}
	front.Write("/etc/haproxy/lab.cfg", strings.NewReplacer("ADDRESS1", servers[0].Address, "ADDRESS2", servers[1].Address).Replace(balancer))
	front.Run("systemctl disable --now haproxy 2>/dev/null; systemd-run --unit=balancer haproxy -Ws -f /etc/haproxy/lab.cfg")
	status := `echo "show stat" | socat - /run/haproxy.sock | awk -F , '$1 == "web" && $2 != "BACKEND" {print $2, $18}' | paste -s -d ,`
	front.Until("one DOWN (agent),two DOWN (agent)", status)
	for _, h := range servers {
		putIn(h)
	}
	front.Until("one UP,two UP", status)

	h := servers[0]
	done := make(chan string)
	go func() {
		out, err := h.Try("echo new >/root/index.html; WAIT=3 HEALTH='curl -sf http://localhost:8080/ -o /dev/null' " +
			"/usr/share/doc/hapgent/examples/deploy.sh web cp /root/index.html /srv/web/ 2>&1")
		if err != nil {
			out += err.Error()
		}
		done <- out
	}()
	front.Until("one DOWN (agent),two UP", status)
	expect(t, "what the other one serves meanwhile", front.Run("curl -sf http://localhost/"), "old\n")
	if out := <-done; !strings.HasSuffix(out, "deploy.sh: web is deployed\n") {
		t.Errorf("deploy.sh says\n%s", out)
	}
	front.Until("one UP,two UP", status)
	front.UntilContains("new", "curl -sf http://localhost/")

	h.Run("systemctl stop hapgent") // an agent that is gone changes nothing
	front.Until("one UP,two UP", status)
}

// dpkg, and nothing else, calls the scripts with these arguments, which postinst must
// distinguish.
func TestArgumentsOfTheScripts(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	h := hosts.Host(t, "bookworm", lab.Server)
	var calls strings.Builder
	for _, step := range []struct{ name, command string }{
		{"install", "dpkg --install " + deb(older)},
		{"upgrade", "dpkg --install " + deb(version)},
		{"install the same again", "dpkg --install " + deb(version)},
		{"remove", "dpkg --remove hapgent"},
		{"install after the remove", "dpkg --install " + deb(version)},
		{"purge", "dpkg --purge hapgent"},
		{"upgrade that fails", "dpkg --install " + deb(older) + "; cp " + deb(version) + " /root/broken.deb; truncate --size=-100000 /root/broken.deb; dpkg --debug=2 --install /root/broken.deb || true; true dpkg"},
	} {
		out := h.Run(strings.Replace(step.command, "dpkg ", "dpkg --debug=2 ", 1) + " 2>&1 </dev/null")
		calls.WriteString(step.name + ":\n")
		for line := range strings.Lines(out) {
			// D000002: fork/exec /var/lib/dpkg/info/hapgent.prerm ( upgrade 0.3.2 )
			_, call, found := strings.Cut(line, "fork/exec ")
			if path, arguments, ok := strings.Cut(call, " "); found && ok {
				script := filepath.Base(path)
				calls.WriteString("  " + strings.TrimPrefix(script, "hapgent.") + " " + strings.NewReplacer(version, "VERSION", older, "OLDER").Replace(arguments))
			}
		}
	}
	need.Golden(t, *update, "testdata/scripts.txt", calls.String())
}
