//go:build linux

package systemd

import (
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

// systemdSocket stands in for systemd's end of sd_notify(3).
func systemdSocket(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
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

func TestNotifierTellsSystemdHowTheServiceIs(t *testing.T) {
	for _, name := range []string{t.TempDir() + "/notify", "@hapgent-test-" + strconv.Itoa(os.Getpid())} {
		systemd := systemdSocket(t, name)
		n, err := NewNotifier(environment("NOTIFY_SOCKET", name))
		if err != nil {
			t.Fatal(err)
		}
		n.Send(append(n.Ready(), "answers UP"...), 0)
		n.Send(append(n.Status(), "answers DOWN"...), 0)
		n.Reloading()
		n.Stopping()
		n.Alive()
		for _, want := range []string{"READY=1\nSTATUS=answers UP", "STATUS=answers DOWN", "RELOADING=1\nMONOTONIC_USEC=", "STOPPING=1", "WATCHDOG=1"} {
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

func TestNotifierWithoutSystemdDoesNothing(t *testing.T) {
	n, err := NewNotifier(environment("WATCHDOG_USEC", "1000"))
	if err != nil || n.Watchdog != 0 {
		t.Errorf("watchdog every %d ns, %v", n.Watchdog, err)
	}
	n.Alive()
	n.Stopping()
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

func TestNotifySocketMustBeAPathOrAbstract(t *testing.T) {
	_, err := NewNotifier(environment("NOTIFY_SOCKET", "vsock:2:1234"))
	if want := `NOTIFY_SOCKET must be a path, or "@" and an abstract name, found "vsock:2:1234"`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
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
		l := &Log{fd: int(f.Fd())}
		l.detectJournal(environment("JOURNAL_STREAM", stream))
		f.Truncate(0)
		f.Seek(0, 0)
		l.Print(Warning, "x")
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
