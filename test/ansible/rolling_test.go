package ansible

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// service is a fleet of four hosts with a service, behind HAProxy.
type service struct {
	*fleet
	hosts    []*lab.Host
	balancer *lab.Host // a controller with core 2.19, too
	url      string
}

const webUnit = `[Service]
Environment=%s=/opt/web/version
ExecStart=%s
[Install]
WantedBy=multi-user.target
`

const balancerConfig = `global
	stats socket /run/haproxy/admin.sock mode 660 level admin
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	timeout check 10s
frontend public
	bind :80
	default_backend sample
frontend page
	bind :8404
	stats enable
	stats uri /stats
backend sample
	balance roundrobin
	option httpchk
	http-check send meth GET uri /health
	default-server check inter 300ms agent-check agent-port 9777 agent-inter 300ms agent-send hapgent\n
`

const deployTasks = `
- name: Install the version
  ansible.builtin.copy:
    content: "{{ web_version }}"
    dest: /opt/web/version
    mode: "0644"
- name: Stumble
  ansible.builtin.fail:
    msg: the disk is full
  when: inventory_hostname == web_stumbles | default('')
- name: Restart it
  ansible.builtin.systemd:
    name: web
    state: restarted
- name: Reboot
  ansible.builtin.reboot:
    test_command: "true"
    reboot_timeout: 60
  when: inventory_hostname == web_reboots | default('')
`

func startService(t *testing.T) *service {
	t.Helper()
	binary := filepath.Join(work, "web")
	text, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(binary, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	server := func(suite string) lab.Spec { return lab.Spec{Suite: suite, Profile: lab.Server} }
	all := theLab.Hosts(t, server("bookworm"), server("trixie"), server("bookworm"), server("trixie"), lab.Spec{Suite: "trixie", Profile: lab.Controller})
	s := &service{hosts: all[:4], balancer: all[4], url: "http://" + all[4].Address + "/"}
	config := balancerConfig
	for _, h := range s.hosts {
		h.Write("/opt/web/version", "1")
		h.Write("/etc/systemd/system/web.service", fmt.Sprintf(webUnit, serviceVariable, binary))
		h.Run("systemctl daemon-reload && systemctl enable --now --quiet web")
		config += fmt.Sprintf("\tserver %s %s:8080 weight 100\n", h.Name, h.Address)
	}
	serveMirror(t)
	s.fleet = newFleet(t, fromMirror(newVersion(t))+"hapgent_status: UP\nhapgent_health_url: http://127.0.0.1:8080/health\n", s.hosts...)
	s.write("others.ini", fmt.Sprintf("%s ansible_host=%s\n", s.balancer.Name, s.balancer.Address))
	s.write("deploy.yml", deployTasks)
	controller{}.play(s.fleet, "site.yml")
	s.balancer.Write("/etc/haproxy/haproxy.cfg", config)
	s.balancer.Run("systemctl restart haproxy")
	for _, h := range s.hosts {
		s.expect(h, "UP")
	}
	return s
}

// status is how HAProxy shows the host.
func (s *service) status(h *lab.Host) string {
	s.t.Helper()
	rows, err := csv.NewReader(strings.NewReader(s.socket("show stat"))).ReadAll()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, row := range rows {
		if row[1] == h.Name {
			return row[17]
		}
	}
	s.t.Fatalf("HAProxy does not show %s", h.Name)
	return ""
}

// socket gives HAProxy a command, as operators do.
func (s *service) socket(command string) string {
	s.t.Helper()
	return s.balancer.Run("echo '" + command + "' | socat -t5 - /run/haproxy/admin.sock")
}

func (s *service) expect(h *lab.Host, status string) {
	s.t.Helper()
	waitFor(s.t, h.Name+" "+status, func() bool { return strings.HasPrefix(s.status(h), status) })
}

// seen is what is to be seen of a host: the version of its service, how HAProxy
// shows it, and what its agent answers.
type seen struct{ version, status, answer string }

func (s *service) expectAll(want [4]seen) {
	s.t.Helper()
	for i, h := range s.hosts {
		h.Until(want[i].version, "curl -fsS http://127.0.0.1:8080/")
		s.expect(h, want[i].status)
		answers(h, "9777", want[i].answer)
	}
}

// expectTable has status.yml show the fleet, first with nothing wrong, then with
// much, and state.yml mend some of it.
func (s *service) expectTable() {
	s.t.Helper()
	here, recent := controller{}, controller{s.balancer}
	row := func(h *lab.Host, rest string) string {
		return regexp.QuoteMeta(h.Name) + ` +9777 +` + rest
	}
	here.play(s.fleet, "status.yml").expectMatch(row(s.hosts[0], "UP +UP +active +"+newVersion(s.t)), row(s.hosts[1], "DRAIN +DRAIN +active"))
	s.hosts[1].Run("systemctl stop hapgent")
	s.hosts[2].Run(`echo '{"status":"UP","weight":300}' >/etc/hapgent/state.json`)
	s.hosts[3].Run(`echo '{"status":"UP","weight":30}' >/etc/hapgent/state.json`)
	p, err := recent.try(s.fleet, "status.yml", set("hapgent_version=\"9.9.9\"")...)
	if err == nil {
		s.t.Error("status.yml finds nothing wrong")
	}
	p.expectMatch(row(s.hosts[0], "UP +UP +active +"+newVersion(s.t)+" +! not version 9.9.9"), row(s.hosts[1], "none +DRAIN +inactive .* not running, no answer"),
		row(s.hosts[2], "UP +unknown +active .*state.json:1:25: weight must be an integer"), row(s.hosts[3], "UP +UP 30% +active .* answer and state file differ"))

	_, err = recent.try(s.fleet, "state.yml", set(`hapgent_force_status="UP"`, "hapgent_force_weight=256")...)
	if err == nil {
		s.t.Error("state.yml sets a weight of 256")
	}
	answers(s.hosts[0], "9777", "UP")
	all := set(`hapgent_hosts="`+s.hosts[1].Name+","+s.hosts[3].Name+`"`, "hapgent_force_weight=40")
	recent.play(s.fleet, "state.yml", all...).expectChanged()
	answers(s.hosts[1], "9777", "DRAIN 40%")
	answers(s.hosts[3], "9777", "UP 40%")
	here.play(s.fleet, "state.yml", all...).expectUnchanged()
	s.hosts[2].Run(`echo '{"status":"UP"}' >/etc/hapgent/state.json`)
}

// deploy has arguments of rolling.yml.
func (s *service) deploy(version string, variables ...string) []string {
	return append(set(variables...), set("web_version="+quoted(version), "hapgent_deploy_tasks="+quoted(s.path("deploy.yml")))...)
}

// TestRolling deploys again and again, while clients send requests.
func TestRolling(t *testing.T) {
	t.Parallel()
	s := startService(t)
	here, recent := controller{}, controller{s.balancer} // core 2.14 and 2.19
	bySocket := `hapgent_haproxy=["` + s.balancer.Name + `:/run/haproxy/admin.sock"]`
	byPage := `hapgent_haproxy=["http://` + s.balancer.Address + `:8404/stats;csv"]`

	p, err := here.try(s.fleet, "rolling.yml", s.deploy("2", bySocket, `hapgent_haproxy_server="nosuch"`)...)
	if err == nil {
		t.Error("a host was deployed that HAProxy does not show")
	}
	p.expect(s.hosts[0].Name + " failed at See that HAProxy knows the host: HAProxy shows no server nosuch: set hapgent_haproxy_server to its name; nothing was changed")

	t.Log("agents are killed all the time, and one host reboots in the middle")
	tr := startTraffic(t, s.url)
	stop := s.killAgents()
	start := time.Now()
	here.play(s.fleet, "rolling.yml", s.deploy("2", bySocket, "web_reboots="+quoted(s.hosts[1].Name))...)
	t.Logf("%d hosts took %.0f s; agents killed: %d", len(s.hosts), time.Since(start).Seconds(), stop())
	tr.expectNoLoss(2000)
	s.expectAll([4]seen{{"2", "UP", "UP"}, {"2", "UP", "UP"}, {"2", "UP", "UP"}, {"2", "UP", "UP"}})

	t.Log("an operator has disabled one host, and the deploy of another fails")
	s.socket("disable server sample/" + s.hosts[0].Name)
	tr = startTraffic(t, s.url)
	p, err = recent.try(s.fleet, "rolling.yml", s.deploy("3", byPage, "web_stumbles="+quoted(s.hosts[1].Name))...)
	tr.expectNoLoss(1000)
	if err == nil {
		t.Errorf("no failure:\n%s", p.output)
	}
	p.expect(s.hosts[1].Name + " failed at Stumble: the disk is full; it stays out of the balancer, its agent answers DRAIN")
	s.expectAll([4]seen{{"3", "MAINT", "UP"}, {"2", "DRAIN", "DRAIN"}, {"2", "UP", "UP"}, {"2", "UP", "UP"}})
	s.expectTable()

	t.Log("by time alone, half of the fleet at a time, and an operator disables a host in the middle")
	s.socket("enable server sample/" + s.hosts[0].Name)
	s.expect(s.hosts[0], "UP")
	tr = startTraffic(t, s.url)
	disabled := s.disableWhileDown(s.hosts[0])
	here.play(s.fleet, "rolling.yml", s.deploy("4", "hapgent_wait=2", `hapgent_serial=[2, "50%"]`)...)
	<-disabled
	tr.expectNoLoss(1000)
	s.expectAll([4]seen{{"4", "MAINT", "UP"}, {"4", "UP", "UP 40%"}, {"4", "UP", "UP"}, {"4", "UP", "UP 40%"}}) // weights as before
	s.socket("enable server sample/" + s.hosts[0].Name)
	s.expect(s.hosts[0], "UP")

	t.Log("what the clients would have seen without it")
	tr = startTraffic(t, s.url)
	time.Sleep(time.Second)
	for _, h := range s.hosts {
		h.Run("systemctl restart web")
	}
	if c := tr.end(); len(c.Failures) == 0 {
		t.Errorf("none of %d requests failed", c.Answered())
	}
}

// disableWhileDown is an operator who disables the host while it is being deployed.
func (s *service) disableWhileDown(h *lab.Host) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for deadline := time.Now().Add(lab.Patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			if _, err := h.Try("grep DOWN /etc/hapgent/state.json"); err == nil {
				s.balancer.Try("echo 'disable server sample/" + h.Name + "' | socat -t5 - /run/haproxy/admin.sock")
				return
			}
		}
	}()
	return done
}

// killAgents kills one agent after the other, until it is told to stop; it says
// then how many it has killed.
func (s *service) killAgents() (stop func() int) {
	told, killed := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for i := 0; ; i++ {
			select {
			case <-told:
				killed <- n
				return
			case <-time.After(time.Second):
				if _, err := s.hosts[i%len(s.hosts)].Try("pkill -KILL -x hapgent"); err == nil {
					n++
				}
			}
		}
	}()
	return func() int {
		close(told)
		return <-killed
	}
}
