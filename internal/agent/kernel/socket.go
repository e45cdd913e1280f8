//go:build linux

package kernel

import (
	"syscall"
	"unsafe"
)

// The calls of each check, on sockets that never block. Those of package syscall
// allocate memory for the address (Accept4), or tell the scheduler that the
// goroutine may block for long.

// Peer is the address of a client: sockaddr_in and sockaddr_in6 of ip(7) and
// ipv6(7) in one.
type Peer struct {
	Family uint16
	_      uint16   // its port
	V4     [4]byte  // of AF_INET
	V6     [16]byte // of AF_INET6
	_      uint32
}

// Accept takes a client that waits, and returns its address.
func Accept(fd int, from *Peer) (int, syscall.Errno) {
	size := uint32(unsafe.Sizeof(*from))
	n, _, errno := syscall.RawSyscall6(sysAccept4, uintptr(fd), uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(&size)),
		syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	return int(n), errno
}

// Send leaves the end of the data open, so that it travels in one segment with
// the FIN of the shutdown that follows.
func Send(fd int, data []byte) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(sysSendto, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
		syscall.MSG_NOSIGNAL|msgMore, 0, 0)
	return errno
}

const msgMore = 0x8000 // MSG_MORE of send(2)

func Shutdown(fd int) syscall.Errno {
	_, _, errno := syscall.RawSyscall(sysShutdown, uintptr(fd), syscall.SHUT_WR, 0)
	return errno
}

func Read(fd int, buf []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	return int(n), errno
}

func Close(fd int) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }
