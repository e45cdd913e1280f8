package ansible

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve is a service that is hard to deploy: it is slow to start, takes its time
// for a request, and drops those under way when it is stopped.
func serve(file string) error {
	version, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	return http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			time.Sleep(100 * time.Millisecond)
		}
		w.Write(version)
	}))
}

// answers are what clients got.
type counted struct {
	Answers  map[string]int // by content
	Failures []string
}

func (c counted) answered() (sum int) {
	for _, n := range c.Answers {
		sum += n
	}
	return sum
}

// getUntilTold is 16 clients, until standard input ends. Half of them keep their
// connections.
func getUntilTold(url string) (all counted) {
	stop := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	all.Answers = map[string]int{}
	var mu sync.Mutex
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0}, Timeout: time.Minute}
			for {
				select {
				case <-stop:
					return
				default:
					answer, err := get(client, url)
					mu.Lock()
					if err != nil {
						all.Failures = append(all.Failures, time.Now().UTC().Format(time.TimeOnly)+" "+err.Error())
					} else {
						all.Answers[answer]++
					}
					mu.Unlock()
				}
			}
		})
	}
	clients.Wait()
	return all
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

// traffic is clients that send requests all the time, from outside of the hosts.
type traffic struct {
	t      *testing.T
	cmd    *exec.Cmd
	stop   io.Closer
	output bytes.Buffer
	ended  bool
}

func startTraffic(t *testing.T, url string) *traffic {
	t.Helper()
	tr := &traffic{t: t, cmd: theLab.Command(os.Args[0])}
	tr.cmd.Env = append(tr.cmd.Env, clientVariable+"="+url)
	tr.cmd.Stdout, tr.cmd.Stderr = &tr.output, os.Stderr
	var err error
	if tr.stop, err = tr.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := tr.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.end() })
	return tr
}

// end ends the traffic, and says what clients got.
func (tr *traffic) end() (c counted) {
	tr.t.Helper()
	if tr.ended {
		return c
	}
	tr.ended = true
	tr.stop.Close()
	if err := tr.cmd.Wait(); err != nil {
		tr.t.Errorf("the clients: %v", err)
	} else if err := json.Unmarshal(tr.output.Bytes(), &c); err != nil {
		tr.t.Errorf("the clients: %v: %s", err, tr.output.Bytes())
	}
	return c
}

// expectNoLoss ends traffic of at least that many requests.
func (tr *traffic) expectNoLoss(least int) {
	tr.t.Helper()
	c := tr.end()
	tr.t.Logf("%d of %d requests failed; answers: %v", len(c.Failures), len(c.Failures)+c.answered(), c.Answers)
	if len(c.Failures) > 0 || c.answered() < least {
		tr.t.Errorf("want none failed of at least %d; such as %q", least, c.Failures[:min(5, len(c.Failures))])
	}
}
