//go:build linux

package server

import (
	"strconv"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/agent/kernel"
)

// maxAskers is how many addresses are remembered.
const maxAskers = 8

// asker is an address that clients came from.
type asker struct {
	ip [16]byte // an IPv4 address as RFC 4291, section 2.5.5.2, maps it
	at int64    // nanotime when the last one came; 0: there is none
}

// askers remembers who asked last, the newest first, in memory of a fixed size.
type askers struct {
	all  [maxAskers]asker
	text [len(askedBy) + maxAskers*askerLength]byte
}

const (
	askedBy     = "asked by "
	askerLength = len("0123:4567:89ab:cdef:0123:4567:89ab:cdef 106751 d ago, ")
)

var v4Mapped = [16]byte{10: 0xff, 11: 0xff}

// note remembers the address of a client that has just connected.
func (a *askers) note(from *kernel.Peer, now int64) {
	ip := v4Mapped
	if from.Family == syscall.AF_INET6 {
		ip = from.V6
	} else {
		copy(ip[12:], from.V4[:])
	}
	i := 0
	for i < maxAskers-1 && a.all[i].ip != ip && a.all[i].at != 0 {
		i++
	}
	copy(a.all[1:i+1], a.all[:i])
	a.all[0] = asker{ip, now}
}

// describe says who asked, and when: "asked by 10.0.0.5 now, 10.0.0.6 3 min ago".
// The next call overwrites the text.
func (a *askers) describe(now int64) []byte {
	b := append(a.text[:0], askedBy...)
	if a.all[0].at == 0 {
		return append(b, "nobody"...)
	}
	for i, asker := range a.all {
		if asker.at == 0 {
			break
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		address := Address{IP: asker.ip}
		if [12]byte(asker.ip[:12]) == [12]byte(v4Mapped[:12]) {
			address.V4 = true
			copy(address.IP[:], asker.ip[12:])
		}
		b = appendAge(append(address.appendIP(b), ' '), (now-asker.at)/1_000_000_000)
	}
	return b
}

// appendAge appends how long ago something was. It is coarse, so that the status
// does not change while the same HAProxys go on asking: systemd passes on each
// change.
func appendAge(b []byte, seconds int64) []byte {
	const minute, hour, day = 60, 3600, 86400
	switch {
	case seconds < 10:
		return append(b, "now"...)
	case seconds < 2*minute:
		return append(strconv.AppendInt(b, seconds/10*10, 10), " s ago"...)
	case seconds < 2*hour:
		return append(strconv.AppendInt(b, seconds/minute, 10), " min ago"...)
	case seconds < 2*day:
		return append(strconv.AppendInt(b, seconds/hour, 10), " h ago"...)
	}
	return append(strconv.AppendInt(b, seconds/day, 10), " d ago"...)
}
