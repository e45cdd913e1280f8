package server

import "strconv"

// Address is an IP address and a TCP port.
type Address struct {
	IP   [16]byte // the first 4 where V4 is set
	V4   bool
	Zone string // the interface of a link-local IPv6 address, by name or number
	Port uint16
}

// ParseIP reads an IPv4 address of four decimal numbers, or an IPv6 address as
// RFC 4291, section 2.2, writes it, with a zone (RFC 4007, section 11) or none.
// Package netip does the same for 90 kB of binary and 130 kB of memory; a fuzz
// test holds the two together.
func ParseIP(s string) (a Address, ok bool) {
	if a.V4 = parseIPv4(a.IP[:4], s); a.V4 {
		return a, true
	}
	for i := range len(s) {
		if s[i] == '%' {
			s, a.Zone = s[:i], s[i+1:]
			if a.Zone == "" {
				return a, false
			}
			break
		}
	}
	return a, parseIPv6(&a.IP, s)
}

func parseIPv4(ip []byte, s string) bool {
	for i := range ip {
		if i > 0 {
			if s == "" || s[0] != '.' {
				return false
			}
			s = s[1:]
		}
		n := 0
		for n < len(s) && s[n] != '.' {
			n++
		}
		v, err := strconv.ParseUint(s[:n], 10, 8)
		if err != nil || n > 1 && s[0] == '0' {
			return false
		}
		ip[i], s = byte(v), s[n:]
	}
	return s == ""
}

func parseIPv6(ip *[16]byte, s string) bool {
	n, gap := 0, -1 // bytes read, and how many of them stand before the "::"
	if len(s) >= 2 && s[:2] == "::" {
		gap, s = 0, s[2:]
	}
	for s != "" {
		if n <= 12 && parseIPv4(ip[n:n+4], s) {
			n, s = n+4, ""
			break
		}
		group, rest := hexGroup(s)
		if group < 0 || n == len(ip) {
			return false
		}
		ip[n], ip[n+1] = byte(group>>8), byte(group)
		n, s = n+2, rest
		switch {
		case s == "":
		case len(s) >= 2 && s[:2] == "::" && gap < 0:
			gap, s = n, s[2:]
		case s[0] == ':' && len(s) > 1 && s[1] != ':':
			s = s[1:]
		default:
			return false
		}
	}
	if gap < 0 {
		return n == len(ip)
	}
	if n == len(ip) {
		return false // the "::" stands for one group at least
	}
	copy(ip[len(ip)-(n-gap):], ip[gap:n])
	clear(ip[gap : len(ip)-(n-gap)])
	return true
}

// hexGroup splits off 1 to 4 hexadecimal digits; -1 if there are none, or more.
func hexGroup(s string) (value int, rest string) {
	n := 0
	for n < len(s) && s[n] != ':' {
		n++
	}
	v, err := strconv.ParseUint(s[:n], 16, 16)
	if err != nil || n > 4 {
		return -1, s
	}
	return int(v), s[n:]
}

// String is the address as RFC 5952 writes it, with the port.
func (a Address) String() string {
	var b []byte
	if a.V4 {
		b = a.appendIP(b)
	} else {
		b = a.appendIP(append(b, '['))
		if a.Zone != "" {
			b = append(append(b, '%'), a.Zone...)
		}
		b = append(b, ']')
	}
	return string(strconv.AppendUint(append(b, ':'), uint64(a.Port), 10))
}

// appendIP appends the IP address alone, without its zone.
func (a Address) appendIP(b []byte) []byte {
	if !a.V4 {
		return a.appendIPv6(b)
	}
	for i, n := range a.IP[:4] {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return b
}

func (a Address) appendIPv6(b []byte) []byte {
	from, to := a.zeros()
	for i := 0; i < len(a.IP); i += 2 {
		if i == from {
			b = append(b, "::"...)
			i = to
			if i == len(a.IP) {
				break
			}
		} else if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(a.IP[i])<<8|uint64(a.IP[i+1]), 16)
	}
	return b
}

// zeros finds the bytes that "::" stands for: the first of the longest runs of
// two zero groups or more.
func (a Address) zeros() (from, to int) {
	from = -1
	for i := 0; i < len(a.IP); i += 2 {
		j := i
		for j < len(a.IP) && a.IP[j] == 0 && a.IP[j+1] == 0 {
			j += 2
		}
		if j-i > 2 && j-i > to-from {
			from, to = i, j
		}
	}
	return from, to
}
