//go:build linux

package server

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// testServer is a server on loopback that is not running yet.
func testServer(t testing.TB) *Server {
	t.Helper()
	l, err := Listen(Address{IP: [16]byte{127, 0, 0, 1}, V4: true, Port: 0})
	if err != nil {
		t.Fatal(err)
	}
	a, ok := boundTo(l.fd)
	if !ok {
		t.Fatal("the listener has no address")
	}
	l.Address = a
	s := &Server{Listeners: []Listener{l}, Starved: func() {}}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	s.Answer([]byte(busy), nil, 0)
	t.Cleanup(func() { syscall.Close(s.epoll) })
	return s
}

// start runs the server until the end of the test.
func (s *Server) start(t testing.TB) {
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		s.Stop()
		running.Wait()
	})
}

func dial(t testing.TB, s *Server) *net.TCPConn {
	t.Helper()
	return dialTo(t, s.Listeners[0].Address.String())
}

func dialTo(t testing.TB, address string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(3 * time.Minute))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func readAll(t testing.TB, c io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

const (
	busy       = "UP 77% maxconn:300"
	busyAnswer = busy + "\n"
)

func TestServerAnswersWithoutWaitingForAPayload(t *testing.T) {
	s := testServer(t)
	s.start(t)
	if got := readAll(t, dial(t, s)); got != busyAnswer {
		t.Errorf("answered %q, want %q", got, busyAnswer)
	}
}

// A RST would show as an error of the read, or of a write after the answer.
func TestServerSendsNoResetToAClientWithAPayload(t *testing.T) {
	s := testServer(t)
	s.start(t)
	for _, size := range []int{1, 100, lowWater - 1, lowWater, 10_000, drainBytes - 1} {
		for range 50 {
			c := dial(t, s)
			payload := bytes.Repeat([]byte("x"), size)
			if _, err := c.Write(payload); err != nil {
				t.Fatalf("payload of %d bytes: %v", size, err)
			}
			c.CloseWrite()
			if got := readAll(t, c); got != busyAnswer {
				t.Fatalf("payload of %d bytes: answered %q", size, got)
			}
			c.Close()
		}
	}
}

func TestServerAnswersTheLaterLineOnceItIsDue(t *testing.T) {
	s := testServer(t)
	s.start(t)
	due := kernel.Nanotime() + 200_000_000
	s.Answer([]byte(busy), []byte("DOWN"), due)
	for got := busyAnswer; got != "DOWN\n"; got = readAll(t, dial(t, s)) {
		if got != busyAnswer {
			t.Fatalf("answered %q", got)
		}
		time.Sleep(time.Millisecond)
	}
	if early := due - kernel.Nanotime(); early > 0 {
		t.Errorf("%d ns before it was due", early)
	}
	s.Answer([]byte(busy), []byte("DOWN"), kernel.Nanotime()+200_000_000)
	s.Answer([]byte("UP"), []byte("UP"), 0)
	time.Sleep(400 * time.Millisecond)
	if got := readAll(t, dial(t, s)); got != "UP\n" {
		t.Errorf("answered %q, which no longer is to come", got)
	}
}

func TestServerPutsOutAClientThatSendsTooMuch(t *testing.T) {
	s := testServer(t)
	s.start(t)
	c := dial(t, s)
	sent := 0
	for flood := make([]byte, 64<<10); sent < 64<<20; {
		n, err := c.Write(flood)
		sent += n
		if err != nil {
			return
		}
	}
	t.Errorf("%d bytes were taken, and no end", sent)
}

func TestServerPutsOutTheClientThatWaitedLongestWhenTheTableIsFull(t *testing.T) {
	s := testServer(t)
	s.limit = 10
	s.start(t)
	var waiting []*net.TCPConn
	for range s.limit + 1 {
		c := dial(t, s)
		if got, err := bufio.NewReader(c).ReadString('\n'); err != nil || got != busyAnswer {
			t.Fatalf("answered %q, %v", got, err)
		}
		waiting = append(waiting, c)
	}
	putOut := func(c *net.TCPConn) bool { // a write to a closed socket brings a RST back
		for range 100 {
			if _, err := c.Write([]byte("x")); err != nil {
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	}
	if !putOut(waiting[0]) {
		t.Error("the client that waited longest was not put out")
	}
	waiting[1].SetReadDeadline(time.Now().Add(3 * time.Minute))
	if _, err := waiting[1].Write([]byte("x")); err != nil {
		t.Errorf("the second was put out, too: %v", err)
	}
}

func TestServerStopsAfterTheClientsThatHaveTheirAnswer(t *testing.T) {
	s := testServer(t)
	name := s.Listeners[0].Address.String()
	c := dial(t, s) // waits in the backlog
	s.Stop()
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, c); got != busyAnswer {
		t.Errorf("answered %q, want %q", got, busyAnswer)
	}
	if _, err := net.Dial("tcp", name); err == nil {
		t.Error("it still accepts")
	}
}

func TestServerStopsThoughAClientStays(t *testing.T) {
	s := testServer(t)
	dial(t, s)
	start := time.Now()
	s.Stop()
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d < stopTime {
		t.Errorf("it did not wait for its client: %v", d)
	}
}

func TestServerLimitsClientsToItsDescriptors(t *testing.T) {
	if limit, err := clientLimit(10); err != nil || limit != maxClients {
		t.Errorf("clientLimit = %d, %v, want %d", limit, err, maxClients)
	}
	if _, err := clientLimit(1<<31 - 2); err != syscall.EMFILE {
		t.Errorf("without a descriptor to spare: %v", err)
	}
}

// A client that has its answer and stays is closed in the end.
func TestServerClosesOnAClientThatHadItsTime(t *testing.T) {
	s := testServer(t)
	c := dial(t, s)
	for s.clients.count == 0 {
		if err := s.turn(kernel.Nanotime()); err != nil {
			t.Fatal(err)
		}
	}
	since := s.clients.slots[s.clients.oldest].since
	if s.tick(since + drainTime - 1); s.clients.count != 1 {
		t.Error("it was put out before its time")
	}
	if s.tick(since + drainTime); s.clients.count != 0 {
		t.Error("it stays")
	}
	if got := readAll(t, c); got != busyAnswer {
		t.Errorf("answered %q", got)
	}
}

// To close with a payload unread sends a RST, which can overtake the answer. A
// client that got one cannot write any more; one that did not can, once.
func TestServerSendsNoResetToAClientThatIsPutOut(t *testing.T) {
	s := testServer(t)
	c := dial(t, s)
	if _, err := c.Write(bytes.Repeat([]byte("x"), lowWater-1)); err != nil {
		t.Fatal(err)
	}
	for s.clients.count == 0 {
		if err := s.turn(kernel.Nanotime()); err != nil {
			t.Fatal(err)
		}
	}
	s.evict(s.clients.oldest)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Errorf("it got a RST: %v", err)
	}
}

// withoutDescriptors runs do while the process can open nothing.
func withoutDescriptors(t *testing.T, do func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	none := old
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)
	do()
}

// A client that waits wakes the loop at once: without a pause it would spin.
func TestServerPausesWithoutADescriptorForAnyClient(t *testing.T) {
	s := testServer(t)
	c := dial(t, s)
	starved := 0
	s.Starved = func() { starved++ }
	turns := 0
	withoutDescriptors(t, func() {
		for end := kernel.Nanotime() + 500_000_000; kernel.Nanotime() < end; turns++ {
			if err := s.turn(kernel.Nanotime()); err != nil {
				t.Fatal(err)
			}
		}
	})
	if turns > 20 {
		t.Errorf("%d turns in half a second", turns)
	}
	if starved != 1 {
		t.Errorf("said %d times that there were no descriptors, want once", starved)
	}
	s.start(t)
	if got := readAll(t, c); got != busyAnswer {
		t.Errorf("answered %q once there is a descriptor", got)
	}
}

// Events that come together with the end are about clients that the end may close:
// here, since there is no descriptor for a client that waits.
func TestServerStopsWithClientsThatGoAtTheSameTime(t *testing.T) {
	s := testServer(t)
	var clients []*net.TCPConn
	for range 3 {
		clients = append(clients, dial(t, s))
	}
	for s.clients.count < 3 {
		if err := s.turn(kernel.Nanotime()); err != nil {
			t.Fatal(err)
		}
	}
	dial(t, s)
	s.Stop() // its event comes before theirs
	clients[0].Close()
	clients[1].Close()
	time.Sleep(100 * time.Millisecond)
	withoutDescriptors(t, func() {
		if err := s.turn(kernel.Nanotime()); err != nil {
			t.Fatal(err)
		}
	})
	if s.clients.count != 0 {
		t.Errorf("%d clients are counted", s.clients.count)
	}
}

// inheritedFrom is a listener that is shared, as systemd shares it.
func inheritedFrom(t *testing.T) (*net.TCPListener, Listener) {
	t.Helper()
	shared, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shared.Close() })
	f, err := shared.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd())) // which makes it block, as systemd's do
	if err != nil {
		t.Fatal(err)
	}
	l, err := inherit(fd)
	if err != nil {
		t.Fatal(err)
	}
	return shared.(*net.TCPListener), l
}

func (l Listener) option(t *testing.T, shared *net.TCPListener) (lowWater int, nonblocking bool) {
	t.Helper()
	raw, err := shared.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		lowWater, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT)
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
		nonblocking = flags&syscall.O_NONBLOCK != 0
	})
	return lowWater, nonblocking
}

func TestServerLeavesAnInheritedSocketAsItWas(t *testing.T) {
	shared, l := inheritedFrom(t)
	s := &Server{Listeners: []Listener{l}}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if _, nonblocking := l.option(t, shared); !nonblocking {
		t.Error("an accept could wait while it serves")
	}
	s.Stop()
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if lowWater, nonblocking := l.option(t, shared); lowWater != 1 || nonblocking {
		t.Errorf("it is left with SO_RCVLOWAT %d, O_NONBLOCK %t", lowWater, nonblocking)
	}
}

// The process that passed it still has it open, and clients still come.
func TestServerThatStopsDoesNotSpinOnAnInheritedSocket(t *testing.T) {
	shared, l := inheritedFrom(t)
	s := &Server{Listeners: []Listener{l}, Starved: func() {}}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	s.Answer([]byte(busy), nil, 0)
	stays := dialTo(t, shared.Addr().String())
	for s.clients.count == 0 {
		if err := s.turn(kernel.Nanotime()); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop()
	for s.stopAt == 0 {
		if err := s.turn(kernel.Nanotime()); err != nil {
			t.Fatal(err)
		}
	}
	dialTo(t, shared.Addr().String()) // waits for the next process
	turns := 0
	for now := kernel.Nanotime(); now < s.stopAt; now = kernel.Nanotime() {
		if err := s.turn(now); err != nil {
			t.Fatal(err)
		}
		turns++
	}
	if turns > 20 {
		t.Errorf("%d turns until its end", turns)
	}
	if got := readAll(t, stays); got != busyAnswer {
		t.Errorf("answered %q", got)
	}
}

// Another process may shut down an inherited socket; epoll then reports it for ever.
func TestServerEndsWhereItCannotAcceptAnyMore(t *testing.T) {
	shared, l := inheritedFrom(t)
	s := &Server{Listeners: []Listener{l}}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	raw, err := shared.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { syscall.Shutdown(int(fd), syscall.SHUT_RD) })
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	select {
	case err := <-ended:
		if err != syscall.EINVAL {
			t.Errorf("Run returned %v, want %v", err, syscall.EINVAL)
		}
	case <-time.After(3 * time.Minute):
		t.Error("it spins")
	}
}

func TestTimeoutIsTheNextThingDue(t *testing.T) {
	const ms = 1_000_000
	for _, c := range []struct {
		prepare func(s *Server)
		want    int
	}{
		{func(s *Server) {}, -1},
		{func(s *Server) { s.aliveAt = 30 * ms }, 20},
		{func(s *Server) { s.aliveAt, s.resumeAt = 30*ms, 15*ms }, 5},
		{func(s *Server) { s.stopAt = 5 * ms }, 0},
		{func(s *Server) { s.aliveAt = 1 << 61 }, 3_600_000},
		{func(s *Server) { s.aliveAt = 10*ms + 1 }, 1}, // not 0, which would spin
		{func(s *Server) { s.clients.add(9, 10*ms) }, drainTime / ms},
	} {
		s := &Server{}
		s.clients.init()
		c.prepare(s)
		if got := s.timeout(10 * ms); got != c.want {
			t.Errorf("timeout = %d ms, want %d", got, c.want)
		}
	}
}

// rawClient makes checks by system calls alone, so that only the server's allocations
// are counted.
type rawClient struct {
	server  *Server
	to      syscall.RawSockaddrInet4
	payload []byte
	answer  [64]byte
}

func newRawClient(t testing.TB, s *Server) *rawClient {
	a, _ := boundTo(s.Listeners[0].fd)
	c := &rawClient{server: s, payload: []byte("hapgent\n")}
	c.to = syscall.RawSockaddrInet4{Family: syscall.AF_INET, Addr: [4]byte(a.IP[:4])}
	*(*[2]byte)(unsafe.Pointer(&c.to.Port)) = [2]byte{byte(a.Port >> 8), byte(a.Port)}
	return c
}

// check is a whole check: the server gets a turn to answer, and one to see the client go.
func (c *rawClient) check(t testing.TB) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&c.to)), unsafe.Sizeof(c.to)); errno != 0 {
		t.Fatal(errno)
	}
	syscall.Write(fd, c.payload)
	c.server.turn(kernel.Nanotime())
	n, err := syscall.Read(fd, c.answer[:])
	if err != nil || string(c.answer[:n]) != busyAnswer {
		t.Fatalf("answered %q, %v", c.answer[:n], err)
	}
	syscall.Close(fd)
	for c.server.clients.count > 0 {
		c.server.turn(kernel.Nanotime())
	}
}

// TestServeAllocatesNothing checks that memory does not grow with the number of checks.
func TestServeAllocatesNothing(t *testing.T) {
	c := newRawClient(t, testServer(t))
	if n := testing.AllocsPerRun(1000, func() { c.check(t) }); n != 0 {
		t.Errorf("%v allocations per check, want 0", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	c := newRawClient(b, testServer(b))
	b.ReportAllocs()
	for b.Loop() {
		c.check(b)
	}
}

func TestClientTableKeepsTheOrder(t *testing.T) {
	var table clientTable
	table.init()
	var slots []int16
	for fd := range maxClients {
		slots = append(slots, table.add(fd, int64(fd)))
	}
	for i := 0; i < maxClients; i += 2 {
		table.remove(slots[i])
	}
	for fd := range maxClients / 2 {
		table.add(maxClients+fd, int64(maxClients+fd))
	}
	var last int64 = -1
	for n := table.count; n > 0; n-- {
		c := table.slots[table.oldest]
		if c.since <= last {
			t.Fatalf("a client of time %d comes after one of %d", c.since, last)
		}
		last = c.since
		table.remove(table.oldest)
	}
	if table.oldest != noSlot || table.newest != noSlot || last != maxClients+maxClients/2-1 {
		t.Errorf("the table is not empty after its last client, of time %d", last)
	}
}

// The watchdog must be fed by the loop that answers, or it would not notice that
// the loop is stuck.
func TestServerFeedsTheWatchdogFromItsLoop(t *testing.T) {
	s := testServer(t)
	fed := 0
	s.Alive, s.AliveTime = func([]byte) { fed++ }, 20_000_000
	s.aliveAt = kernel.Nanotime()
	for fed < 3 {
		if err := s.turn(kernel.Nanotime()); err != nil {
			t.Fatal(err)
		}
	}
}
