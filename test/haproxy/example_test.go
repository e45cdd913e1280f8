package haproxy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

func example(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(need.Root(t), "examples", name)
}

func TestExampleConfigIsValid(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(need.Command(t, "haproxy", "haproxy"), "-c", "-dW", "-f", example(t, "haproxy.cfg")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// site is the sample backend at work: two hosts behind HAProxy.
type site struct {
	balancer *balancer
	url      string
	hosts    [2]*host // sample/srv1 and sample/srv2
}

func (s *site) expectBoth(want fields) {
	s.balancer.t.Helper()
	s.balancer.expectAll(map[string]fields{"sample/srv1": want, "sample/srv2": want})
}

// startSite starts the example configuration, with addresses and intervals of
// the test's.
func startSite(t *testing.T) *site {
	t.Helper()
	text, err := os.ReadFile(example(t, "haproxy.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	first, second := newHost(), newHost()
	ports := ports{service: freePort(t, first, second), agent: freePort(t, first, second)}
	front := newHost()
	front = address(front, freePort(t, front))
	config := string(text)
	for _, replace := range [][2]string{
		{"bind :80", "bind " + front},
		{"10.42.42.10:8080", address(first, ports.service)},
		{"10.42.42.11:8080", address(second, ports.service)},
		{"agent-port 9777", fmt.Sprintf("agent-port %d", ports.agent)},
		{"agent-inter 5s", "inter 200ms agent-inter 200ms"},
		{"timeout server 30s", "timeout server 30s\n\ttimeout check 30s"},
	} {
		if strings.Count(config, replace[0]) != 1 {
			t.Fatalf("examples/haproxy.cfg: expected %q once", replace[0])
		}
		config = strings.Replace(config, replace[0], replace[1], 1)
	}
	s := &site{url: "http://" + front, hosts: [2]*host{startHost(t, first, ports), startHost(t, second, ports)}}
	s.balancer = startHAProxy(t, config)
	s.expectBoth(fields{"status": "UP", "agent_status": "L7OK", "check_status": "L7OK"})
	return s
}

func TestExampleWeights(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	for _, h := range s.hosts {
		writeFile(t, h.agent.file, `{"status":"UP","weight":50}`)
		if out, err := h.run(nil, "pkill", "-HUP", "-x", "hapgent"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	s.balancer.expectAll(map[string]fields{"sample/srv1": {"weight": "50"}, "sample/srv2": {"weight": "25"}})
}
