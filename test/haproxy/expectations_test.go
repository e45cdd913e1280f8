package haproxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// What an operator of HAProxy may not expect, as docs/operating.md says it: these
// tests run on each release that Debian has.

// since reports whether HAProxy is of this release or later.
func since(t *testing.T, major, minor int) bool {
	t.Helper()
	out, err := exec.Command(need.Command(t, "haproxy", "haproxy"), "-v").Output()
	m := regexp.MustCompile(`version (\d+)\.(\d+)`).FindSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("haproxy -v: %v: %q", err, out)
	}
	x, _ := strconv.Atoi(string(m[1]))
	y, _ := strconv.Atoi(string(m[2]))
	return x > major || x == major && y >= minor
}

// After a reload the new process of HAProxy does not know the agents' answers. With
// HAProxy's own state file it keeps all but the agent's DOWN, which the first health
// check that succeeds undoes.
func TestReloadTakesServersForUpUntilTheFirstAgentCheck(t *testing.T) {
	for _, last := range []struct{ state, status, kept string }{
		{"DOWN", "DOWN (agent)", "UP"},
		{"DRAIN", "DRAIN (agent)", "DRAIN (agent)"},
		{"MAINT", "MAINT", "MAINT"},
	} {
		t.Run(last.state, func(t *testing.T) {
			t.Parallel()
			a := startAgent(t, `{"status":"`+last.state+`","weight":50}`)
			config := oneServer(t, a, "weight 100")
			before := startHAProxy(t, config)
			before.expect("web/a", fields{"status": last.status, "srv_uweight": "50"})
			saved := filepath.Join(t.TempDir(), "state")
			writeFile(t, saved, before.command("show servers state"))
			a.stop(t)

			unasked := fields{"agent_status": "L4CON", "status": "UP", "srv_uweight": "100"}
			startHAProxy(t, config).expect("web/a", unasked)
			config = strings.Replace(config, "defaults\n", "\tserver-state-file "+saved+"\ndefaults\n\tload-server-state-from-file global\n", 1)
			unasked["status"], unasked["srv_uweight"] = last.kept, "50"
			startHAProxyWith(t, config).expect("web/a", unasked) // a warning says what is not up
		})
	}
}

// holdConnections accepts connections, and keeps them open.
func holdConnections(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(newHost(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return l.Addr().String()
}

// With minconn, HAProxy lowers the agent's maxconn to minconn at most.
func TestMaxconnBelowMinconnLimitsNothing(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP","maxconn":2}`)
	front := newHost()
	front = address(front, freePort(t, front))
	b := startHAProxy(t, basicConfig+"listen web\n\tmode tcp\n\tbind "+front+"\n\tfullconn 1000\n"+
		"\tserver a "+holdConnections(t)+" minconn 5 maxconn 100 "+a.check()+"\n")
	b.expect("web/a", fields{"slim": "2"})
	for range 9 {
		conn, err := net.Dial("tcp", front)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	b.expect("web/a", fields{"scur": "5"})
}

// A server that is added while HAProxy runs has its agent check turned off.
func TestAddedServerIsNotAskedUntilItsAgentIsEnabled(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP","weight":50}`)
	b := startHAProxy(t, basicConfig+"backend web\n\tbalance roundrobin\n")
	added := b.command("add server web/a " + startService(t) + " weight 100 " + a.check())
	if !since(t, 2, 6) {
		if !strings.Contains(added, "Unknown command") {
			t.Errorf("add server: %q", added)
		}
		return
	}
	b.command("enable server web/a")
	b.expect("web/a", fields{"status": "no check", "weight": "100"})
	time.Sleep(time.Second) // ten times the interval
	b.expect("web/a", fields{"weight": "100"})
	b.command("enable agent web/a")
	b.expect("web/a", fields{"weight": "50"})
}

// hapgent says N%, which each release takes.
func TestWeightWithoutPercentIsKnownSince31(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"UP","weight":50}`)
	b := startHAProxy(t, oneServer(t, a, "weight 100"))
	b.expect("web/a", fields{"weight": "50"})
	a.stop(t)
	listenInstead(t, a, func(conn *net.TCPConn) {
		fmt.Fprint(conn, "up weight:7 maxconn:7\n")
		conn.Close()
	})
	want := "50"
	if since(t, 3, 1) {
		want = "7"
	}
	b.expect("web/a", fields{"slim": "7", "weight": want})
}

func TestMetricsOfAgentsAreThereSince32(t *testing.T) {
	t.Parallel()
	a := startAgent(t, `{"status":"DRAIN"}`)
	front := newHost()
	front = address(front, freePort(t, front))
	b := startHAProxy(t, oneServer(t, a, "")+"frontend metrics\n\tbind "+front+"\n\thttp-request use-service prometheus-exporter\n")
	b.expect("web/a", fields{"status": "DRAIN (agent)"})
	resp, err := http.Get("http://" + front + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(metrics), "\nhaproxy_server_status{") {
		t.Fatalf("%v: %.300s", err, metrics)
	}
	if got := strings.Contains(string(metrics), "\nhaproxy_server_agent_status{"); got != since(t, 3, 2) {
		t.Errorf("metrics of agents: %v", got)
	}
}
