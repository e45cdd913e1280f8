package haproxy

import (
	"fmt"
	"net"
	"syscall"
	"testing"
)

func TestAgentIsAskedAndSignalled(t *testing.T) {
	t.Parallel()
	ipv4 := newHost()
	tests := []struct{ name, listen, ask, send string }{
		{"agent-send", ipv4, ipv4, `agent-send hapgent\n`},
		{"no agent-send", ipv4, ipv4, ``},
		{"agent-send without newline", ipv4, ipv4, `agent-send a\ b\ c`},
		{"all of IPv4", "0.0.0.0", ipv4, `agent-send hapgent\n`},
		{"IPv6", "::1", "::1", `agent-send hapgent\n`},
		{"IPv6, no agent-send", "::1", "::1", ``},
		{"dual stack by IPv4", "::", ipv4, `agent-send hapgent\n`},
		{"dual stack by IPv6", "::", "::1", `agent-send hapgent\n`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := startAgentOn(t, test.listen, `{"status":"READY","weight":50,"maxconn":30}`)
			b := startHAProxy(t, basicConfig+"backend web\n"+serverLine(t, "weight 100 "+a.checkAt(test.ask)+" "+test.send))
			b.expect("web/a", fields{"status": "UP", "weight": "50", "slim": "30", "agent_status": "CHECKED"})
			a.signal(t, syscall.SIGUSR2)
			b.expect("web/a", fields{"status": "DOWN (agent)", "weight": "50", "slim": "30", "agent_status": "L7STS"})
			a.signal(t, syscall.SIGUSR1)
			b.expect("web/a", fields{"status": "UP", "weight": "50", "slim": "30", "agent_status": "L7OK"})
		})
	}
}

func TestTwoAgentsOnOneHost(t *testing.T) {
	t.Parallel()
	host := newHost()
	first, second := startAgentOn(t, host, `{"status":"UP"}`), startAgentOn(t, host, `{"status":"UP"}`)
	b := startHAProxy(t, oneServer(t, first, "")+"backend api\n"+serverLine(t, second.check()))
	const up, down = "UP", "DOWN (agent)"
	expect := func(web, api string) {
		t.Helper()
		b.expectAll(map[string]fields{"web/a": {"status": web}, "api/a": {"status": api}})
	}
	expect(up, up)
	first.signal(t, syscall.SIGUSR2)
	expect(down, up)
	second.signal(t, syscall.SIGUSR2)
	first.signal(t, syscall.SIGUSR1)
	expect(up, down)
}

// unreachable are ways in which an agent can fail to answer, each with the
// agent_status that HAProxy has for it.
var unreachable = []struct {
	name, status string
	listen       func(t *testing.T, a *instance)
}{
	{"refuses", "L4CON", func(*testing.T, *instance) {}},
	{"resets", "SOCKERR", func(t *testing.T, a *instance) {
		listenInstead(t, a, func(conn *net.TCPConn) {
			conn.Read(make([]byte, 100)) // the payload
			conn.SetLinger(0)
			conn.Close()
		})
	}},
	{"is silent", "L7TOUT", func(t *testing.T, a *instance) {
		listenInstead(t, a, func(conn *net.TCPConn) { t.Cleanup(func() { conn.Close() }) })
	}},
}

// listenInstead takes the place of an agent that is stopped.
func listenInstead(t *testing.T, a *instance, serve func(*net.TCPConn)) {
	t.Helper()
	var l net.Listener
	// a process that another test is just starting may have the free port open still
	eventually(t, func() (err error) {
		l, err = net.Listen("tcp", address(a.host, a.port))
		return err
	})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn.(*net.TCPConn))
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-stopped
	})
}

func TestAgentThatCannotBeAskedChangesNothing(t *testing.T) {
	for _, how := range unreachable {
		for _, last := range []struct{ state, status string }{
			{`{"status":"UP","weight":50,"maxconn":30}`, "UP"},
			{`{"status":"DOWN","weight":50,"maxconn":30}`, "DOWN (agent)"},
			{`{"status":"DRAIN","weight":50,"maxconn":30}`, "DRAIN (agent)"},
		} {
			t.Run(fmt.Sprintf("%s, last %s", how.name, last.status), func(t *testing.T) {
				t.Parallel()
				a := startAgent(t, last.state)
				b := startHAProxy(t, oneServer(t, a, "weight 100")+"\ttimeout check 300ms\n")
				asBefore := fields{"status": last.status, "srv_uweight": "50", "slim": "30"}
				b.expect("web/a", asBefore)
				a.stop(t)
				how.listen(t, a)
				b.expect("web/a", fields{"agent_status": how.status})
				b.expect("web/a", asBefore)
			})
		}
	}
}

func TestAgentKeepsStateOverRestart(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP","weight":50,"maxconn":30}`)
	b := startHAProxy(t, oneServer(t, a, "weight 100"))
	for _, s := range []struct {
		signal         syscall.Signal
		status, answer string
	}{
		{syscall.SIGUSR2, "DOWN (agent)", "L7STS"},
		{syscall.SIGUSR1, "UP", "L7OK"},
	} {
		kept := fields{"status": s.status, "weight": "50", "slim": "30"}
		a.signal(t, s.signal)
		b.expect("web/a", kept)
		a.stop(t)
		b.expect("web/a", fields{"agent_status": "L4CON"})
		b.expect("web/a", kept)
		a.start(t)
		b.expect("web/a", fields{"agent_status": s.answer})
		b.expect("web/a", kept)
	}
}
