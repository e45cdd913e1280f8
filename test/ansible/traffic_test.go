package ansible

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/traffic"
)

// getUntilTold runs clients until standard input ends, and prints what they got.
func getUntilTold(urls ...string) error {
	clients := traffic.Start(urls...)
	io.Copy(io.Discard, os.Stdin)
	return json.NewEncoder(os.Stdout).Encode(clients.Stop())
}

// outside has clients that send requests all the time, from outside of the hosts.
type outside struct {
	t      *testing.T
	cmd    *exec.Cmd
	stop   io.Closer
	output bytes.Buffer
	ended  bool
}

func startTraffic(t *testing.T, urls []string) *outside {
	t.Helper()
	tr := &outside{t: t, cmd: theLab.Command(os.Args[0])}
	tr.cmd.Env = append(tr.cmd.Env, clientVariable+"="+strings.Join(urls, " "))
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
func (tr *outside) end() (c traffic.Count) {
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
func (tr *outside) expectNoLoss(least int) {
	tr.t.Helper()
	c := tr.end()
	tr.t.Logf("%d of %d requests failed; answers: %v", len(c.Failures), len(c.Failures)+c.Answered(), c.Answers)
	if len(c.Failures) > 0 || c.Answered() < least {
		tr.t.Errorf("want none failed of at least %d; such as %q", least, c.Failures[:min(5, len(c.Failures))])
	}
}
