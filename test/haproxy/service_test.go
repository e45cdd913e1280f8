package haproxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
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

// serveIfAsked is a service that is hard to deploy: it is slow to start, takes
// its time for a request, and drops those under way when it is stopped.
func serveIfAsked() {
	address := os.Getenv(serviceVariable)
	if address == "" {
		return
	}
	version, err := os.ReadFile("version.txt")
	if err == nil {
		time.Sleep(500 * time.Millisecond)
		err = http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/health" {
				time.Sleep(200 * time.Millisecond)
			}
			w.Write(version)
		}))
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// traffic is clients that send requests all the time.
type traffic struct {
	stop     chan struct{}
	stopOnce sync.Once
	done     sync.WaitGroup

	mu       sync.Mutex
	answers  map[string]int // by content
	failures []string
}

// startTraffic starts it and waits until it flows. Half of the clients keep their
// connections; those do not see each loss, since HAProxy and Go's client both
// take one on a kept connection for the end of that, and repeat the request.
func startTraffic(t *testing.T, url string) *traffic {
	t.Helper()
	tr := &traffic{stop: make(chan struct{}), answers: map[string]int{}}
	for i := range 16 {
		tr.done.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0}, Timeout: patience}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-tr.stop:
					return
				default:
					tr.note(get(client, url))
				}
			}
		})
	}
	t.Cleanup(tr.end)
	eventually(t, func() error {
		if answered := tr.answered(); answered < 50 {
			return fmt.Errorf("expected 50 answers, found %d", answered)
		}
		return nil
	})
	return tr
}

func get(client *http.Client, url string) (answer string, err error) {
	r, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Status, body)
	}
	return strings.TrimSpace(string(body)), err
}

func (tr *traffic) note(answer string, err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if err != nil {
		tr.failures = append(tr.failures, err.Error())
		return
	}
	tr.answers[answer]++
}

func (tr *traffic) end() {
	tr.stopOnce.Do(func() { close(tr.stop) })
	tr.done.Wait()
}

func (tr *traffic) answered() (sum int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, n := range tr.answers {
		sum += n
	}
	return sum
}

// failed is how many requests have failed so far.
func (tr *traffic) failed() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.failures)
}

// expectNoLoss ends the traffic.
func (tr *traffic) expectNoLoss(t *testing.T) {
	t.Helper()
	tr.end()
	if len(tr.failures) > 0 {
		t.Fatalf("expected no failure, found answers %v and %d failures, such as %q", tr.answers, len(tr.failures), tr.failures[:min(3, len(tr.failures))])
	}
	t.Logf("answers: %v", tr.answers)
}
