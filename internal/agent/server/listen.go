//go:build linux

package server

import (
	"errors"
	"strconv"
	"syscall"
	"unsafe"
)

// Listener is a socket that clients connect to.
type Listener struct {
	Address   Address
	fd        int
	inherited bool // shared with whoever passed it
	blocking  bool // as it was inherited
}

const (
	// backlog is how many clients may wait to be accepted; the kernel lowers it
	// to net.core.somaxconn.
	backlog = 4096
	// lowWater is how many bytes of a client's payload wake the server; the end
	// of the payload always does. So the few bytes of an agent-send cost no
	// wake-up of their own: 5% of the processor time of a check by one client, 2% by
	// 16 (bench/agent, with an agent without it as HAPGENT_PEER). Clients inherit it
	// from a socket of our own.
	lowWater = 1024
)

// Listen opens a socket of our own.
func Listen(a Address) (Listener, error) {
	l := Listener{Address: a}
	sa, family, err := a.sockaddr()
	if err == nil {
		l.fd, err = syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	}
	if err == nil {
		err = syscall.SetsockoptInt(l.fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	if err == nil && family == syscall.AF_INET6 { // "::" takes IPv4 as well, whatever net.ipv6.bindv6only says
		err = syscall.SetsockoptInt(l.fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 0)
	}
	if err == nil {
		err = syscall.Bind(l.fd, sa)
	}
	if err == nil {
		err = syscall.SetsockoptInt(l.fd, syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, lowWater)
	}
	if err == nil {
		err = syscall.Listen(l.fd, backlog)
	}
	return l, err
}

func (a Address) sockaddr() (syscall.Sockaddr, int, error) {
	if a.V4 {
		return &syscall.SockaddrInet4{Port: int(a.Port), Addr: [4]byte(a.IP[:4])}, syscall.AF_INET, nil
	}
	zone, err := interfaceIndex(a.Zone)
	return &syscall.SockaddrInet6{Port: int(a.Port), Addr: a.IP, ZoneId: zone}, syscall.AF_INET6, err
}

// interfaceIndex is the number of a network interface, netdevice(7).
func interfaceIndex(name string) (uint32, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil || name == "" {
		return uint32(n), nil
	}
	var request struct {
		name  [syscall.IFNAMSIZ]byte
		index int32
		_     [20]byte // struct ifreq has 40 bytes at the most
	}
	if len(name) >= len(request.name) {
		return 0, syscall.ENODEV
	}
	copy(request.name[:], name)
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCGIFINDEX, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return 0, errno
	}
	return uint32(request.index), nil
}

// Inherit takes sockets that were passed to the process, by their descriptors.
func Inherit(descriptors []int) (all []Listener, err error) {
	for _, fd := range descriptors {
		l, err := inherit(fd)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// inherit takes a socket and changes nothing but O_NONBLOCK: accept must not wait
// when another process has taken the client.
func inherit(fd int) (Listener, error) {
	refuse := func(found string) (Listener, error) {
		return Listener{}, errors.New("inherited descriptor " + strconv.Itoa(fd) + " (LISTEN_FDS) must be a listening TCP socket, found " + found)
	}
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err == syscall.EBADF {
		return refuse("nothing open")
	}
	if err != nil {
		return refuse("no socket")
	}
	listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if kind != syscall.SOCK_STREAM || err != nil || listening == 0 {
		return refuse("a socket that does not listen for streams")
	}
	a, ok := boundTo(fd)
	if !ok {
		return refuse("a socket that is neither IPv4 nor IPv6")
	}
	syscall.CloseOnExec(fd)
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	l := Listener{Address: a, fd: fd, inherited: true, blocking: flags&syscall.O_NONBLOCK == 0}
	return l, syscall.SetNonblock(fd, true)
}

// giveBack restores the mode of an inherited socket.
func (l Listener) giveBack() {
	if l.blocking {
		syscall.SetNonblock(l.fd, false)
	}
}

func boundTo(fd int) (a Address, ok bool) {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return a, false
	}
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		a.V4, a.Port = true, uint16(sa.Port)
		copy(a.IP[:], sa.Addr[:])
	case *syscall.SockaddrInet6:
		a.IP, a.Port = sa.Addr, uint16(sa.Port)
		if sa.ZoneId != 0 {
			a.Zone = strconv.FormatUint(uint64(sa.ZoneId), 10)
		}
	default:
		return a, false
	}
	return a, true
}
