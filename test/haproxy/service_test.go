package haproxy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/traffic"
)

// startService starts a service within the test, and returns its address.
func startService(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// With this variable the test binary is a service instead: on that address, it
// answers with the content that the file version.txt had when it started.
const serviceVariable = "TEST_SERVICE_ADDRESS"

func serveIfAsked() {
	if address := os.Getenv(serviceVariable); address != "" {
		fmt.Fprintln(os.Stderr, traffic.Serve(address, "version.txt"))
		os.Exit(1)
	}
}

// startTraffic starts clients, and waits until requests flow.
func startTraffic(t *testing.T, url string) *traffic.Clients {
	t.Helper()
	clients := traffic.Start(url)
	t.Cleanup(func() { clients.Stop() })
	eventually(t, func() error {
		if answered := clients.Count().Answered(); answered < 50 {
			return fmt.Errorf("expected 50 answers, found %d", answered)
		}
		return nil
	})
	return clients
}

// expectNoLoss ends the traffic, and returns its answers.
func expectNoLoss(t *testing.T, clients *traffic.Clients) (answers map[string]int) {
	t.Helper()
	c := clients.Stop()
	if len(c.Failures) > 0 {
		t.Fatalf("expected no failure, found answers %v and %d failures, such as %q", c.Answers, len(c.Failures), c.Failures[:min(3, len(c.Failures))])
	}
	t.Logf("answers: %v", c.Answers)
	return c.Answers
}
