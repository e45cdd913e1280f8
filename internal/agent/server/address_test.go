package server

import (
	"net/netip"
	"testing"
)

// FuzzAddress compares the reading and writing of addresses with package netip.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		"0.0.0.0", "127.0.0.1", "256.0.0.1", "01.2.3.4", "1.2.3", "1.2.3.4.5", "1.2.3.", "", "::", "::1", "1::", ":1",
		"1:", ":::", "1::2::3", "fe80::1%eth0", "fe80::1%", "%eth0", "1.2.3.4%eth0", "::ffff:10.0.0.1", "::10.0.0.256",
		"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:1.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4", "1:0:0:2:0:0:0:3", "0:0:1:0:0:1:0:0", "12345::", "g::", "::1.2.3.4:5", "1:2:3:4::5:6:7:8",
		"+1::", "1_0::", "0x1::", "00001::", "2001:DB8::A",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseIP(s)
		want, err := netip.ParseAddr(s)
		if ok != (err == nil) {
			t.Fatalf("ParseIP(%q): %t, netip: %v", s, ok, err)
		}
		if !ok {
			return
		}
		ip := want.As16()
		if want.Is4() {
			copy(ip[:], want.AsSlice())
			clear(ip[4:])
		}
		if got.IP != ip || got.V4 != want.Is4() || got.Zone != want.Zone() {
			t.Fatalf("ParseIP(%q) = %v, netip: %v", s, got, want)
		}
		if want.Is4In6() {
			return // netip writes these with dots
		}
		got.Port = 9777
		if w := netip.AddrPortFrom(want, 9777).String(); got.String() != w {
			t.Errorf("%q is written %s, netip writes %s", s, got, w)
		}
	})
}
