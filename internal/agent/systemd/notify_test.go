//go:build linux

package systemd

import (
	"bufio"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// systemdSocket is systemd's end of sd_notify(3).
func systemdSocket(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(3 * time.Minute))
	return c
}

func receive(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func notifierAt(t *testing.T, name string) *Notifier {
	t.Helper()
	n, err := NewNotifier(environment("NOTIFY_SOCKET", name))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNotifierTellsSystemdHowTheServiceIs(t *testing.T) {
	for _, name := range []string{t.TempDir() + "/notify", "@hapgent-test-" + strconv.Itoa(os.Getpid())} {
		systemd := systemdSocket(t, name)
		n := notifierAt(t, name)
		n.Ready([]byte("answers UP"))
		n.Reloading()
		n.Ready([]byte("answers DOWN"))
		n.Failing(errors.New("no more"))
		n.Stopping()
		n.Flush()
		n.Alive([]byte("asked by nobody"))
		for _, want := range []string{"READY=1\nSTATUS=answers UP", "RELOADING=1\nMONOTONIC_USEC=", "READY=1\nSTATUS=answers DOWN", "STATUS=no more", "STOPPING=1", "WATCHDOG=1\nSTATUS=answers DOWN; asked by nobody"} {
			got := receive(t, systemd)
			if usec, ok := strings.CutPrefix(got, "RELOADING=1\nMONOTONIC_USEC="); ok {
				now := kernel.Nanotime() / 1000
				if at, err := strconv.ParseInt(usec, 10, 64); err != nil || at > now || at < now-60_000_000 {
					t.Errorf("MONOTONIC_USEC=%s is not about %d", usec, now)
				}
				continue
			}
			if got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		}
	}
}

// A service that is not ready has no status to which askers could be added.
func TestNotifierFeedsTheWatchdogBeforeItIsReady(t *testing.T) {
	name := t.TempDir() + "/notify"
	systemd := systemdSocket(t, name)
	notifierAt(t, name).Alive([]byte("asked by nobody"))
	if got := receive(t, systemd); got != "WATCHDOG=1" {
		t.Errorf("told %q", got)
	}
}

// A socket that nobody reads: PID 1 is frozen, or the supervisor waits for READY=1
// and for nothing else.
func TestNotifierWaitsForNobody(t *testing.T) {
	name := t.TempDir() + "/notify"
	systemd := systemdSocket(t, name)
	n := notifierAt(t, name)
	for range 10_000 { // more than fits the socket and the memory
		n.Ready([]byte("answers UP"))
		n.Alive([]byte("asked by nobody"))
	}
	n.Flush()
	for range 500 { // what was kept is told once somebody reads
		if got := receive(t, systemd); got != "READY=1\nSTATUS=answers UP" && got != "WATCHDOG=1\nSTATUS=answers UP; asked by nobody" {
			t.Fatalf("told %q", got)
		}
		n.Ready([]byte("answers UP"))
	}
}

// READY=1 is worth waiting for: without it the service counts as failed.
func TestNotifierKeepsWhatASocketThatIsFullCannotTake(t *testing.T) {
	name := t.TempDir() + "/notify"
	systemd := systemdSocket(t, name)
	filler, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	filler.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	full := 0
	for ; err == nil; full++ {
		_, err = filler.Write([]byte("x"))
	}
	n := notifierAt(t, name)
	n.Ready([]byte("answers UP"))
	time.Sleep(300 * time.Millisecond)
	for range full - 1 {
		if got := receive(t, systemd); got != "x" {
			t.Fatalf("told %q", got)
		}
	}
	if got := receive(t, systemd); got != "READY=1\nSTATUS=answers UP" {
		t.Errorf("told %q", got)
	}
}

// Such as vsock:, and others of later versions of systemd.
func TestNotifierSaysOnceThatItCannotTell(t *testing.T) {
	for _, name := range []string{"vsock:2:1234", "7", t.TempDir() + "/gone", "/" + strings.Repeat("x", 200)} {
		n := notifierAt(t, name)
		told := make(chan error, 10)
		n.Failed = func(err error) { told <- err }
		n.Ready([]byte("answers UP"))
		n.Stopping()
		n.Flush()
		if want := "cannot notify systemd at " + strconv.Quote(name) + " (NOTIFY_SOCKET): "; len(told) != 1 || !strings.HasPrefix((<-told).Error(), want) {
			t.Errorf("said %d times, want once %s", len(told), want)
		}
	}
}

func TestNotifierWithoutSystemdDoesNothing(t *testing.T) {
	n, err := NewNotifier(environment("WATCHDOG_USEC", "1000"))
	if err != nil || n.Watchdog != 0 {
		t.Errorf("watchdog every %d ns, %v", n.Watchdog, err)
	}
	n.Stopping()
	n.Flush()
}

func TestWatchdogIsFedAtHalfTheTime(t *testing.T) {
	own, other := strconv.Itoa(os.Getpid()), "1"
	for _, c := range []struct {
		usec, pid string
		want      int64
		err       string
	}{
		{"3000000", own, 1_500_000_000, ""},
		{"3000000", "", 1_500_000_000, ""},
		{"3000000", other, 0, ""},
		{"", own, 0, ""},
		{"soon", own, 0, `WATCHDOG_USEC must be a number of microseconds, found "soon"`},
		{"0", own, 0, `WATCHDOG_USEC must be a number of microseconds, found "0"`},
	} {
		got, err := watchdogInterval(environment("WATCHDOG_USEC", c.usec, "WATCHDOG_PID", c.pid))
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("WATCHDOG_USEC=%s WATCHDOG_PID=%s: %d ns, %v", c.usec, c.pid, got, err)
		}
	}
}

func TestJournalPrioritiesAreForTheJournalOnly(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	id := journalStream(info)
	for stream, want := range map[string]string{id: "<4>x\n", "1:1": "hapgent: x\n", "": "hapgent: x\n", "junk": "hapgent: x\n"} {
		f.Truncate(0)
		f.Seek(0, 0)
		l := NewLog(int(f.Fd()), environment("JOURNAL_STREAM", stream))
		l.Print(Warning, "x")
		l.Flush()
		if got := string(read(t, f.Name())); got != want {
			t.Errorf("JOURNAL_STREAM=%s: %q, want %q", stream, got, want)
		}
	}
}

func journalStream(info os.FileInfo) string {
	st := info.Sys().(*syscall.Stat_t)
	return strconv.FormatUint(uint64(st.Dev), 10) + ":" + strconv.FormatUint(st.Ino, 10)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLogWaitsForNobodyAndCountsWhatIsLost(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l := NewLog(int(w.Fd()), environment())
	const lines = 20_000
	for range lines { // more than fits the pipe and the memory
		l.Print(Info, "line")
	}
	read, lost := 0, 0
	in := bufio.NewReader(r)
	for read+lost < lines {
		l.mu.Lock()
		waiting := l.lost
		l.mu.Unlock()
		if read+lost+waiting >= lines { // a last one, that tells
			l.Print(Info, "line")
			read--
		}
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		read++
		if _, note, ok := strings.Cut(line, "hapgent: line ("); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(note, " lines before this one were lost: nobody read the log)\n"))
			if err != nil {
				t.Fatalf("logged %q", line)
			}
			lost += n
		} else if line != "hapgent: line\n" {
			t.Fatalf("logged %q", line)
		}
	}
	if lost == 0 || read < 500 {
		t.Errorf("%d lines were read, %d lost", read, lost)
	}
}
