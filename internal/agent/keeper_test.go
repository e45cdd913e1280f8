//go:build linux

package agent

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/agent/server"
	"github.com/epicfilemcnulty/hapgent/internal/agent/statefile"
	"github.com/epicfilemcnulty/hapgent/internal/agent/systemd"
)

// given are the answers of a queue, instead of a server.
type given struct {
	now, later string
	at         int64
}

func (g *given) answer(now, later []byte, at int64) { *g = given{string(now), string(later), at} }

// testKeeper logs into a pipe that is read by logged.
func testKeeper(t *testing.T, path string) (k *keeper, answer *given, logged func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	answer = &given{}
	notifier, _ := systemd.NewNotifier(environment())
	k = &keeper{file: statefile.New(path), queue: newQueue(answer.answer),
		log: systemd.NewLog(int(w.Fd()), environment()), notifier: notifier, where: "127.0.0.1:9777"}
	return k, answer, func() string {
		k.log.Flush()
		w.Close()
		b, _ := io.ReadAll(r)
		return string(b)
	}
}

var (
	usr1 = event{setEvent, statefile.Up, "SIGUSR1"}
	usr2 = event{setEvent, statefile.Down, "SIGUSR2"}
	hup  = event{kind: reloadEvent, by: "SIGHUP"}
	term = event{kind: stopEvent, by: "SIGTERM"}
)

func TestKeeperLogsWhatBeforeAfterAndWhere(t *testing.T) {
	path := stateIn(t, busyJSON)
	k, answer, logged := testKeeper(t, path)
	k.start("0.0.0")
	k.set(usr2)
	if want := `{"status":"DOWN","weight":77,"maxconn":300}` + "\n"; contents(t, path) != want || answer.now != "DOWN 77% maxconn:300" {
		t.Errorf("after SIGUSR2 the file holds %q, the answer is %v", contents(t, path), answer.now)
	}
	os.WriteFile(path, []byte(`{"status":"DRAIN"}`), 0o644)
	k.reload(hup)
	os.WriteFile(path, []byte(`{"status":"DRAINED"}`), 0o644)
	k.reload(hup)
	if answer.now != "FAIL" {
		t.Errorf("after a broken file the answer is %v", answer.now)
	}
	k.set(usr1)
	os.Remove(path)
	os.Mkdir(path, 0o755)
	k.set(usr2)
	if answer.now != "DOWN" {
		t.Errorf("after a save that failed the answer is %v", answer.now)
	}
	k.queue.add(event{kind: starvedEvent})
	k.queue.add(term)
	k.run()
	want := strings.ReplaceAll(`hapgent: version 0.0.0 answers UP 77% maxconn:300 on 127.0.0.1:9777, read from PATH
hapgent: SIGUSR2: DOWN 77% maxconn:300, was UP 77% maxconn:300, saved to PATH
hapgent: SIGHUP: DRAIN, was DOWN 77% maxconn:300, read from PATH
hapgent: SIGHUP: FAIL, was DRAIN, since it cannot be read: PATH:1:11: status must be UP, DOWN, READY, DRAIN, FAIL, MAINT or STOPPED, found "DRAINED"
hapgent: SIGUSR1: UP, was FAIL, saved to PATH
hapgent: SIGUSR2: DOWN, was UP, NOT saved to PATH: expected a regular file, found a directory
hapgent: out of file descriptors or memory: the client that waited longest makes room for the next; raise LimitNOFILE=, or see who holds connections open
hapgent: SIGTERM: stopped, last answered DOWN
`, "PATH", path)
	if got := logged(); got != want {
		t.Errorf("logged\n%swant\n%s", got, want)
	}
}

func TestKeeperStartsWithFailWhereThereIsNoFile(t *testing.T) {
	path := t.TempDir() + "/state.json"
	k, answer, logged := testKeeper(t, path)
	k.start("0.0.0")
	want := "hapgent: version 0.0.0 answers FAIL on 127.0.0.1:9777: " + path + ": no such file or directory\n"
	if got := logged(); got != want || answer.now != "FAIL" {
		t.Errorf("answers %v and logs %q, want %q", answer.now, got, want)
	}
}

func TestStartRemovesWhatAKilledAgentLeft(t *testing.T) {
	path := stateIn(t, busyJSON)
	left := strings.TrimSuffix(path, "state.json") + ".state.json.tmp"
	os.WriteFile(left, []byte(`{"sta`), 0o600)
	k, _, _ := testKeeper(t, path)
	k.start("0.0.0")
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", left, err)
	}
}

// TestObeyingAllocatesNothing checks that memory does not grow with the number of
// signals, since the agent's heap is never large enough to be collected: neither if
// all is well, nor if the file is broken or cannot be saved.
func TestObeyingAllocatesNothing(t *testing.T) {
	path := stateIn(t, busyJSON)
	k, _, _ := testKeeper(t, path)
	null, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	k.log = systemd.NewLog(int(null.Fd()), environment())
	k.queue.answer = (&server.Server{}).Answer
	k.start("0.0.0")
	none := func(what string, do func()) {
		t.Helper()
		do()
		if n := testing.AllocsPerRun(20, do); n != 0 {
			t.Errorf("%v allocations per %s, want 0", n, what)
		}
	}
	none("reload and two saves", func() { k.reload(hup); k.set(usr2); k.set(usr1) })
	none("four signals in the queue", func() { k.queue.add(usr1); k.queue.add(hup); k.queue.next(); k.queue.next() })
	os.WriteFile(path, []byte(`{"status":"DRAINED"}`), 0o644)
	none("reload of a broken file", func() { k.reload(hup) })
	os.Remove(path)
	none("reload of a file that is not there", func() { k.reload(hup) })
	os.Mkdir(path, 0o755)
	none("save that fails", func() { k.set(usr2) })
}

// stateIn writes a state file into a folder of its own.
func stateIn(t testing.TB, text string) (path string) {
	t.Helper()
	path = t.TempDir() + "/state.json"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func contents(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const busyJSON = `{"status":"UP","weight":77,"maxconn":300}` + "\n"
