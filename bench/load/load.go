//go:build linux

// Package load makes agent checks against a responder on 127.0.0.1 as HAProxy
// makes them with an agent-send payload: connect without the quick ACK, so that
// the last ACK of the handshake brings the payload; send it; read the line;
// close hard with SO_LINGER 0 (as seen of HAProxy 2.6 in strace). The hard close
// leaves no TIME_WAIT on either side, so a million checks do not use up the ports.
//
// It is as lean as a client can be: one thread for any number of clients, no
// poll, no lock and no allocation while it runs.
package load

import (
	"bytes"
	"fmt"
	"syscall"
	"time"
)

const (
	tcpQuickACK = 12 // TCP_QUICKACK, which package syscall names only on some architectures

	patience  = time.Second      // a check that has no answer after this time is lost
	timeLimit = 90 * time.Second // of one Run, against a responder that loses every check
)

// Load makes checks against one responder. It is not for concurrent use.
type Load struct {
	to      syscall.Sockaddr
	want    []byte
	payload []byte
	base    time.Time
	answer  [256]byte
	waiting []check
	hard    syscall.Linger
	wait    syscall.Timeval
}

type check struct {
	fd    int
	began time.Duration
}

// New returns a Load for the responder at port of 127.0.0.1, whose answer is to
// be want, of at most 256 bytes.
func New(port int, want string) *Load {
	return &Load{
		to:      &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}},
		want:    []byte(want),
		payload: []byte("bench\n"),
		base:    time.Now(),
		hard:    syscall.Linger{Onoff: 1},
		wait:    syscall.NsecToTimeval(patience.Nanoseconds()),
	}
}

// Run makes n checks, at most clients of them at the same time. It appends
// the latency of each check that got its whole answer to latencies, and returns
// how many did not. Latency is from before connect to after the line is read.
//
// It starts a check for each client, then takes the answers in the order in
// which it started them, which is the order in which a responder accepts them.
func (l *Load) Run(n, clients int, latencies []time.Duration) ([]time.Duration, int, error) {
	clients = min(n, clients)
	for len(l.waiting) < clients {
		l.waiting = append(l.waiting, check{})
	}
	start, lost := time.Since(l.base), 0
	for i := range n + clients {
		slot := &l.waiting[i%clients]
		if i >= clients {
			answered := l.finish(slot.fd)
			now := time.Since(l.base)
			if answered {
				latencies = append(latencies, now-slot.began)
			} else {
				lost++
			}
			if now-start > timeLimit {
				return latencies, lost, fmt.Errorf("only %d of %d checks in %v", i-clients, n, timeLimit)
			}
		}
		if i < n {
			if err := l.begin(slot); err != nil {
				return latencies, lost, err
			}
		}
	}
	return latencies, lost, nil
}

// Silent connects n clients that send nothing and do not close, and returns
// their descriptors for Close. Their handshake ends at once: without the quick
// ACK and without a payload it would end some 40 ms later, with it the accept.
func (l *Load) Silent(n int) ([]int, error) {
	fds := make([]int, 0, n)
	for range n {
		fd, err := l.connect(true)
		if err != nil {
			l.Close(fds)
			return nil, fmt.Errorf("client %d of %d: %w", len(fds)+1, n, err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

// Close closes clients hard.
func (l *Load) Close(fds []int) {
	for _, fd := range fds {
		_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &l.hard)
		_ = syscall.Close(fd)
	}
}

func (l *Load) begin(c *check) (err error) {
	c.began = time.Since(l.base)
	if c.fd, err = l.connect(false); err != nil {
		return err
	}
	// The responder may have closed by now: what counts is its answer.
	_, _ = syscall.Write(c.fd, l.payload)
	return nil
}

func (l *Load) finish(fd int) bool {
	n := 0
	for n < len(l.want) {
		m, err := syscall.Read(fd, l.answer[n:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || m == 0 {
			break
		}
		n += m
	}
	_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &l.hard)
	_ = syscall.Close(fd)
	return bytes.Equal(l.answer[:n], l.want)
}

func (l *Load) connect(quickACK bool) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if !quickACK {
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, tcpQuickACK, 0)
	}
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &l.wait)
	for {
		switch err = syscall.Connect(fd, l.to); err {
		case nil, syscall.EISCONN:
			return fd, nil
		case syscall.EINTR, syscall.EALREADY:
		default:
			_ = syscall.Close(fd)
			return -1, fmt.Errorf("connect: %w", err)
		}
	}
}
