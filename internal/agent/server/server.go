//go:build linux

// Package server answers every client that connects with the same line. It
// guarantees that no client keeps another waiting, and that clients cannot make it
// use memory, processor time or descriptors beyond fixed bounds: what they send is
// discarded, and if there is no room, the client that has waited longest is closed.
// It knows the bytes of an answer, not their meaning.
package server

import (
	"runtime"
	"sync"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

const (
	// drainTime is how long a client may take to close after its answer, in
	// nanoseconds, and drainBytes how much it may send until then.
	drainTime  = 5_000_000_000
	drainBytes = 64 << 10
	// stopTime is how long the end waits for clients that have their answer to
	// close.
	stopTime = 500_000_000
	// acceptPause is how long nothing is accepted when there is no descriptor
	// or memory for it, and starvedPause the time between two messages about it.
	acceptPause  = 100_000_000
	starvedPause = 60_000_000_000
	// yieldTime is how often the loop passes through the scheduler. A loop that does
	// not for 10 ms is preempted by the runtime's monitor, which then looks at it
	// every 20 µs for some milliseconds: a tenth of the processor time per check.
	yieldTime = 5_000_000
)

// What an epoll event is about: a client's slot, or one of these.
const (
	stopTag     = maxClients + iota // the pipe that is closed to end the loop
	listenerTag                     // the first listener; the others follow
)

// Server answers every client at once, for as long as it runs, in one thread with
// one epoll loop, which never waits for a disk, for the log or for a client. Its
// fields are set before Open.
type Server struct {
	Listeners []Listener
	Starved   func() // told, at most once a minute, that there was no descriptor or memory for a client
	// told each AliveTime that the loop runs, and who asked last; it must not keep the text
	Alive     func(asked []byte)
	AliveTime int64 // nanoseconds; 0: never

	mu     sync.Mutex // of the answers, held for no longer than it takes to copy
	answer answer     // what every client gets
	next   answer     // what they get from nextAt on
	nextAt int64      // nanotime; 0: nothing is next

	stopPipe  [2]int // closing its second end ends the loop
	epoll     int
	clients   clientTable
	askers    askers
	peer      kernel.Peer // of the client that is being accepted
	limit     int         // clients for which there are descriptors
	yieldAt   int64       // when to pass through the scheduler
	aliveAt   int64       // when to tell that the loop runs; 0: never
	resumeAt  int64       // when to accept again; 0: accepting
	starvedAt int64       // when to tell again that there are no descriptors
	stopAt    int64       // when to end; 0: serving
	failed    error       // the error after which accept cannot go on
	events    [256]syscall.EpollEvent
	scratch   [4096]byte // what clients send, never looked at
}

// MaxAnswer is the length of the longest line that can be an answer, in bytes,
// without its newline.
const MaxAnswer = 63

// answer is the line that HAProxy gets, ready to be sent.
type answer struct {
	line [MaxAnswer + 1]byte
	len  int
}

func (a *answer) set(line []byte) { a.len = len(append(append(a.line[:0], line...), '\n')) }

// Answer makes one line the answer from now on, and another from the time at on,
// in nanoseconds as kernel.Nanotime has them; 0: never. It may be called from
// another goroutine.
func (s *Server) Answer(now, later []byte, at int64) {
	s.mu.Lock()
	s.answer.set(now)
	s.next.set(later)
	s.nextAt = at
	s.mu.Unlock()
}

// sendAnswer sends the answer that is due now.
func (s *Server) sendAnswer(fd int, now int64) syscall.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nextAt != 0 && now >= s.nextAt {
		s.answer, s.nextAt = s.next, 0
	}
	return kernel.Send(fd, s.answer.line[:s.answer.len])
}

// Open prepares the loop.
func (s *Server) Open() (err error) {
	s.clients.init()
	if err = syscall.Pipe2(s.stopPipe[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	if s.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if s.limit, err = clientLimit(s.epoll); err != nil {
		return err
	}
	for i, l := range s.Listeners {
		if err = s.watch(syscall.EPOLL_CTL_ADD, l.fd, listenerTag+i, syscall.EPOLLIN); err != nil {
			return err
		}
	}
	if s.AliveTime > 0 {
		s.aliveAt = kernel.Nanotime()
	}
	return s.watch(syscall.EPOLL_CTL_ADD, s.stopPipe[0], stopTag, 0)
}

// spareDescriptors is the number of descriptors that saving the state needs.
const spareDescriptors = 6

// clientLimit is how many clients the limit of open files allows, where highest is
// the last descriptor so far. Package syscall has raised that limit as far as
// possible.
func clientLimit(highest int) (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	taken := uint64(highest + 1 + spareDescriptors)
	if r.Cur <= taken {
		return 0, syscall.EMFILE
	}
	return int(min(r.Cur-taken, maxClients)), nil
}

func (s *Server) watch(op, fd, tag int, events uint32) error {
	return syscall.EpollCtl(s.epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(tag)})
}

// Run serves until it is stopped and the clients are gone. It returns an error if
// it can no longer accept clients, or no longer wait for them.
func (s *Server) Run() error {
	for now := kernel.Nanotime(); s.stopAt == 0 || s.clients.count > 0 && now < s.stopAt; now = kernel.Nanotime() {
		if err := s.turn(now); err != nil {
			s.closeListeners()
			return err
		}
	}
	return nil
}

// turn waits for events and handles them. It handles clients before the end, and
// before it accepts new ones, which may close others: so an event is never about
// the previous owner of a slot.
// A turn accepts one client of a listener: the next wait says whether there are more,
// at less cost than an accept that finds none, for which the kernel makes a socket.
func (s *Server) turn(now int64) error {
	if now >= s.yieldAt {
		s.yieldAt = now + yieldTime
		runtime.Gosched()
	}
	n, err := syscall.EpollWait(s.epoll, s.events[:], s.timeout(now))
	if err != nil && err != syscall.EINTR {
		return err
	}
	now = kernel.Nanotime()
	events := s.events[:max(n, 0)]
	for _, e := range events {
		if e.Fd < maxClients {
			s.drain(int16(e.Fd), e.Events)
		}
	}
	for _, e := range events {
		switch {
		case e.Fd == stopTag:
			s.stop(now)
		case e.Fd >= listenerTag && s.stopAt == 0:
			s.accept(s.Listeners[e.Fd-listenerTag].fd, now, 1)
		}
	}
	s.tick(now)
	return s.failed
}

// tick does what is due by the clock.
func (s *Server) tick(now int64) {
	for s.clients.count > 0 && now-s.clients.slots[s.clients.oldest].since >= drainTime {
		s.evict(s.clients.oldest)
	}
	if s.resumeAt != 0 && now >= s.resumeAt {
		s.resumeAt = 0
		s.watchListeners(syscall.EPOLLIN)
	}
	if s.aliveAt != 0 && now >= s.aliveAt {
		s.aliveAt = now + s.AliveTime
		s.Alive(s.askers.describe(now))
	}
}

// timeout is the time until the next tick is due, in milliseconds; -1: none is.
func (s *Server) timeout(now int64) int {
	const never, longest = 1 << 62, 3_600_000_000_000
	due := int64(never)
	if s.clients.count > 0 {
		due = s.clients.slots[s.clients.oldest].since + drainTime
	}
	for _, at := range [...]int64{s.resumeAt, s.aliveAt, s.stopAt} {
		if at != 0 {
			due = min(due, at)
		}
	}
	if due == never {
		return -1
	}
	return int((min(max(due-now, 0), longest) + 999_999) / 1_000_000)
}

// accept answers up to most clients that wait at the listener.
func (s *Server) accept(listener int, now int64, most int) {
	for range most {
		fd, errno := kernel.Accept(listener, &s.peer)
		switch errno {
		case 0:
			s.askers.note(&s.peer, now)
			s.serve(fd, now)
		case syscall.EAGAIN:
			return
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM: // for now
			if s.starved(now); s.clients.count == 0 {
				s.pause(now)
				return
			}
			s.evict(s.clients.oldest)
		case syscall.EINTR, syscall.ECONNABORTED, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EOPNOTSUPP, syscall.ETIMEDOUT,
			syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENONET, syscall.EHOSTDOWN, syscall.EHOSTUNREACH:
			// about one client, which is gone: accept(2), "Error handling"
		default: // it will not go away by itself
			s.failed = errno
			return
		}
	}
}

// serve answers a client, whether it has sent a payload or not, and half-closes:
// to close with a payload unread would send a RST, which can overtake the answer.
func (s *Server) serve(fd int, now int64) {
	if s.sendAnswer(fd, now) != 0 || kernel.Shutdown(fd) != 0 {
		kernel.Close(fd) // the client is gone already, an everyday event
		return
	}
	if s.clients.count >= s.limit {
		s.evict(s.clients.oldest)
	}
	slot := s.clients.add(fd, now)
	if s.watch(syscall.EPOLL_CTL_ADD, fd, int(slot), syscall.EPOLLIN|syscall.EPOLLRDHUP) != nil {
		s.evict(slot)
	}
}

// drain discards what a client sent, and closes the connection when the client has
// closed it or has sent too much.
func (s *Server) drain(slot int16, events uint32) {
	c := &s.clients.slots[slot]
	n, errno := kernel.Read(int(c.fd), s.scratch[:])
	switch {
	case errno == syscall.EAGAIN || errno == syscall.EINTR:
		return
	case errno == 0 && n > 0:
		c.left -= int32(n)
		ended := events&syscall.EPOLLRDHUP != 0 && n < len(s.scratch) // read to the end
		if !ended && c.left > 0 {
			return
		}
	}
	s.close(slot)
}

// evict closes the connection of a client whose time is over. It reads once more:
// an unread payload would make the kernel send a RST, which can overtake the answer.
func (s *Server) evict(slot int16) {
	kernel.Read(int(s.clients.slots[slot].fd), s.scratch[:])
	s.close(slot)
}

func (s *Server) close(slot int16) {
	kernel.Close(int(s.clients.slots[slot].fd))
	s.clients.remove(slot)
}

func (s *Server) starved(now int64) {
	if now >= s.starvedAt {
		s.starvedAt = now + starvedPause
		s.Starved()
	}
}

func (s *Server) pause(now int64) {
	s.resumeAt = now + acceptPause
	s.watchListeners(0)
}

func (s *Server) watchListeners(events uint32) {
	for i, l := range s.Listeners {
		s.watch(syscall.EPOLL_CTL_MOD, l.fd, listenerTag+i, events)
	}
}

// stop accepts no more. Clients that wait at a socket of our own are answered
// first; at an inherited one they wait for the next process.
func (s *Server) stop(now int64) {
	s.stopAt = now + stopTime
	s.resumeAt = 0
	for _, l := range s.Listeners {
		if !l.inherited {
			s.accept(l.fd, now, backlog)
		}
	}
	s.failed = nil // it ends anyway
	s.closeListeners()
	syscall.Close(s.stopPipe[0])
}

// closeListeners removes the listeners from the loop first: a socket that others
// have open, too, would stay in it.
func (s *Server) closeListeners() {
	for _, l := range s.Listeners {
		s.watch(syscall.EPOLL_CTL_DEL, l.fd, 0, 0)
		l.giveBack()
		syscall.Close(l.fd)
	}
}

// Stop makes the loop end soon. It may be called from another goroutine, once.
func (s *Server) Stop() { syscall.Close(s.stopPipe[1]) }
