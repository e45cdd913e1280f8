//go:build linux

package server

import (
	"errors"
	"strconv"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// askTime is how long an agent has for its whole answer, in nanoseconds: what
// HAProxy's "timeout check" is by default, where its configuration has "inter 2s".
const askTime = 2_000_000_000

// Ask asks the agent at an address as HAProxy does, and returns its line without
// the newline. If the address means all of the host's, it asks at loopback.
func Ask(a Address) (line string, err error) {
	sa, family, err := a.sockaddr()
	if err != nil {
		return "", err
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer syscall.Close(fd)
	end := kernel.Nanotime() + askTime
	for err = syscall.EINTR; err == syscall.EINTR; { // the connect goes on: the next call waits for it
		if err = setTimeout(fd, syscall.SO_SNDTIMEO, end); err == nil {
			err = syscall.Connect(fd, sa)
		}
	}
	if err == syscall.EINPROGRESS || err == syscall.EALREADY {
		return "", errNoAnswer
	}
	if err != nil {
		return "", err
	}
	return readLine(fd, end)
}

var errNoAnswer = errors.New("no answer within 2 s")

// setTimeout makes calls that wait for the socket end at a time, with EAGAIN.
func setTimeout(fd, option int, end int64) error {
	left := end - kernel.Nanotime()
	if left <= 0 {
		return errNoAnswer
	}
	t := syscall.NsecToTimeval(left + 999)
	return syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, option, &t)
}

// readLine reads up to a newline, or to the end of what the agent sends.
func readLine(fd int, end int64) (string, error) {
	var buffer [256]byte
	for n := 0; ; {
		if err := setTimeout(fd, syscall.SO_RCVTIMEO, end); err != nil {
			return "", err
		}
		m, err := syscall.Read(fd, buffer[n:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return "", errNoAnswer
		case err != nil:
			return "", err
		}
		for _, c := range buffer[n : n+m] {
			if c == '\n' {
				return string(buffer[:n]), nil
			}
			n++
		}
		switch {
		case m > 0 && n < len(buffer):
		case n == 0:
			return "", errors.New("the agent closed without an answer")
		default:
			return "", errors.New("expected one line, found " + strconv.Quote(string(buffer[:n])))
		}
	}
}
