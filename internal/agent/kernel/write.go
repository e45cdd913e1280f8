//go:build linux

package kernel

import (
	"syscall"
	"unsafe"
)

// Writable tells whether a line can be written without waiting longer than that,
// by ppoll(2). A pipe that is ready takes 4096 bytes, and a socket of the journal
// a line.
func Writable(fd int, nanoseconds int64) bool {
	const pollOut = 4
	request := struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollOut, 0}
	timeout := syscall.NsecToTimespec(nanoseconds)
	n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&request)), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
	return n > 0 || errno != 0
}

// Write writes all of b to a file descriptor.
func Write(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(fd, b)
		if err != nil && err != syscall.EINTR {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}
