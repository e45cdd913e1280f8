//go:build linux

// Package systemd tells systemd how the service is, and takes what it passes: the
// protocols of sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3) and the
// priorities of sd-daemon(3). Where there is no systemd, it does nothing.
package systemd

import (
	"errors"
	"strconv"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// Notifier tells systemd how the service is, by the protocol of sd_notify(3).
// Where there is no systemd to tell, its methods do nothing.
type Notifier struct {
	socket   int
	address  *syscall.SockaddrUnix
	Watchdog int64     // nanoseconds between two signs of life; 0: none are wanted
	buffer   [512]byte // of the keeper's messages; a longer one is allocated
}

func NewNotifier(getenv func(string) (string, bool)) (*Notifier, error) {
	n := &Notifier{socket: -1}
	path, _ := getenv("NOTIFY_SOCKET")
	if path == "" {
		return n, nil
	}
	if path[0] != '/' && path[0] != '@' {
		return nil, errors.New(`NOTIFY_SOCKET must be a path, or "@" and an abstract name, found ` + strconv.Quote(path))
	}
	var err error
	if n.Watchdog, err = watchdogInterval(getenv); err != nil {
		return nil, err
	}
	n.address = &syscall.SockaddrUnix{Name: path}
	if n.socket, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return nil, errors.New("cannot make a socket to notify systemd by: " + err.Error())
	}
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

func (n *Notifier) Send(message []byte, flags int) {
	if n.address == nil {
		return
	}
	for syscall.Sendto(n.socket, message, flags|syscall.MSG_NOSIGNAL, n.address) == syscall.EINTR {
	}
}

// Ready tells that the agent serves; the message goes on with the status.
func (n *Notifier) Ready() []byte { return append(n.buffer[:0], "READY=1\nSTATUS="...) }

// Status begins a message that tells only the status.
func (n *Notifier) Status() []byte { return append(n.buffer[:0], "STATUS="...) }

// NotifyFailure tells why the agent ends before it serves: systemctl status shows
// that also while the service waits to be started again, when it shows no log.
func NotifyFailure(getenv func(string) (string, bool), why error) {
	if n, err := NewNotifier(getenv); err == nil {
		n.Send(append(n.Status(), why.Error()...), 0)
	}
}

func (n *Notifier) Reloading() {
	n.Send(strconv.AppendInt(append(n.buffer[:0], "RELOADING=1\nMONOTONIC_USEC="...), kernel.Nanotime()/1000, 10), 0)
}

func (n *Notifier) Stopping() { n.Send(append(n.buffer[:0], "STOPPING=1"...), 0) }

// Alive feeds the watchdog. It is called where clients are answered, so it never
// waits.
func (n *Notifier) Alive() { n.Send(aliveMessage, syscall.MSG_DONTWAIT) }

var aliveMessage = []byte("WATCHDOG=1")
