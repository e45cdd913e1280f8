package faults

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

func TestPortTaken(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	first := start(t, file)
	ip, _, _ := net.SplitHostPort(first.address)
	second := launch(t, file, variable("HAPGENT_IP", ip))
	if status := second.exitStatus(); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if got, want := second.log.String(), "hapgent: cannot listen on "+first.address+" (HAPGENT_IP, HAPGENT_PORT): address already in use\n"; got != want {
		t.Errorf("logs %q, want %q", got, want)
	}
	if got := first.answer(); got != busyUp {
		t.Errorf("the first answers %q", got)
	}
}

func TestBadEnvironment(t *testing.T) {
	for name, value := range map[string]string{"HAPGENT_IP": "localhost", "HAPGENT_PORT": "0", "WATCHDOG_USEC": "soon", "LISTEN_FDS": "x"} {
		a := launch(t, stateFile(t, busyUpJSON), func(c *exec.Cmd) {
			c.Args = []string{"sh", "-c", "export LISTEN_PID=$$ NOTIFY_SOCKET=@none; exec " + c.Path}
			c.Path = need.Command(t, "sh", "dash")
		}, variable(name, value))
		if status := a.exitStatus(); status != 2 {
			t.Errorf("%s=%s: exit status %d, want 2", name, value, status)
		}
		got := a.log.String()
		if !strings.HasPrefix(got, "hapgent: "+name+" must be ") || !strings.HasSuffix(got, "found "+strconv.Quote(value)+"\n") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s=%s: logs %q, want one line that says what it must be", name, value, got)
		}
	}
}

func TestInheritedSocketIsNone(t *testing.T) {
	a := launch(t, stateFile(t, busyUpJSON), func(c *exec.Cmd) {
		c.Args = []string{"sh", "-c", "export LISTEN_PID=$$ LISTEN_FDS=1; exec " + c.Path + " 3</dev/null"}
		c.Path = need.Command(t, "sh", "dash")
	})
	if status := a.exitStatus(); status != 2 {
		t.Errorf("exit status %d, want 2", status)
	}
	if got, want := a.log.String(), "hapgent: inherited descriptor 3 (LISTEN_FDS) must be a listening TCP socket, found no socket\n"; got != want {
		t.Errorf("logs %q, want %q", got, want)
	}
}

// systemd's own tool passes several sockets, IPv4 and IPv6; it starts the agent
// at the first client, which waits for it.
func TestSocketActivation(t *testing.T) {
	activate := need.Command(t, "systemd-socket-activate", "systemd")
	four := net.JoinHostPort(newAddress(), "9777")
	six := net.JoinHostPort("::1", strconv.Itoa(freePort(t)))
	a := launch(t, stateFile(t, busyUpJSON), func(c *exec.Cmd) {
		c.Args = []string{activate, "-l", four, "-l", six,
			"-E", c.Env[0], "-E", c.Env[1], c.Path}
		c.Path = activate
	})
	for _, address := range []string{four, six, four} {
		a.address = address
		a.untilAnswer(busyUp)
	}
	a.untilLogged("answers " + busyUp + " on " + four + ", " + six + ", read from")
	if status := a.stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// Clients that come while no agent runs wait at an inherited socket for the next.
func TestRestartRefusesNoCheckAtAnInheritedSocket(t *testing.T) {
	socket, address := sharedSocket(t)
	file := stateFile(t, busyUpJSON)
	inherit := inheriting(t, socket)
	over := make(chan struct{})
	asked := make(chan int)
	probe := &agent{t: t, address: address}
	go func() {
		n := 0
		defer func() { asked <- n }()
		for {
			select {
			case <-over:
				return
			default:
			}
			if got, err := probe.ask(); got != busyUp {
				t.Errorf("check %d: answers %q, %v", n, got, err)
				return
			}
			n++
			time.Sleep(time.Millisecond)
		}
	}()
	for range 10 {
		a := launch(t, file, inherit)
		a.address = probe.address
		a.untilAnswer(busyUp)
		time.Sleep(20 * time.Millisecond)
		if status := a.stop(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	}
	a := launch(t, file, inherit)
	close(over)
	if n := <-asked; n < 50 {
		t.Errorf("only %d checks: the test does not show anything", n)
	}
	a.signal(syscall.SIGTERM)
}

// The runtime reserves memory for each processor that it may use.
func TestManyProcessors(t *testing.T) {
	few := start(t, stateFile(t, busyUpJSON))
	many := start(t, stateFile(t, busyUpJSON), variable("GOMAXPROCS", "256"))
	if a, b := few.resident(), many.resident(); b > a+500 {
		t.Errorf("%d kB for 256 processors, %d kB for those of this machine", b, a)
	}
	comm := fmt.Sprintf("/proc/%d/comm", many.cmd.Process.Pid) // what `pkill hapgent` goes by
	if got := contents(t, comm); got != "hapgent\n" {
		t.Errorf("the process is named %q", got)
	}
	many.signal(syscall.SIGUSR2)
	many.untilAnswer(busyDown)
}

// A huge page for the runtime's first arena is 1.6 MB of memory, where transparent
// huge pages are set to "always".
func TestTakesNoHugePages(t *testing.T) {
	a := start(t, stateFile(t, busyUpJSON))
	status := contents(t, fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if !strings.Contains(status, "THP_enabled:\t0\n") {
		t.Errorf("it may get huge pages:\n%s", status)
	}
}

// Most of the program's file is used by its start alone.
func TestGivesBackThePagesOfItsStart(t *testing.T) {
	a := start(t, stateFile(t, busyUpJSON))
	program, err := os.Stat(filepath.Join(bin, "hapgent"))
	if err != nil {
		t.Fatal(err)
	}
	if kB := a.memory("RssFile:"); int64(kB)*1024 > program.Size()*9/10 {
		t.Errorf("%d kB of its file are resident, of %d bytes", kB, program.Size())
	}
}

// Four thousand are those of a job that runs each minute, in three days.
func TestMemoryAfterFailedReloads(t *testing.T) {
	file := stateFile(t, busyUpJSON)
	a := start(t, file)
	before := a.memory("RssAnon:")
	for n := range 4000 {
		write(t, file, `{"status":"`+strings.Repeat("x", n%100)+`"}`)
		a.signal(syscall.SIGHUP)
		if n%10 == 0 {
			a.untilAnswer("FAIL")
		}
	}
	a.until("has read them", func() bool { return strings.Count(a.log.String(), "SIGHUP") > 400 })
	if after := a.memory("RssAnon:"); after > before+200 {
		t.Errorf("%d kB became %d kB", before, after)
	} else {
		t.Logf("%d kB became %d kB, in %d lines of the log", before, after, strings.Count(a.log.String(), "\n"))
	}
}

// inheriting has the agent get a socket as systemd passes it.
func inheriting(t *testing.T, socket *os.File) option {
	return func(c *exec.Cmd) {
		c.ExtraFiles = append(c.ExtraFiles, socket)
		c.Args = []string{"sh", "-c", "export LISTEN_PID=$$ LISTEN_FDS=1; exec " + c.Path}
		c.Path = need.Command(t, "sh", "dash")
	}
}

// sharedSocket is one that is passed to agents, at an address of its own.
func sharedSocket(t *testing.T) (socket *os.File, address string) {
	t.Helper()
	l, err := net.Listen("tcp", newAddress()+":9777")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if socket, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return socket, l.Addr().String()
}

// Another process that has the socket may shut it down; the supervisor makes a new one.
func TestInheritedSocketIsShutDown(t *testing.T) {
	socket, address := sharedSocket(t)
	file := stateFile(t, busyUpJSON)
	a := launch(t, file, inheriting(t, socket), variable("HAPGENT_IP", ""))
	a.address = address
	a.untilAnswer(busyUp)
	syscall.Shutdown(int(socket.Fd()), syscall.SHUT_RD)
	if status := a.exitStatus(); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if got, want := a.log.String(), "hapgent: cannot accept clients: invalid argument\nhapgent: accept: stopped, last answered "+busyUp+"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("logs %q, want at its end %q", got, want)
	}
}

func TestAddressIsSetThoughTheSocketIsInherited(t *testing.T) {
	socket, address := sharedSocket(t)
	ip, port, _ := net.SplitHostPort(address)
	for _, c := range []struct {
		ip, port string
		warned   bool
	}{
		{"", "", false},
		{"", port, false}, // as the instances of the packages have it
		{ip, "", false},
		{"", "9778", true},
		{"127.0.0.1", port, true},
	} {
		a := launch(t, stateFile(t, busyUpJSON), inheriting(t, socket), variable("HAPGENT_IP", c.ip), variable("HAPGENT_PORT", c.port))
		a.address = address
		a.untilLogged("answers")
		warning := "HAPGENT_IP and HAPGENT_PORT are ignored: the sockets are inherited (LISTEN_FDS), and listen on " + address + "\n"
		if n := strings.Count(a.log.String(), warning); n != map[bool]int{true: 1}[c.warned] {
			t.Errorf("HAPGENT_IP=%s HAPGENT_PORT=%s: warned %d times, want %t", c.ip, c.port, n, c.warned)
		}
		a.kill()
	}
}

func TestNotifySocketIsOfAnUnknownKind(t *testing.T) {
	a := start(t, stateFile(t, busyUpJSON), variable("NOTIFY_SOCKET", "vsock:2:1234"))
	a.signal(syscall.SIGUSR2)
	a.untilAnswer(busyDown)
	a.untilLogged("SIGUSR2")
	if status := a.stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if n := strings.Count(a.log.String(), `cannot notify systemd at "vsock:2:1234" (NOTIFY_SOCKET): `); n != 1 {
		t.Errorf("said so %d times, want once", n)
	}
}

func TestListensOnIPv6(t *testing.T) {
	port := strconv.Itoa(freePort(t))
	a := launch(t, stateFile(t, busyUpJSON), variable("HAPGENT_IP", "::"), variable("HAPGENT_PORT", port))
	for _, address := range []string{"[::1]:" + port, "127.0.0.1:" + port} { // dual stack
		a.address = address
		a.untilAnswer(busyUp)
	}
}

// In a network namespace with an interface of its own.
func TestListensOnALinkLocalAddress(t *testing.T) {
	need.Superuser(t)
	need.Command(t, "ip", "iproute2")
	need.Command(t, "nc", "netcat-openbsd")
	script := `ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up && ip -6 address add fe80::1/64 dev v0 nodad || exit
HAPGENT_IP=fe80::1%v0 HAPGENT_STATE_FILE=$2 $1 & agent=$!
for n in $(seq 100); do answer=$(nc -w 2 fe80::1%v0 9777 </dev/null) && break; sleep 0.1; done
kill $agent; echo "$answer"`
	out, err := exec.Command(need.Command(t, "unshare", "util-linux"), "--net", "timeout", "60", "sh", "-c", script, "sh",
		filepath.Join(bin, "hapgent"), stateFile(t, busyUpJSON)).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), busyUp+"\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestEmptyVariablesCountAsUnset(t *testing.T) {
	a := launch(t, stateFile(t, busyUpJSON), variable("HAPGENT_PORT", ""))
	a.untilAnswer(busyUp) // at 9777
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
