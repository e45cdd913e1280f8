package faults

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// silent connects clients that send nothing and do not close.
func (a *agent) silent(n int) (clients []net.Conn) {
	a.t.Helper()
	for range n {
		c, err := net.DialTimeout("tcp", a.address, patience)
		if err != nil {
			a.t.Fatal(err)
		}
		a.t.Cleanup(func() { c.Close() })
		clients = append(clients, c)
	}
	return clients
}

func (a *agent) resident() int { return a.memory("VmRSS:") }

// memory is a line of proc_pid_status(5), in kB.
func (a *agent) memory(name string) int {
	a.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if err != nil {
		a.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[0] == name {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	a.t.Fatalf("no %s", name)
	return 0
}

// processorTime is what the process used of it so far.
func (a *agent) processorTime() time.Duration {
	a.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.cmd.Process.Pid))
	if err != nil {
		a.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(after) // utime and stime are the fields 14 and 15 of proc_pid_stat(5), in 1/100 s
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func TestThousandSilentClients(t *testing.T) {
	withRaceDetector(t, func(t *testing.T, options ...option) {
		a := start(t, stateFile(t, busyUpJSON), options...)
		before := a.resident()
		a.silent(1000)
		var times []time.Duration
		for range 200 {
			begin := time.Now()
			if got, err := a.ask(); got != busyUp || err != nil {
				t.Fatalf("answers %q, %v", got, err)
			}
			times = append(times, time.Since(begin))
		}
		slices.Sort(times)
		t.Logf("with 1,000 silent clients: median %v, worst %v; %d kB became %d kB", times[100], times[199], before, a.resident())
		if times[190] > 100*time.Millisecond { // a busy machine may hold up a few
			t.Errorf("of 200 checks 10 took longer than %v", times[190])
		}
	})
}

// More clients than the table holds: the oldest go, every real check is answered.
func TestMoreClientsThanTheTableHolds(t *testing.T) {
	a := start(t, stateFile(t, busyUpJSON))
	clients := a.silent(1100)
	if got := a.answer(); got != busyUp {
		t.Errorf("answers %q", got)
	}
	for i, c := range clients {
		c.SetDeadline(time.Now().Add(patience))
		if got, err := bufio.NewReader(c).ReadString('\n'); got != busyUp+"\n" {
			t.Fatalf("client %d read %q, %v", i, got, err)
		}
	}
}

// hostile are the ways of clients to attack a server.
var hostile = map[string]func(c *net.TCPConn){
	"flood": func(c *net.TCPConn) {
		for b := make([]byte, 64<<10); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	},
	"reset": func(c *net.TCPConn) { c.SetLinger(0) },
	"reset after the payload": func(c *net.TCPConn) {
		io.WriteString(c, "hapgent\n")
		c.SetLinger(0)
	},
	"byte by byte": func(c *net.TCPConn) {
		for range 200 {
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	},
	"never close":   func(c *net.TCPConn) { time.Sleep(time.Second) },
	"close at once": func(c *net.TCPConn) {},
	"half-close":    func(c *net.TCPConn) { c.CloseWrite(); io.ReadAll(c) },
}

func TestHostileClients(t *testing.T) {
	withRaceDetector(t, func(t *testing.T, options ...option) {
		a := start(t, stateFile(t, busyUpJSON), options...)
		var attacking sync.WaitGroup
		var over atomic.Bool
		for name, attack := range hostile {
			attacking.Go(func() {
				for !over.Load() {
					c, err := net.DialTimeout("tcp", a.address, patience)
					if err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					c.SetDeadline(time.Now().Add(patience))
					attack(c.(*net.TCPConn))
					c.Close()
				}
			})
		}
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
			if got, err := a.ask(); got != busyUp || err != nil {
				t.Fatalf("answers %q, %v", got, err)
			}
		}
		over.Store(true)
		attacking.Wait()
		if status := a.stop(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		if n := strings.Count(a.log.String(), "\n"); n > 2 {
			t.Errorf("clients made it log:\n%s", &a.log)
		}
	})
}

// limited runs the agent with that many descriptors at the most.
func limited(t testing.TB, n int) option {
	shell := need.Command(t, "sh", "dash")
	return func(c *exec.Cmd) {
		c.Args = []string{"sh", "-c", fmt.Sprintf("ulimit -n %d && exec %s", n, c.Path)}
		c.Path = shell
	}
}

func TestOutOfDescriptors(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	a := start(t, file, limited(t, 32))
	a.silent(200)
	for range 50 {
		if got, err := a.ask(); got != busyUp || err != nil {
			t.Fatalf("answers %q, %v", got, err)
		}
	}
	a.signal(syscall.SIGUSR2) // saving takes descriptors, too
	a.until("saves", func() bool { return contents(t, file) == busyDownJSON })
	before := a.processorTime()
	time.Sleep(time.Second)
	if used := a.processorTime() - before; used > 500*time.Millisecond {
		t.Errorf("it spins: %v of processor time in a second without a check", used)
	}
}

// The descriptors that the agent counted on are taken away from it.
func TestOutOfDescriptorsWhileRunning(t *testing.T) {
	prlimit := need.Command(t, "prlimit", "util-linux")
	a := start(t, stateFile(t, busyUpJSON))
	set := func(n string) {
		out, err := exec.Command(prlimit, "--pid", strconv.Itoa(a.cmd.Process.Pid), "--nofile="+n+":4096").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	set("3") // not even one client
	before := a.processorTime()
	waiting := a.silent(5)
	time.Sleep(time.Second)
	if used := a.processorTime() - before; used > 500*time.Millisecond {
		t.Errorf("it spins: %v of processor time in a second", used)
	}
	set("1024")
	for _, c := range waiting {
		c.SetDeadline(time.Now().Add(patience))
		if got, err := bufio.NewReader(c).ReadString('\n'); got != busyUp+"\n" {
			t.Errorf("a client that had to wait read %q, %v", got, err)
		}
	}
	if got := a.answer(); got != busyUp {
		t.Errorf("answers %q", got)
	}
	a.untilLogged("out of file descriptors or memory")
	if n := strings.Count(a.log.String(), "out of file descriptors"); n != 1 {
		t.Errorf("said so %d times, want once", n)
	}
}

func TestNoDescriptorToSpare(t *testing.T) {
	a := launch(t, stateFile(t, busyUpJSON), limited(t, 10))
	if status := a.exitStatus(); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if got, want := a.log.String(), "hapgent: cannot serve: "; !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
		t.Errorf("logs %q, want one line %q", got, want)
	}
}
