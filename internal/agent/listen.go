//go:build linux

package agent

import (
	"strconv"
	"syscall"
	"unsafe"
)

// listener is a socket that clients connect to.
type listener struct {
	fd   int
	name string // its address, as the log shows it
}

const (
	// maxListeners is the most sockets that are taken from systemd.
	maxListeners   = 16
	firstInherited = 3 // SD_LISTEN_FDS_START of sd_listen_fds(3)
	// backlog is how many clients may wait to be accepted; the kernel lowers it
	// to net.core.somaxconn.
	backlog = 4096
	// lowWater is how many bytes of a client's payload wake the server; the end
	// of the payload always does. So the few bytes of an agent-send cost no
	// wake-up of their own.
	lowWater = 1024
)

// listen opens a socket of the agent's own.
func listen(a Address) (listener, error) {
	l := listener{fd: -1, name: a.String()}
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
		err = l.prepare()
	}
	if err == nil {
		err = syscall.Listen(l.fd, backlog)
	}
	if err != nil {
		return l, failure("cannot listen on " + l.name + " (" + IPVariable + ", " + PortVariable + "): " + err.Error())
	}
	return l, nil
}

func (l listener) prepare() error {
	return syscall.SetsockoptInt(l.fd, syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, lowWater)
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

// inherited takes the sockets that systemd passes, sd_listen_fds(3); none, if
// they are not meant for this process.
func inherited(getenv Getenv) ([]listener, error) {
	pid, _ := getenv("LISTEN_PID")
	count, _ := getenv("LISTEN_FDS")
	if count == "" || pid != strconv.Itoa(syscall.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > maxListeners {
		return nil, badValue("LISTEN_FDS", count, "a number from 1 to "+strconv.Itoa(maxListeners))
	}
	all := make([]listener, n)
	for i := range all {
		if all[i], err = inherit(firstInherited + i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func inherit(fd int) (listener, error) {
	refuse := func(found string) (listener, error) {
		return listener{}, failure("inherited descriptor " + strconv.Itoa(fd) + " (LISTEN_FDS) must be a listening TCP socket, found " + found)
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
		return refuse("one that is neither IPv4 nor IPv6")
	}
	syscall.CloseOnExec(fd)
	l := listener{fd, a.String()}
	if err = syscall.SetNonblock(fd, true); err == nil {
		err = l.prepare()
	}
	return l, err
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
