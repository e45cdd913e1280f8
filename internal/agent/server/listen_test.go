//go:build linux

package server

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestListenSaysWhatIsInTheWay(t *testing.T) {
	first, err := Listen(Address{IP: [16]byte{127, 0, 0, 1}, V4: true})
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(first.fd)
	taken, _ := boundTo(first.fd)
	for _, c := range []struct {
		address Address
		want    string
	}{
		{taken, "address already in use"},
		{Address{IP: [16]byte{203, 0, 113, 1}, V4: true, Port: 1}, "cannot assign requested address"},
		{Address{IP: [16]byte{0xfe, 0x80, 15: 1}, Zone: "nosuchinterface0", Port: 1}, "no such device"},
		{Address{IP: [16]byte{0xfe, 0x80, 15: 1}, Zone: "nosuch0", Port: 1}, "no such device"},
	} {
		if _, err := Listen(c.address); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.address, err, c.want)
		}
	}
}

func TestInterfaceIndex(t *testing.T) {
	for name, want := range map[string]uint32{"": 0, "7": 7, "lo": 1} {
		if n, err := interfaceIndex(name); err != nil || n != want {
			t.Errorf("interfaceIndex(%q) = %d, %v, want %d", name, n, err, want)
		}
	}
}

func TestOnlyAListeningTCPSocketIsInherited(t *testing.T) {
	socket := func(family, kind int, listening bool) int {
		fd, err := syscall.Socket(family, kind|syscall.SOCK_CLOEXEC, 0)
		if err == nil && listening {
			err = syscall.Listen(fd, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	unix := socket(syscall.AF_UNIX, syscall.SOCK_STREAM, false)
	if err := syscall.Bind(unix, &syscall.SockaddrUnix{Name: t.TempDir() + "/s"}); err != nil {
		t.Fatal(err)
	}
	syscall.Listen(unix, 1)
	file, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for fd, want := range map[int]string{
		file:      "no socket",
		1_000_000: "nothing open",
		socket(syscall.AF_INET, syscall.SOCK_DGRAM, false):  "a socket that does not listen for streams",
		socket(syscall.AF_INET, syscall.SOCK_STREAM, false): "a socket that does not listen for streams",
		unix: "a socket that is neither IPv4 nor IPv6",
	} {
		_, err := inherit(fd)
		want := "inherited descriptor " + strconv.Itoa(fd) + " (LISTEN_FDS) must be a listening TCP socket, found " + want
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		syscall.Close(fd)
	}
	fd := socket(syscall.AF_INET6, syscall.SOCK_STREAM, true)
	l, err := inherit(fd)
	if err != nil || !strings.HasPrefix(l.Address.String(), "[::]:") {
		t.Errorf("a listening socket: %v, %v", l, err)
	}
	syscall.Close(fd)
}
