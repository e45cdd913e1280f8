// Package traffic has a service and its clients, to count the requests that a
// deployment loses.
package traffic

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Slow is how long the service takes for /slow.
const Slow = 5 * time.Second

// Serve is a service that is hard to deploy: it takes half a second to start and a
// fifth for a request, and drops running requests when it is killed. It answers with
// the file's content at its start, /health at once and /slow late. The error says why
// it ended.
func Serve(address, file string) error {
	version, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	time.Sleep(500 * time.Millisecond)
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
		case "/slow":
			time.Sleep(Slow)
			fmt.Fprint(w, "slow ")
		default:
			time.Sleep(200 * time.Millisecond)
		}
		w.Write(version)
	}))
}

// Count counts the answers and failures of clients.
type Count struct {
	Answers  map[string]int // by content
	Failures []string       // each with its time
}

// Answered is how many requests were answered.
func (c Count) Answered() (sum int) {
	for _, n := range c.Answers {
		sum += n
	}
	return sum
}

// Clients send requests all the time. Half of them keep their connections. These do
// not see each loss: on a kept connection HAProxy and Go's client take a loss for the
// end of the connection, and repeat the request.
type Clients struct {
	stop     chan struct{}
	stopOnce sync.Once
	done     sync.WaitGroup
	mu       sync.Mutex
	count    Count
}

// Dial makes a client's connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Start starts 16 clients, as many of each URL.
func Start(urls ...string) *Clients { return StartBy(new(net.Dialer).DialContext, urls...) }

// StartBy starts them with connections that are made so.
func StartBy(dial Dial, urls ...string) *Clients {
	c := &Clients{stop: make(chan struct{}), count: Count{Answers: map[string]int{}}}
	for i := range 16 {
		c.done.Go(func() {
			client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: i%2 == 0}, Timeout: time.Minute}
			defer client.CloseIdleConnections()
			url := urls[i/2%len(urls)]
			for {
				select {
				case <-c.stop:
					return
				default:
					c.note(get(client, url))
				}
			}
		})
	}
	return c
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

func (c *Clients) note(answer string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.count.Failures = append(c.count.Failures, time.Now().UTC().Format(time.TimeOnly)+" "+err.Error())
		return
	}
	c.count.Answers[answer]++
}

// Count is their count so far.
func (c *Clients) Count() Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Count{maps.Clone(c.count.Answers), slices.Clone(c.count.Failures)}
}

// Stop ends them, once the running requests have ended, and returns their count. It
// may be called again.
func (c *Clients) Stop() Count {
	c.stopOnce.Do(func() { close(c.stop) })
	c.done.Wait()
	return c.Count()
}
