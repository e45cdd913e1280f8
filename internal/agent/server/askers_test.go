//go:build linux

package server

import (
	"strings"
	"syscall"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

const second = 1_000_000_000

// peer is a client's address as accept(2) gives it.
func peer(t *testing.T, ip string) *kernel.Peer {
	t.Helper()
	a, ok := ParseIP(ip)
	if !ok {
		t.Fatal(ip)
	}
	if a.V4 {
		return &kernel.Peer{Family: syscall.AF_INET, V4: [4]byte(a.IP[:4])}
	}
	return &kernel.Peer{Family: syscall.AF_INET6, V6: a.IP}
}

func TestAskersAreTheLastEight(t *testing.T) {
	var a askers
	now := int64(second)
	if got := string(a.describe(now)); got != "asked by nobody" {
		t.Errorf("%q", got)
	}
	for _, ip := range strings.Fields("10.0.0.1 10.0.0.2 10.0.0.1 fe80::1 ::ffff:10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8") {
		a.note(peer(t, ip), now)
		now += 60 * second
	}
	want := "asked by 10.0.0.8 60 s ago, 10.0.0.7 2 min ago, 10.0.0.6 3 min ago, 10.0.0.5 4 min ago," +
		" 10.0.0.4 5 min ago, 10.0.0.3 6 min ago, 10.0.0.2 7 min ago, fe80::1 8 min ago"
	if got := string(a.describe(now)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	a.note(peer(t, "10.0.0.3"), now)
	if got := string(a.describe(now)); !strings.HasPrefix(got, "asked by 10.0.0.3 now, 10.0.0.8 60 s ago, ") || strings.Count(got, "10.0.0.3") != 1 {
		t.Errorf("%q", got)
	}
}

func TestAgesAreCoarse(t *testing.T) {
	for seconds, want := range map[int64]string{
		0: "now", 9: "now", 10: "10 s ago", 119: "110 s ago", 120: "2 min ago", 7199: "119 min ago",
		7200: "2 h ago", 172799: "47 h ago", 172800: "2 d ago", 86400 * 106751: "106751 d ago",
	} {
		if got := string(appendAge(nil, seconds)); got != want {
			t.Errorf("%d: %q, want %q", seconds, got, want)
		}
	}
}

// The longest text fits its memory, and nothing in it allocates.
func TestAskersTakeNoMemory(t *testing.T) {
	var a askers
	for i := range maxAskers {
		p := peer(t, "1123:4567:89ab:cdef:1123:4567:89ab:cdef")
		p.V6[15] = byte(0xe0 + i)
		a.note(p, 1)
	}
	from := peer(t, "10.0.0.1")
	if n := testing.AllocsPerRun(100, func() { a.describe(1<<63 - 1); a.note(from, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
