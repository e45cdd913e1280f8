package follow

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/traffic"
)

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
	option httpchk GET /health
	default-server check inter 500ms agent-check agent-port 9777 agent-inter 200ms agent-send hapgent\n weight 100
	server one ADDRESS1:8080
	server two ADDRESS2:8080
`

// wait is for HAProxy above: a request takes five seconds, and a server that has
// started gets some after two checks.
const wait = "WAIT=7\nHEALTH='curl -fs -o /dev/null http://localhost:8080/health'\n"

const webUnit = `[Service]
ExecStart=/opt/web/service /opt/web/version
[Install]
WantedBy=multi-user.target
`

// An upgrade stops what dh_installsystemd was told to stop: by default it restarts
// the service in the end; with --no-restart-after-upgrade, which the even versions
// have, the old version stops it and the new one starts it.
const webPrerm = `#!/bin/sh
set -e
if [ "$1" = remove ] || [ $((VERSION % 2)) = 0 ]; then deb-systemd-invoke stop web.service; fi
`

const webPostinst = `#!/bin/sh
set -e
deb-systemd-helper enable web.service >/dev/null
systemctl daemon-reload
if systemctl --quiet is-active web; then deb-systemd-invoke restart web.service; else deb-systemd-invoke start web.service; fi
`

// makeWeb makes a package of the service, of a version.
func makeWeb(t *testing.T, version int) {
	t.Helper()
	dir := t.TempDir()
	service, err := os.ReadFile(filepath.Join(programs, "service"))
	if err != nil {
		t.Fatal(err)
	}
	number := fmt.Sprint(version)
	for name, file := range map[string]struct {
		content string
		mode    os.FileMode
	}{
		"DEBIAN/control":                 {"Package: web\nVersion: " + number + "\nArchitecture: all\nMaintainer: test <test@example.org>\nDescription: a service\n", 0o644},
		"DEBIAN/prerm":                   {strings.Replace(webPrerm, "VERSION", number, 1), 0o755},
		"DEBIAN/postinst":                {webPostinst, 0o755},
		"opt/web/service":                {string(service), 0o755},
		"opt/web/version":                {number, 0o644},
		"lib/systemd/system/web.service": {webUnit, 0o644},
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(file.content), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(need.Command(t, "dpkg-deb", "dpkg"), "--root-owner-group", "--build", dir, filepath.Join(packages, "web_"+number+".deb")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// upgrade brings the service's package to a version.
func upgrade(version int) func(h *lab.Host) {
	return func(h *lab.Host) {
		h.Run(fmt.Sprintf("apt-get install -y %s/web_%d.deb </dev/null", onHosts, version))
	}
}

func restart(h *lab.Host) { h.Run("systemctl restart web") }

// site is HAProxy in front of two servers, and the traffic to them.
type site struct {
	t       *testing.T
	front   *lab.Host
	servers []*lab.Host
	clients *traffic.Clients
}

func startSite(t *testing.T) *site {
	t.Helper()
	for version := 1; version <= 3; version++ {
		makeWeb(t, version)
	}
	all := hosts.Hosts(t, lab.Spec{Suite: "trixie", Profile: lab.Controller}, lab.Spec{Suite: "bookworm", Profile: lab.Server}, lab.Spec{Suite: "trixie", Profile: lab.Server})
	s := &site{t: t, front: all[0], servers: all[1:]}
	for _, h := range s.servers {
		install(h)
		upgrade(1)(h)
	}
	s.front.Write("/etc/haproxy/lab.cfg", strings.NewReplacer("ADDRESS1", s.servers[0].Address, "ADDRESS2", s.servers[1].Address).Replace(balancer))
	s.front.Run("systemctl disable --now haproxy 2>/dev/null; systemd-run --unit=balancer haproxy -Ws -f /etc/haproxy/lab.cfg")
	s.untilBothAreUp()
	url := "http://" + s.front.Address
	s.clients = traffic.StartBy(hosts.Dial, url, url, url, url+"/slow")
	t.Cleanup(func() { s.clients.Stop() })
	s.untilAnswered(100)
	return s
}

func (s *site) untilBothAreUp() {
	s.t.Helper()
	s.front.Until("one UP L7OK,two UP L7OK", `echo "show stat" | socat - /run/haproxy.sock | awk -F , '$1 == "web" && $2 != "BACKEND" {print $2, $18, $37}' | paste -s -d ,`)
}

// untilAnswered waits until so many requests more have been answered.
func (s *site) untilAnswered(more int) {
	s.t.Helper()
	for until := s.clients.Count().Answered() + more; s.clients.Count().Answered() < until; time.Sleep(100 * time.Millisecond) {
	}
}

// lost is how many requests fail meanwhile, until the running ones have ended.
func (s *site) lost(what func(h *lab.Host), h *lab.Host) int {
	s.t.Helper()
	before := s.clients.Count()
	what(h)
	h.Run("systemctl start web; ! systemctl is-enabled --quiet hapgent-follow@web 2>/dev/null || systemctl start hapgent-follow@web")
	s.untilBothAreUp()
	s.untilAnswered(100)
	time.Sleep(traffic.Slow)
	after := s.clients.Count()
	s.t.Logf("%s: %d of %d requests lost", h.Suite, len(after.Failures)-len(before.Failures), after.Answered()-before.Answered())
	return len(after.Failures) - len(before.Failures)
}

// Restarts, upgrades and reboots under traffic with requests of five seconds: each
// loses some requests, but none if the service is followed.
func TestNoRequestIsLostWhereTheServiceIsFollowed(t *testing.T) {
	need.Superuser(t)
	t.Parallel()
	s := startSite(t)
	one, two := s.servers[0], s.servers[1]
	for what, do := range map[string]func(h *lab.Host){"a restart": restart, "an upgrade": upgrade(2), "a reboot": (*lab.Host).Reboot} {
		if s.lost(do, one) == 0 {
			t.Errorf("%s lost nothing without hapgent-follow", what)
		}
	}
	for _, h := range s.servers {
		h.Write("/etc/default/hapgent-follow@web", wait)
		h.Run("systemctl enable --quiet --now hapgent-follow@web")
	}
	before := s.clients.Count()
	for _, do := range []func(h *lab.Host){restart, upgrade(3), (*lab.Host).Reboot} {
		s.lost(do, one)
	}
	for _, do := range []func(h *lab.Host){restart, upgrade(2), (*lab.Host).Reboot} {
		s.lost(do, two)
	}
	after := s.clients.Stop()
	failures, slow := after.Failures[len(before.Failures):], 0
	for version := range 4 {
		answer := fmt.Sprintf("slow %d", version)
		slow += after.Answers[answer] - before.Answers[answer]
	}
	answered := after.Answered() - before.Answered()
	t.Logf("with hapgent-follow %d of %d requests were lost, %d of them slow", len(failures), answered, slow)
	if len(failures) > 0 || answered < 3000 || slow < 50 {
		t.Errorf("want 0 lost of thousands, with 50 slow ones among them; such as %q", failures[:min(5, len(failures))])
	}
}
