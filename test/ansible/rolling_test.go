package ansible

import (
	"encoding/csv"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
)

// service is a fleet of four hosts of four suites with a service, behind two
// HAProxys of different versions, 3.0 and 3.2.
type service struct {
	*fleet
	hosts     []*lab.Host
	balancers []*lab.Host
	urls      []string
}

const webUnit = `[Service]
ExecStart=%s /opt/web/version
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

// strangeConfig has servers whose agent HAProxy does not reach, or does not ask.
const strangeConfig = `backend unreached
	server strange %[1]s:8080 agent-check agent-port 1 agent-inter 300ms
backend unasked
	server strange %[1]s:8080
`

const deployTasks = `
- name: Find out where HAProxy is
  ansible.builtin.set_fact:
    web_balancer: "{{ web_reloads | default(inventory_hostname) }}"
- name: Reload HAProxy
  ansible.builtin.systemd:
    name: haproxy
    state: reloaded
  delegate_to: "{{ web_balancer }}"
  when: web_reloads is defined
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
    reboot_timeout: 300
  when: inventory_hostname == web_reboots | default('')
`

func startService(t *testing.T) *service {
	t.Helper()
	binary := filepath.Join(work, "web")
	// without cgo, since the C library of the hosts differs
	command(t, inTree(t), "env", "CGO_ENABLED=0", "go", "build", "-o", binary, "./test/internal/traffic/service")
	s := &service{hosts: theLab.Hosts(t, servers(suites...)...), balancers: []*lab.Host{middle(t).host, newest(t).host}}
	config := balancerConfig
	for _, h := range s.hosts {
		h.Write("/opt/web/version", "1")
		h.Write("/etc/systemd/system/web.service", fmt.Sprintf(webUnit, binary))
		h.Run("systemctl daemon-reload && systemctl enable --now --quiet web")
		config += fmt.Sprintf("\tserver %s %s:8080 weight 100%s\n", h.Name, h.Address, map[bool]string{true: " no-check"}[h == s.unchecked()])
	}
	serveMirror(t)
	s.fleet = newFleet(t, fromMirror(newVersion(t))+"hapgent_status: UP\nhapgent_health_url: http://127.0.0.1:8080/health\n", s.hosts...)
	s.write("deploy.yml", deployTasks)
	s.write("site.yml", "- hosts: hapgent\n  gather_subset: ['!all']\n  roles: ["+collectionName+"hapgent]\n")
	// as EL 8 has it
	s.hosts[3].Run("mkdir -p /usr/libexec && ln -s $(readlink -f /usr/bin/python3) /usr/libexec/platform-python && rm /usr/bin/python3")
	s.vars(s.hosts[3], platformPython)
	oldest.play(s.fleet, "site.yml")
	others := ""
	for i, b := range s.balancers {
		others += fmt.Sprintf("%s ansible_host=%s\n", b.Name, b.Address)
		s.urls = append(s.urls, "http://"+b.Address+"/")
		b.Write("/etc/haproxy/haproxy.cfg", config+[]string{fmt.Sprintf(strangeConfig, s.hosts[0].Address), ""}[i])
		b.Run("systemctl restart haproxy")
	}
	s.write("others.ini", others)
	for _, h := range s.hosts {
		s.expect(h, "UP")
	}
	return s
}

const platformPython = "ansible_python_interpreter: /usr/libexec/platform-python\n"

// unchecked is the host without a health check: HAProxy checks only its agent.
func (s *service) unchecked() *lab.Host { return s.hosts[2] }

// status is how a HAProxy shows the host.
func (s *service) status(balancer, h *lab.Host) string {
	s.t.Helper()
	rows, err := csv.NewReader(strings.NewReader(balancer.Run(onSocket("show stat")))).ReadAll()
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

func onSocket(command string) string {
	return "echo '" + command + "' | socat -t5 - /run/haproxy/admin.sock"
}

// socket gives each HAProxy a command, as operators do.
func (s *service) socket(command string) {
	s.t.Helper()
	for _, b := range s.balancers {
		b.Run(onSocket(command))
	}
}

func (s *service) expect(h *lab.Host, status string) {
	s.t.Helper()
	if status == "UP" && h == s.unchecked() {
		status = "no check"
	}
	for _, b := range s.balancers {
		waitFor(s.t, h.Name+" "+status, func() bool { return strings.HasPrefix(s.status(b, h), status) })
	}
}

// haproxys sets hapgent_haproxy to the addresses of all HAProxys.
func (s *service) haproxys(where func(*lab.Host) string) string {
	var all []string
	for _, b := range s.balancers {
		all = append(all, quoted(where(b)))
	}
	return "hapgent_haproxy=[" + strings.Join(all, ", ") + "]"
}

// seen is what a test sees of a host: the version of its service, its status in
// HAProxy, and the answer of its agent.
type seen struct{ version, status, answer string }

func (s *service) expectAll(want [4]seen) {
	s.t.Helper()
	for i, h := range s.hosts {
		h.Until(want[i].version, "curl -fsS http://127.0.0.1:8080/")
		s.expect(h, want[i].status)
		answers(h, "9777", want[i].answer)
	}
}

// expectTable runs status.yml, first with nothing wrong, then with many faults, and
// lets state.yml repair some of them.
func (s *service) expectTable() {
	s.t.Helper()
	here, recent := oldest, newest(s.t)
	row := func(h *lab.Host, rest string) string {
		return regexp.QuoteMeta(h.Name) + ` +9777 +` + rest
	}
	here.play(s.fleet, "status.yml").expectMatch(row(s.hosts[0], "UP +UP +active +"+newVersion(s.t)), row(s.hosts[1], "DRAIN +DRAIN +active"))
	s.hosts[1].Run("systemctl stop hapgent")
	s.hosts[2].Run(`echo '{"status":"UP","weight":300}' >/etc/hapgent/state.json`)
	s.hosts[3].Run(`echo '{"status":"UP","weight":30}' >/etc/hapgent/state.json`)
	s.write("lost.ini", "[hapgent]\nlost ansible_host=10.77.0.250\n")
	p, err := recent.try(s.fleet, collectionName+"status", append(set("hapgent_version=\"9.9.9\""), "-i", s.path("inventory.yml"), "-i", s.path("lost.ini"))...)
	if err == nil {
		s.t.Error("status.yml finds nothing wrong")
	}
	p.expectMatch("lost .*! unreachable", row(s.hosts[0], "UP +UP +active +"+newVersion(s.t)+" +! not version 9.9.9"), row(s.hosts[1], "none +DRAIN +inactive .* not running, no answer"),
		row(s.hosts[2], "UP +unknown +active .*state.json:1:25: weight must be an integer"), row(s.hosts[3], "UP +UP 30% +active .* answer and state file differ"))

	_, err = recent.try(s.fleet, collectionName+"state", set(`hapgent_force_status="UP"`, "hapgent_force_weight=256")...)
	if err == nil {
		s.t.Error("state.yml sets a weight of 256")
	}
	answers(s.hosts[0], "9777", "UP")
	all := set(`hapgent_hosts="`+s.hosts[1].Name+","+s.hosts[3].Name+`"`, "hapgent_force_weight=40")
	recent.play(s.fleet, collectionName+"state", append(all, "--check")...).expectChanged()
	s.hosts[3].Run("grep 30 /etc/hapgent/state.json")
	recent.play(s.fleet, collectionName+"state", all...).expectChanged()
	answers(s.hosts[1], "9777", "DRAIN 40%")
	answers(s.hosts[3], "9777", "UP 40%")
	s.hosts[3].Until("nobody hapgent 640", "stat -c '%U %G %a' /etc/hapgent/state.json")
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
	here, recent := oldest, newest(t)
	bySocket := s.haproxys(func(b *lab.Host) string { return b.Name + ":/run/haproxy/admin.sock" })
	byPage := s.haproxys(func(b *lab.Host) string { return "http://" + b.Address + ":8404/stats;csv" })

	s.expectRefusals(bySocket)
	s.expectToKnowWhoListens()
	s.expectToNoticeAReload(bySocket)

	t.Log("agents are killed all the time, and one host reboots in the middle")
	tr := startTraffic(t, s.urls)
	stop := s.killAgents()
	start := time.Now()
	p := here.play(s.fleet, "rolling.yml", s.deploy("2", bySocket, "web_reboots="+quoted(s.hosts[1].Name))...)
	if strings.Contains(p.output, "was reloaded") {
		t.Errorf("a HAProxy was reloaded:\n%s", p.output)
	}
	t.Logf("%d hosts took %.0f s; agents killed: %d", len(s.hosts), time.Since(start).Seconds(), stop())
	tr.expectNoLoss(2000)
	s.expectAll([4]seen{{"2", "UP", "UP"}, {"2", "UP", "UP"}, {"2", "UP", "UP"}, {"2", "UP", "UP"}})

	t.Log("an operator has disabled one host, and the deploy of another fails")
	s.socket("disable server sample/" + s.hosts[0].Name)
	tr = startTraffic(t, s.urls)
	p, err := recent.try(s.fleet, collectionName+"rolling", s.deploy("3", byPage, "web_stumbles="+quoted(s.hosts[1].Name))...)
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
	tr = startTraffic(t, s.urls)
	disabled := s.disableWhileDown(s.hosts[0])
	here.play(s.fleet, "rolling.yml", s.deploy("4", "hapgent_wait=2", `hapgent_serial=[2, "50%"]`)...)
	<-disabled
	tr.expectNoLoss(1000)
	s.expectAll([4]seen{{"4", "MAINT", "UP"}, {"4", "UP", "UP 40%"}, {"4", "UP", "UP"}, {"4", "UP", "UP 40%"}}) // weights as before
	s.socket("enable server sample/" + s.hosts[0].Name)
	s.expect(s.hosts[0], "UP")

	t.Log("what the clients would have seen without it")
	tr = startTraffic(t, s.urls)
	time.Sleep(time.Second)
	for _, h := range s.hosts {
		h.Run("systemctl restart web")
	}
	if c := tr.end(); len(c.Failures) == 0 {
		t.Errorf("none of %d requests failed", c.Answered())
	}
}

// expectRefusals checks that rolling.yml refuses missing tasks, and prints in check
// mode what would be done, before anything is changed.
func (s *service) expectRefusals(haproxy string) {
	s.t.Helper()
	p, err := newest(s.t).try(s.fleet, collectionName+"rolling", append(s.deploy("2", haproxy), set("hapgent_deploy_tasks="+quoted(s.path("nosuch.yml")))...)...)
	if err == nil {
		s.t.Error("tasks were taken that are not there")
	}
	p.expect("Could not find or access '" + s.path("nosuch.yml") + "'")
	p.expectUnchanged()
	p = middle(s.t).play(s.fleet, collectionName+"rolling", append(s.deploy("2", haproxy, "hapgent_serial=4"), "--check")...)
	for _, h := range s.hosts {
		p.expect(h.Name + " would be taken out by DRAIN, deployed, and brought back by READY and UP")
	}
	s.expectAll([4]seen{{"1", "UP", "UP"}, {"1", "UP", "UP"}, {"1", "UP", "UP"}, {"1", "UP", "UP"}})
}

// expectToKnowWhoListens checks that rolling.yml refuses, before it changes
// anything, a host whose agent HAProxy does not reach, ask or know; a host whose
// agent nobody asks; and a host whose agent has no --set. The HAProxy of the fourth
// host needs three seconds to answer, and shows the host up: rolling.yml must not
// ask it more often in four seconds if the machine is busy.
func (s *service) expectToKnowWhoListens() {
	s.t.Helper()
	unknown, unasked, old, slow := s.hosts[0], s.hosts[1], s.hosts[2], s.hosts[3]
	sockets := [2]string{s.balancers[0].Name + ":/run/haproxy/admin.sock", s.balancers[1].Name + ":/run/haproxy/admin.sock"}
	s.vars(unknown, "hapgent_haproxy_server: strange\nhapgent_haproxy: ["+sockets[0]+", "+sockets[1]+"]\n")
	s.socket("disable agent sample/" + unasked.Name)
	unasked.Run("systemctl restart hapgent") // which forgets who has asked
	old.Run("mv /usr/sbin/hapgent /usr/sbin/hapgent.new")
	old.Write("/usr/sbin/hapgent", "#!/bin/sh\n[ \"$1\" = --help ] && echo 'Usage: hapgent [--check | --version | --help]' || exec /usr/sbin/hapgent.new \"$@\"\n")
	old.Run("chmod 755 /usr/sbin/hapgent")
	slow.Write("/srv/stat", "# pxname,svname,scur,stot,status,agent_status,\nsample,"+slow.Name+",0,0,UP,L7OK,\n")
	slow.Run("systemd-run --quiet socat UNIX-LISTEN:/run/slow.sock,fork SYSTEM:'echo x >>/run/asked; sleep 3; cat /srv/stat'")
	s.vars(slow, platformPython+"hapgent_haproxy: ["+slow.Name+":/run/slow.sock]\n")

	p, err := newest(s.t).try(s.fleet, "rolling.yml", s.deploy("2", "hapgent_serial=4", "hapgent_timeout=4")...)
	if err == nil {
		s.t.Error("hosts were deployed of which nobody notices what the agent says")
	}
	const why = "; check that HAProxy has agent-check for the server, and that it reaches port 9777 of the host: a firewall, or SELinux without haproxy_connect_any, may block it; nothing was changed"
	p.expect(unknown.Name+" failed at Check what HAProxy shows: wanted asked, found "+sockets[1]+": no server strange, set hapgent_haproxy_server to its name; "+
		sockets[0]+": unreached/strange no check, sessions 0, agent check L4CON, Connection refused; "+sockets[0]+": unasked/strange no check, sessions 0, no agent check"+why,
		unasked.Name+" failed at Check what HAProxy shows: wanted asked, found nobody but the host itself has asked the agent for two minutes"+why,
		old.Name+" failed at Check that hapgent has --set: hapgent on "+old.Name+" is too old for this playbook, it has no --set: run the role first, which keeps the state; nothing was changed",
		slow.Name+" failed at Check what HAProxy shows: wanted out, found "+slow.Name+":/run/slow.sock: sample/"+slow.Name+" UP, sessions 0, agent check L7OK; it stays out of the balancer, its agent answers DRAIN")
	const most = 1 + 3 // to know the host, and to see it out
	if n := strings.Count(slow.Run("cat /run/asked"), "x"); n > most {
		s.t.Errorf("HAProxy was asked %d times for three seconds each, want at most %d in four", n, most)
	}

	old.Run("mv /usr/sbin/hapgent.new /usr/sbin/hapgent")
	s.socket("enable agent sample/" + unasked.Name)
	s.vars(unknown, "{}\n")
	s.vars(slow, platformPython)
	s.expectAll([4]seen{{"1", "UP", "UP"}, {"1", "UP", "UP"}, {"1", "UP", "UP"}, {"1", "DRAIN", "DRAIN"}})
}

// expectToNoticeAReload reloads a HAProxy while a host is out: HAProxy takes the
// host for up until it has asked the agent.
func (s *service) expectToNoticeAReload(haproxy string) {
	s.t.Helper()
	for range 4 * len(s.hosts) {
		for _, url := range s.urls {
			if out, err := theLab.Command("curl", "-fsS", url).CombinedOutput(); err != nil {
				s.t.Fatalf("%v: %s", err, out)
			}
		}
	}
	h, b := s.unchecked(), s.balancers[0]
	p := newest(s.t).play(s.fleet, "rolling.yml", s.deploy("2", haproxy, "hapgent_hosts="+quoted(h.Name), "web_reloads="+quoted(b.Name))...)
	p.expect("WARNING: " + b.Name + ":/run/haproxy/admin.sock was reloaded while " + h.Name + " was out")
}

// disableWhileDown is an operator who disables the host while it is being deployed.
func (s *service) disableWhileDown(h *lab.Host) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for deadline := time.Now().Add(lab.Patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			if _, err := h.Try("grep DOWN /etc/hapgent/state.json"); err == nil {
				for _, b := range s.balancers {
					b.Try(onSocket("disable server sample/" + h.Name))
				}
				return
			}
		}
	}()
	return done
}

// killAgents kills one agent after the other until stop is called, which returns
// how many were killed.
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
