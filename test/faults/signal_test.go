package faults

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// withRaceDetector runs a test against the released binary, and against one
// that the race detector watches.
func withRaceDetector(t *testing.T, test func(t *testing.T, options ...option)) {
	t.Run("released", func(t *testing.T) { test(t) })
	t.Run("under the race detector", func(t *testing.T) {
		need.Command(t, "gcc", "gcc")
		path := filepath.Join(folder(t), "hapgent")
		build := exec.Command("go", "build", "-race", "-o", path, "./cmd/hapgent")
		build.Dir = need.Root(t)
		build.Env = append(os.Environ(), "CGO_ENABLED=1")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		test(t, program(path), variable("GORACE", "halt_on_error=1 exitcode=66"))
	})
}

func TestSignalStormUnderLoad(t *testing.T) {
	withRaceDetector(t, func(t *testing.T, options ...option) {
		const signals, clients = 10_000, 16
		file := stateFile(t, busyUpJSON)
		a := start(t, file, options...)
		var asking sync.WaitGroup
		var over atomic.Bool
		var checks atomic.Int64
		for range clients {
			asking.Go(func() {
				for !over.Load() {
					if got, err := a.ask(); err != nil || got != busyUp && got != busyDown {
						t.Errorf("answers %q, %v", got, err)
						return
					}
					checks.Add(1)
				}
			})
		}
		storm := []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP}
		for n := range signals {
			a.signal(storm[n%len(storm)])
			if n%20 == 0 {
				time.Sleep(time.Millisecond) // or it is over before the clients have asked much
			}
		}
		over.Store(true)
		asking.Wait()
		t.Logf("%d signals, %d checks of %d clients, %d lines in the log", signals, checks.Load(), clients, strings.Count(a.log.String(), "\n"))
		// a last signal, that nothing can be merged with once the storm is obeyed
		a.signal(syscall.SIGUSR2)
		a.until("answers and holds DOWN", func() bool { return a.answer() == busyDown && contents(t, file) == busyDownJSON })
		if status := a.stop(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		if got := contents(t, file); got != busyDownJSON {
			t.Errorf("the file holds %q", got)
		}
		onlyFile(t, file)
	})
}

func TestSignalSentOnceTheOneBeforeItShowsIsNeverLost(t *testing.T) {
	withRaceDetector(t, func(t *testing.T, options ...option) {
		a := start(t, stateFile(t, busyUpJSON), options...)
		for range 300 {
			a.signal(syscall.SIGUSR2)
			a.untilAnswer(busyDown)
			a.signal(syscall.SIGUSR1)
			a.untilAnswer(busyUp)
		}
	})
}

func TestStateAndFileAgreeHoweverSignalsFollow(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	a := start(t, file)
	storm := []syscall.Signal{syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGHUP}
	for round := range 50 {
		for n := range 20 {
			a.signal(storm[(round+n)%len(storm)])
		}
		a.until("answer and file agree", func() bool {
			answer, held := a.answer(), contents(t, file)
			return answer == busyUp && held == busyUpJSON || answer == busyDown && held == busyDownJSON
		})
	}
}

// held reports that a process that starts has blocked its signals.
func held(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	var blocked, ignored, caught uint64
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "SigBlk: %x", &blocked)
		fmt.Sscanf(line, "SigIgn: %x", &ignored)
		fmt.Sscanf(line, "SigCgt: %x", &caught)
	}
	const usr1, usr2, hup = 1 << 9, 1 << 11, 1
	return (blocked|caught)&usr1 != 0 && (blocked|caught)&usr2 != 0 && (ignored|caught)&hup != 0
}

// A signal that comes while the kernel still loads the program ends it, as it
// does any; from the first instructions on none may.
func TestSignalWhileStarting(t *testing.T) {
	const rounds = 150
	file := stateFile(t, busyUpJSON)
	for round := range rounds {
		s := []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP}[round%3]
		write(t, file, busyUpJSON)
		a := launch(t, file, variable("GOMAXPROCS", strconv.Itoa(1+round%4))) // it starts anew for more than 2
		for end := time.Now().Add(patience); !held(a.cmd.Process.Pid); {
			if time.Now().After(end) {
				t.Fatal("it never holds signals back")
			}
		}
		time.Sleep(time.Duration(round) * 20 * time.Microsecond)
		a.signal(s)
		if s == syscall.SIGUSR2 {
			a.untilAnswer(busyDown)
			a.until("saves", func() bool { return contents(t, file) == busyDownJSON })
		} else {
			a.untilAnswer(busyUp)
		}
		a.kill()
	}
}

func TestEnds(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		a := start(t, stateFile(t, busyUpJSON))
		a.signal(s)
		if status := a.exitStatus(); status != 0 {
			t.Errorf("%v: exit status %d, want 0", s, status)
		}
	}
}

// An answer that was given has been saved.
func TestKilledOnceTheSignalShows(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	for n := range 50 {
		a := start(t, file)
		want, s := busyDown, syscall.SIGUSR2
		if n%2 == 1 {
			want, s = busyUp, syscall.SIGUSR1
		}
		a.signal(s)
		a.untilAnswer(want)
		a.kill()
		if got := start(t, file).answer(); got != want {
			t.Fatalf("after a kill and a start it answers %q, want %q", got, want)
		}
	}
}

// Signals before the end are obeyed before the end, however soon it follows, even if
// the process was stopped, as a frozen one is or one of a paused machine.
func TestEndNeverOvertakesASignal(t *testing.T) {
	const rounds = 25 // of each; SIGNALS_ROUNDS=1000 for more
	n := rounds
	if v, err := strconv.Atoi(os.Getenv("SIGNALS_ROUNDS")); err == nil {
		n = v
	}
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		for _, stopped := range []bool{false, true} {
			for _, spacing := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
				t.Run(fmt.Sprintf("%v, %v later, stopped %t", end, spacing, stopped), func(t *testing.T) {
					file := stateFile(t, busyUpJSON)
					for range n {
						endAfterUSR2(t, file, end, spacing, stopped)
					}
				})
			}
		}
	}
}

func endAfterUSR2(t *testing.T, file string, end syscall.Signal, spacing time.Duration, stopped bool) {
	t.Helper()
	write(t, file, busyUpJSON)
	a := start(t, file)
	if stopped {
		a.signal(syscall.SIGSTOP)
	}
	a.signal(syscall.SIGUSR2)
	time.Sleep(spacing)
	a.signal(end)
	if stopped {
		a.signal(syscall.SIGCONT)
	}
	if status := a.exitStatus(); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	if got := contents(t, file); got != busyDownJSON {
		t.Fatalf("SIGUSR2 was lost: the file holds %q", got)
	}
}

func TestLogIsGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	file := stateFile(t, busyUpJSON)
	a := start(t, file, func(c *exec.Cmd) { c.Stderr = w })
	w.Close()
	r.Close()
	a.signal(syscall.SIGUSR2)
	a.untilAnswer(busyDown)
	a.signal(syscall.SIGUSR1)
	a.untilAnswer(busyUp)
}

// A log that nobody reads blocks nothing: lines without room are counted.
func TestLogIsStuck(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	file := stateFile(t, busyUpJSON)
	a := start(t, file, func(c *exec.Cmd) { c.Stderr = w })
	fd := int(w.Fd()) // which makes it block, each time it is called
	syscall.SetNonblock(fd, true)
	for b := make([]byte, 4096); err == nil; { // fills the pipe
		_, err = syscall.Write(fd, b)
	}
	syscall.SetNonblock(fd, false) // the agent shares this
	w.Close()
	for range 100 { // more lines than it keeps
		a.signal(syscall.SIGUSR2)
		a.untilAnswer(busyDown)
		a.signal(syscall.SIGUSR1)
		a.untilAnswer(busyUp)
	}
	readUntil(t, r, "SIGUSR1: "+busyUp+", was "+busyDown+", saved to "+file+"\n")
	a.signal(syscall.SIGUSR2)
	readUntil(t, r, " lines before this one were lost: nobody read the log)\n")
	if status := a.stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// With a log that nobody reads it ends, too.
func TestEndsThoughLogAndSystemdAreStuck(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	name := filepath.Join(folder(t), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	file := stateFile(t, busyUpJSON)
	a := start(t, file, func(c *exec.Cmd) { c.Stderr = w }, variable("NOTIFY_SOCKET", name))
	w.Close()
	for range 1000 { // more than fits the pipe and the socket
		a.signal(syscall.SIGUSR2)
		a.untilAnswer(busyDown)
		a.signal(syscall.SIGUSR1)
		a.untilAnswer(busyUp)
	}
	if got := contents(t, file); got != busyUpJSON {
		t.Errorf("the file holds %q", got)
	}
	if status := a.stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// readUntil reads on until the text is there.
func readUntil(t *testing.T, r *os.File, text string) {
	t.Helper()
	r.SetReadDeadline(time.Now().Add(patience))
	var read strings.Builder
	for b := make([]byte, 1<<16); !strings.Contains(read.String(), text); {
		n, err := r.Read(b)
		read.Write(b[:n])
		if err != nil {
			t.Fatalf("%q is not in %q: %v", text, strings.Trim(read.String(), "\x00"), err)
		}
	}
}
