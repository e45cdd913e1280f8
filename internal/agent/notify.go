//go:build linux

package agent

import (
	"strconv"
	"syscall"
)

// notifier tells systemd how the service is, by the protocol of sd_notify(3).
// Where there is no systemd to tell, its methods do nothing.
type notifier struct {
	socket   int
	address  *syscall.SockaddrUnix
	watchdog int64     // nanoseconds between two signs of life; 0: none are wanted
	buffer   [512]byte // of the keeper's messages; a longer one is allocated
}

func newNotifier(getenv Getenv) (*notifier, error) {
	n := &notifier{socket: -1}
	path, _ := getenv("NOTIFY_SOCKET")
	if path == "" {
		return n, nil
	}
	if path[0] != '/' && path[0] != '@' {
		return nil, badValue("NOTIFY_SOCKET", path, `a path, or "@" and an abstract name`)
	}
	var err error
	if n.watchdog, err = watchdogInterval(getenv); err != nil {
		return nil, err
	}
	n.address = &syscall.SockaddrUnix{Name: path}
	if n.socket, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return nil, failure("cannot make a socket to notify systemd by: " + err.Error())
	}
	return n, nil
}

// watchdogInterval is half of what systemd waits for, as sd_watchdog_enabled(3) advises.
func watchdogInterval(getenv Getenv) (int64, error) {
	usec, _ := getenv("WATCHDOG_USEC")
	pid, _ := getenv("WATCHDOG_PID")
	if usec == "" || pid != "" && pid != strconv.Itoa(syscall.Getpid()) {
		return 0, nil
	}
	n, err := strconv.ParseInt(usec, 10, 54) // so that the nanoseconds fit, too
	if err != nil || n <= 0 {
		return 0, badValue("WATCHDOG_USEC", usec, "a number of microseconds")
	}
	return n * 1000 / 2, nil
}

func (n *notifier) send(message []byte, flags int) {
	if n.address == nil {
		return
	}
	for syscall.Sendto(n.socket, message, flags|syscall.MSG_NOSIGNAL, n.address) == syscall.EINTR {
	}
}

// ready tells that the agent serves; the message goes on with the status.
func (n *notifier) ready() []byte { return append(n.buffer[:0], "READY=1\nSTATUS="...) }

// status begins a message that tells only the status.
func (n *notifier) status() []byte { return append(n.buffer[:0], "STATUS="...) }

// notifyFailure tells why the agent ends before it serves: systemctl status shows
// that also while the service waits to be started again, when it shows no log.
func notifyFailure(getenv Getenv, why error) {
	if n, err := newNotifier(getenv); err == nil {
		n.send(append(n.status(), why.Error()...), 0)
	}
}

func (n *notifier) reloading() {
	n.send(strconv.AppendInt(append(n.buffer[:0], "RELOADING=1\nMONOTONIC_USEC="...), nanotime()/1000, 10), 0)
}

func (n *notifier) stopping() { n.send(append(n.buffer[:0], "STOPPING=1"...), 0) }

// alive feeds the watchdog. It is called where clients are answered, so it never
// waits.
func (n *notifier) alive() { n.send(aliveMessage, syscall.MSG_DONTWAIT) }

var aliveMessage = []byte("WATCHDOG=1")
