//go:build linux

package agent

import (
	"sync"
	"syscall"
)

const (
	// drainTime is how long a client may take to close after its answer, in
	// nanoseconds, and drainBytes how much it may send until then.
	drainTime  = 5_000_000_000
	drainBytes = 64 << 10
	// saveTime is how long a new answer waits for its state to be saved.
	saveTime = 1_000_000_000
	// stopTime is how long the clients that have their answer are waited for at
	// the end.
	stopTime = 500_000_000
	// acceptPause is how long nothing is accepted when there is no descriptor
	// or memory for it, and starvedPause the time between two words about it.
	acceptPause  = 100_000_000
	starvedPause = 60_000_000_000
	// acceptBatch is how many clients one listener may have in one turn.
	acceptBatch = 64
)

// What an epoll event is about: a client's slot, or one of these.
const (
	stopTag     = maxClients + iota // the pipe whose closing is the end
	listenerTag                     // the first listener; the others follow
)

// server answers every client at once and for as long as it runs: one thread,
// one epoll loop, nothing in it that waits for a disk, for the log or for a
// client.
type server struct {
	mu     sync.Mutex // of the answers, held for no longer than it takes to copy
	answer answer     // what every client gets
	next   answer     // what they get from nextAt on
	nextAt int64      // nanotime; 0: nothing is next

	listeners []listener
	ownSocket bool   // the listeners end with this process
	stopPipe  [2]int // closing its second end ends the loop
	queue     *queue
	notifier  *notifier

	epoll     int
	clients   clientTable
	limit     int   // clients that there are descriptors for
	aliveAt   int64 // when the watchdog is to be fed; 0: it is not
	resumeAt  int64 // when to accept again; 0: accepting
	starvedAt int64 // when the log may say again that there are no descriptors
	stopAt    int64 // when to end; 0: serving
	events    [256]syscall.EpollEvent
	scratch   [4096]byte // what clients send, never looked at
}

// answer is the line that HAProxy gets, ready to be sent.
type answer struct {
	line [maxAnswer]byte
	len  int
}

func (a *answer) set(state State) { a.len = len(append(state.append(a.line[:0]), '\n')) }

// publish makes the state the answer from now on.
func (s *server) publish(state State) {
	s.mu.Lock()
	s.answer.set(state)
	s.nextAt = 0
	s.mu.Unlock()
}

// announce makes the state the answer after saveTime, unless it is published
// before.
func (s *server) announce(state State) {
	s.mu.Lock()
	s.next.set(state)
	s.nextAt = nanotime() + saveTime
	s.mu.Unlock()
}

// sendAnswer sends the answer of this time.
func (s *server) sendAnswer(fd int, now int64) syscall.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nextAt != 0 && now >= s.nextAt {
		s.answer, s.nextAt = s.next, 0
	}
	return send(fd, s.answer.line[:s.answer.len])
}

// open prepares the loop.
func (s *server) open() (err error) {
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
	for i, l := range s.listeners {
		if err = s.watch(syscall.EPOLL_CTL_ADD, l.fd, listenerTag+i, syscall.EPOLLIN); err != nil {
			return err
		}
	}
	if s.notifier.watchdog > 0 {
		s.aliveAt = nanotime()
	}
	return s.watch(syscall.EPOLL_CTL_ADD, s.stopPipe[0], stopTag, 0)
}

// spareDescriptors are those that saving the state takes at once.
const spareDescriptors = 6

// clientLimit raises the limit of open files as far as the clients need it, and
// says how many clients it lets be, where highest is the last descriptor so far.
func clientLimit(highest int) (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	taken := uint64(highest + 1 + spareDescriptors)
	if need := taken + maxClients; r.Cur < need {
		r.Cur = min(need, r.Max)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
			return 0, err
		}
	}
	if r.Cur <= taken {
		return 0, syscall.EMFILE
	}
	return int(min(r.Cur-taken, maxClients)), nil
}

func (s *server) watch(op, fd, tag int, events uint32) error {
	return syscall.EpollCtl(s.epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(tag)})
}

// run serves until the stop pipe is closed and the clients are gone.
func (s *server) run() error {
	for now := nanotime(); s.stopAt == 0 || s.clients.count > 0 && now < s.stopAt; now = nanotime() {
		if err := s.turn(now); err != nil {
			return err
		}
	}
	return nil
}

// turn waits for something to do and does it. Clients are looked after before
// new ones are accepted, so that an event is never about the last owner of a slot.
func (s *server) turn(now int64) error {
	n, err := syscall.EpollWait(s.epoll, s.events[:], s.timeout(now))
	if err != nil && err != syscall.EINTR {
		return err
	}
	now = nanotime()
	accepting := false
	for _, e := range s.events[:max(n, 0)] {
		switch {
		case e.Fd < maxClients:
			s.drain(int16(e.Fd), e.Events)
		case e.Fd == stopTag:
			s.stop(now)
		default:
			accepting = true
		}
	}
	if accepting && s.stopAt == 0 {
		for _, l := range s.listeners {
			s.accept(l.fd, now, acceptBatch)
		}
	}
	s.tick(now)
	return nil
}

// tick does what is due by the clock.
func (s *server) tick(now int64) {
	for s.clients.count > 0 && now-s.clients.slots[s.clients.oldest].since >= drainTime {
		s.putOut(s.clients.oldest)
	}
	if s.resumeAt != 0 && now >= s.resumeAt {
		s.resumeAt = 0
		s.watchListeners(syscall.EPOLLIN)
	}
	if s.aliveAt != 0 && now >= s.aliveAt {
		s.aliveAt = now + s.notifier.watchdog
		s.notifier.alive()
	}
}

// timeout is the time until the next tick is due, in milliseconds; -1: none is.
func (s *server) timeout(now int64) int {
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
func (s *server) accept(listener int, now int64, most int) {
	for range most {
		fd, errno := accept(listener)
		switch errno {
		case 0:
			s.serve(fd, now)
		case syscall.EAGAIN:
			return
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
			if s.starved(now); s.clients.count == 0 {
				s.pause(now)
				return
			}
			s.putOut(s.clients.oldest)
		case syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EOPNOTSUPP:
			s.pause(now) // will not go away by itself, and must not make the loop spin
			return
		} // any other is about one client that is gone: accept(2), "Error handling"
	}
}

// serve answers a client, whether it has sent a payload or not, and half-closes:
// to close with a payload unread would send a RST, which can overtake the answer.
func (s *server) serve(fd int, now int64) {
	if s.sendAnswer(fd, now) != 0 || shutdown(fd) != 0 {
		closeSocket(fd) // the client is gone already, an everyday event
		return
	}
	if s.clients.count >= s.limit {
		s.putOut(s.clients.oldest)
	}
	slot := s.clients.add(fd, now)
	if s.watch(syscall.EPOLL_CTL_ADD, fd, int(slot), syscall.EPOLLIN|syscall.EPOLLRDHUP) != nil {
		s.putOut(slot)
	}
}

// drain throws away what a client sent, and closes when it has closed, or has
// sent too much.
func (s *server) drain(slot int16, events uint32) {
	c := &s.clients.slots[slot]
	n, errno := read(int(c.fd), s.scratch[:])
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
	s.drop(slot)
}

// putOut closes on a client that had its time, reading once more lest the
// payload of one that has its answer under way makes it a RST.
func (s *server) putOut(slot int16) {
	read(int(s.clients.slots[slot].fd), s.scratch[:])
	s.drop(slot)
}

func (s *server) drop(slot int16) {
	closeSocket(int(s.clients.slots[slot].fd))
	s.clients.remove(slot)
}

func (s *server) starved(now int64) {
	if now >= s.starvedAt {
		s.starvedAt = now + starvedPause
		s.queue.add(event{kind: starvedEvent})
	}
}

func (s *server) pause(now int64) {
	s.resumeAt = now + acceptPause
	s.watchListeners(0)
}

func (s *server) watchListeners(events uint32) {
	for i, l := range s.listeners {
		s.watch(syscall.EPOLL_CTL_MOD, l.fd, listenerTag+i, events)
	}
}

// stop accepts no more. Clients that wait at a socket of our own are answered
// first; at an inherited one they wait for the next process.
func (s *server) stop(now int64) {
	s.stopAt = now + stopTime
	s.resumeAt = 0
	for _, l := range s.listeners {
		if s.ownSocket {
			s.accept(l.fd, now, backlog)
		}
		syscall.Close(l.fd)
	}
	syscall.Close(s.stopPipe[0])
}

// stopNow makes the loop end soon. It may be called from another goroutine, once.
func (s *server) stopNow() { syscall.Close(s.stopPipe[1]) }
