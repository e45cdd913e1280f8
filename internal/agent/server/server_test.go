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
	l.Name = a.String()
	s := &Server{Listeners: []Listener{l}, OwnSocket: true, Starved: func() {}}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	s.Publish([]byte(busy))
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
		s.StopNow()
		running.Wait()
	})
}

func dial(t testing.TB, s *Server) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listeners[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
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

func TestServerAnswersAnAnnouncedStateWhenItIsDue(t *testing.T) {
	s := testServer(t)
	s.start(t)
	begin := time.Now()
	s.Announce([]byte("DOWN"))
	for got := busyAnswer; got != "DOWN\n"; got = readAll(t, dial(t, s)) {
		if got != busyAnswer {
			t.Fatalf("answered %q", got)
		}
		time.Sleep(time.Millisecond)
	}
	if d := time.Since(begin); d < saveTime {
		t.Errorf("after %v already", d)
	}
	s.Announce([]byte(busy))
	s.Publish([]byte("DOWN")) // as after a save
	if got := readAll(t, dial(t, s)); got != "DOWN\n" {
		t.Errorf("after publish: answered %q", got)
	}
	if s.Publish([]byte(busy)); s.nextAt != 0 {
		t.Error("a published answer is replaced by one announced before")
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
	waiting[1].SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := waiting[1].Write([]byte("x")); err != nil {
		t.Errorf("the second was put out, too: %v", err)
	}
}

func TestServerStopsAfterTheClientsThatHaveTheirAnswer(t *testing.T) {
	s := testServer(t)
	name := s.Listeners[0].Name
	c := dial(t, s) // waits in the backlog
	s.StopNow()
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
	s.StopNow()
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

// rawClient makes checks by system calls alone, so that what is counted is the
// server's.
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

// check is a whole one: the server gets a turn to answer, and one to see the client go.
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

// TestServeAllocatesNothing is why memory cannot grow with the number of checks.
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
	s.Alive, s.AliveTime = func() { fed++ }, 20_000_000
	s.aliveAt = kernel.Nanotime()
	for fed < 3 {
		if err := s.turn(kernel.Nanotime()); err != nil {
			t.Fatal(err)
		}
	}
}
