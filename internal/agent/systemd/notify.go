//go:build linux

// Package systemd tells systemd the status of the service, and takes its sockets:
// the protocols of sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3) and the
// priorities of sd-daemon(3). Without systemd it does nothing. It guarantees that
// nobody waits for systemd, nor for whoever reads the log.
package systemd

import (
	"errors"
	"strconv"
	"sync"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// Notifier tells systemd the status of the service. Each message with the status
// also says that the service is ready, which it always is by then: if a message was
// lost, because systemd took none for long, the next one ends the reload.
type Notifier struct {
	Watchdog int64       // nanoseconds between two watchdog messages; 0: none are wanted
	Failed   func(error) // told once, if a message cannot be sent
	socket   int
	address  *syscall.SockaddrUnix // nil: there is no systemd
	ofAlive  *syscall.SockaddrUnix // the same, since a call writes to it
	outbox   *outbox
	message  []byte // being made, in memory that stays

	mu     sync.Mutex // of what follows, held for no longer than it takes to copy
	status []byte     // the status that was told last
	alive  []byte     // the watchdog message, being made
}

// NewNotifier returns one for the socket that the environment names, if any.
func NewNotifier(getenv func(string) (string, bool)) (n *Notifier, err error) {
	n = &Notifier{}
	name, _ := getenv("NOTIFY_SOCKET")
	if name == "" {
		return n, nil
	}
	if n.Watchdog, err = watchdogInterval(getenv); err != nil {
		return n, err
	}
	if n.socket, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return n, errors.New("cannot make a socket to notify systemd: " + err.Error())
	}
	n.address, n.ofAlive = &syscall.SockaddrUnix{Name: name}, &syscall.SockaddrUnix{Name: name}
	n.outbox = newOutbox(func(message []byte) {
		if err := n.send(message, n.address, 0); err != nil && n.Failed != nil {
			n.Failed(errors.New("cannot notify systemd at " + strconv.Quote(name) + " (NOTIFY_SOCKET): " + err.Error()))
			n.Failed = nil
		}
	})
	return n, nil
}

// watchdogInterval is half of what systemd waits for, as sd_watchdog_enabled(3) advises.
func watchdogInterval(getenv func(string) (string, bool)) (int64, error) {
	usec, _ := getenv("WATCHDOG_USEC")
	pid, _ := getenv("WATCHDOG_PID")
	if usec == "" || pid != "" && pid != strconv.Itoa(syscall.Getpid()) {
		return 0, nil
	}
	n, err := strconv.ParseInt(usec, 10, 54) // so that the nanoseconds fit, too
	if err != nil || n <= 0 {
		return 0, errors.New("WATCHDOG_USEC must be a number of microseconds, found " + strconv.Quote(usec))
	}
	return n * 1000 / 2, nil
}

func (n *Notifier) send(message []byte, to *syscall.SockaddrUnix, flags int) (err error) {
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Sendto(n.socket, message, flags|syscall.MSG_NOSIGNAL, to)
	}
	return err
}

func (n *Notifier) tell(message string, rest []byte) {
	if n.address != nil {
		n.message = append(append(n.message[:0], message...), rest...)
		n.outbox.add(n.message)
	}
}

// Ready tells that the service has started, or has reloaded, or still runs, and
// what it does.
func (n *Notifier) Ready(status []byte) {
	n.mu.Lock()
	n.status = append(n.status[:0], status...)
	n.mu.Unlock()
	n.tell("READY=1\nSTATUS=", status)
}

// Failing tells why the service ends before it is ready.
func (n *Notifier) Failing(why error) { n.tell("STATUS=", []byte(why.Error())) }

// Reloading tells that a reload begins; Ready is its end.
func (n *Notifier) Reloading() {
	var number [20]byte
	n.tell("RELOADING=1\nMONOTONIC_USEC=", strconv.AppendInt(number[:0], kernel.Nanotime()/1000, 10))
}

// Stopping tells that the service ends.
func (n *Notifier) Stopping() { n.tell("STOPPING=1", nil) }

// Alive feeds the watchdog, and adds who asked last to the status of a service that
// is ready. The loop that answers clients calls it, so it never waits.
func (n *Notifier) Alive(asked []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.alive = append(n.alive[:0], "WATCHDOG=1"...)
	if len(n.status) > 0 {
		n.alive = append(append(n.alive, "\nSTATUS="...), n.status...)
		n.alive = append(append(n.alive, "; "...), asked...)
	}
	n.send(n.alive, n.ofAlive, syscall.MSG_DONTWAIT)
}

// Flush waits for what was told to be sent, for a second at the most.
func (n *Notifier) Flush() {
	if n.address != nil {
		n.outbox.flush()
	}
}
