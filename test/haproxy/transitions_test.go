package haproxy

import (
	"flag"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

var update = flag.Bool("update", false, "write what was seen into testdata")

// server is what HAProxy remembers of an agent's words: two states, independent of
// each other.
type server struct {
	admin   statefile.Status // forced "DRAIN" or "MAINT", or none
	healthy bool
}

// newServer is the state of a server that HAProxy up to 3.2 has not asked yet.
var newServer = server{healthy: true}

func (s server) after(word statefile.Status) server {
	switch word {
	case statefile.Up:
		s.healthy = true
	case statefile.Down, statefile.Fail, statefile.Stopped:
		s.healthy = false
	case statefile.Drain, statefile.Maint:
		s.admin = word
	case statefile.Ready:
		s.admin = ""
	}
	return s
}

func (s server) running() bool { return s.admin == "" && s.healthy }

// fields are the expected fields of HAProxy's stats socket for it.
func (s server) fields() fields {
	f := fields{"status": "UP", "srv_op_state": "2", "srv_admin_state": "0"}
	switch s.admin { // the bits of SRV_ADMF_*
	case statefile.Drain:
		f["status"], f["srv_admin_state"] = "DRAIN (agent)", "8"
	case statefile.Maint:
		f["status"], f["srv_admin_state"], f["srv_op_state"] = "MAINT", "1", "0"
	}
	if !s.healthy {
		f["srv_op_state"] = "0"
		if s.admin != statefile.Maint {
			f["status"] = "DOWN (agent)"
		}
	}
	return f
}

// journey is one server and the states that its agent goes through.
type journey struct {
	name   string
	agent  *instance
	words  []statefile.Status
	server server
}

// TestTransitions takes a server from each state to each, and then on through
// more, which shows whether anything is remembered but what type server has.
func TestTransitions(t *testing.T) {
	t.Parallel()
	onwards := []statefile.Status{statefile.Ready, statefile.Drain, statefile.Down, statefile.Maint, statefile.Up, statefile.Ready}
	var journeys []*journey
	for _, from := range statefile.Statuses {
		for _, to := range statefile.Statuses {
			journeys = append(journeys, &journey{
				name:   fmt.Sprintf("%s-%s", from, to),
				agent:  startAgent(t, stampedState(from, 0)),
				words:  append([]statefile.Status{from, to}, onwards...),
				server: newServer,
			})
		}
	}
	b, front := startJourneys(t, journeys)
	seen := map[string]string{}
	for step := range 2 + len(onwards) {
		travel(t, b, journeys, step)
		servers := b.servers()
		for _, j := range journeys {
			status := servers[j.name+"/s"]["status"]
			served := serves(t, front+"/"+j.name)
			if served != j.server.running() {
				t.Errorf("after %v, %s: expected that it is served: %v, found %v", j.words[:step+1], status, j.server.running(), served)
			}
			if served {
				status = "**" + status + "**"
			}
			if step == 1 {
				seen[j.name] = status
			}
		}
	}
	need.Golden(t, *update, "testdata/transitions.md", transitionTable(seen))
}

// startJourneys starts a HAProxy that serves /NAME from the journey's server.
func startJourneys(t *testing.T, journeys []*journey) (b *balancer, front string) {
	t.Helper()
	service := startService(t)
	host := newHost()
	front = address(host, freePort(t, host))
	config := basicConfig + "frontend public\n\tbind " + front + "\n\tuse_backend %[path,field(2,/)]\n"
	for _, j := range journeys {
		config += fmt.Sprintf("backend %s\n\tserver s %s weight 100 check %s\n", j.name, service, j.agent.check())
	}
	return startHAProxy(t, config), "http://" + front
}

// travel takes all servers to their next state. The weight shows that HAProxy has
// the answer, even if nothing else changes.
func travel(t *testing.T, b *balancer, journeys []*journey, step int) {
	t.Helper()
	want := map[string]fields{}
	for _, j := range journeys {
		word := j.words[step]
		j.agent.change(t, stampedState(word, step))
		j.server = j.server.after(word)
		want[j.name+"/s"] = j.server.fields()
		want[j.name+"/s"]["srv_uweight"] = strconv.Itoa(stamp(step))
	}
	b.expectAll(want)
}

func stamp(step int) int { return 10 + step }

func stampedState(word statefile.Status, step int) string {
	return fmt.Sprintf(`{"status":%q,"weight":%d}`, word, stamp(step))
}

// serves tells whether HAProxy has a server for the request.
func serves(t *testing.T, url string) bool {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK && r.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%s: expected status 200 or 503, found %s", url, r.Status)
	}
	return r.StatusCode == http.StatusOK
}

// transitionTable is the table in Markdown.
func transitionTable(seen map[string]string) string {
	var text strings.Builder
	text.WriteString("| before \\ then |")
	for _, to := range statefile.Statuses {
		fmt.Fprintf(&text, " %s |", to)
	}
	text.WriteString("\n|" + strings.Repeat("---|", 1+len(statefile.Statuses)) + "\n")
	for _, from := range statefile.Statuses {
		fmt.Fprintf(&text, "| %s |", from)
		for _, to := range statefile.Statuses {
			fmt.Fprintf(&text, " %s |", seen[fmt.Sprintf("%s-%s", from, to)])
		}
		text.WriteString("\n")
	}
	return text.String()
}
