package haproxy

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

var lastHost atomic.Uint32

// newHost is an address of the loopback network that nothing else uses, so that
// a port which is free on it stays free.
func newHost() string {
	n := lastHost.Add(1) + 1
	return netip.AddrFrom4([4]byte{127, byte(1 + os.Getpid()%254), byte(n / 250), byte(1 + n%250)}).String()
}

// taken are the ports that were found free once.
var taken sync.Map

// freePort is a port that is free on all the hosts, another one each time.
func freePort(t *testing.T, host string, others ...string) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_, again := taken.LoadOrStore(port, true)
		free := !again
		for _, other := range others {
			l, err := net.Listen("tcp", address(other, port))
			if free = free && err == nil; err == nil {
				l.Close()
			}
		}
		if l.Close(); free {
			return port
		}
	}
	t.Fatalf("no port is free on %s and %v", host, others)
	return 0
}

func address(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
