package agent

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

func environment(pairs ...string) Getenv {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestReadConfigTakesDefaultsForUnsetAndEmpty(t *testing.T) {
	for _, getenv := range []Getenv{environment(), environment(IPVariable, "", PortVariable, "", StateFileVariable, "")} {
		c, err := ReadConfig(getenv)
		if err != nil || c.Address.String() != "0.0.0.0:9777" || c.StateFile != "/etc/hapgent/state.json" {
			t.Errorf("ReadConfig() = %v %q, %v", c.Address, c.StateFile, err)
		}
	}
}

func TestReadConfigNamesTheWrongValue(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{IPVariable, "localhost", `HAPGENT_IP must be an IPv4 or IPv6 address such as 0.0.0.0, 127.0.0.1, :: or ::1, found "localhost"`},
		{IPVariable, "127.0.0.1:9777", `HAPGENT_IP must be an IPv4 or IPv6 address such as 0.0.0.0, 127.0.0.1, :: or ::1, found "127.0.0.1:9777"`},
		{IPVariable, "[::1]", `HAPGENT_IP must be an IPv4 or IPv6 address such as 0.0.0.0, 127.0.0.1, :: or ::1, found "[::1]"`},
		{PortVariable, "http", `HAPGENT_PORT must be a port from 1 to 65535, found "http"`},
		{PortVariable, "0", `HAPGENT_PORT must be a port from 1 to 65535, found "0"`},
		{PortVariable, "65536", `HAPGENT_PORT must be a port from 1 to 65535, found "65536"`},
		{PortVariable, "-1", `HAPGENT_PORT must be a port from 1 to 65535, found "-1"`},
		{PortVariable, " 9777", `HAPGENT_PORT must be a port from 1 to 65535, found " 9777"`},
		{PortVariable, "09777", `HAPGENT_PORT must be a port from 1 to 65535, found "09777"`},
		{PortVariable, "9777\n", `HAPGENT_PORT must be a port from 1 to 65535, found "9777\n"`},
		{StateFileVariable, strings.Repeat("x", 4001), `HAPGENT_STATE_FILE must be a path of at most 4000 bytes, found "` + strings.Repeat("x", 4001) + `"`},
	} {
		if _, err := ReadConfig(environment(c.name, c.value)); err == nil || err.Error() != c.want {
			t.Errorf("%s=%q: %v, want %s", c.name, c.value, err, c.want)
		}
	}
}

// FuzzEnvironment compares the reading of the environment with packages netip and strconv.
func FuzzEnvironment(f *testing.F) {
	f.Add("0.0.0.0", "9777", "/etc/hapgent/state.json")
	f.Add("", "", "")
	f.Add("::", "65535", "state.json")
	f.Add("fe80::1%lo", "+1", "\x01")
	f.Add("127.1", "1e3", "/")
	f.Fuzz(func(t *testing.T, ip, port, file string) {
		c, err := ReadConfig(environment(IPVariable, ip, PortVariable, port, StateFileVariable, file))
		_, ipErr := netip.ParseAddr(ip)
		n, portErr := strconv.ParseUint(port, 10, 16)
		want := (ip == "" || ipErr == nil) && (port == "" || portErr == nil && n > 0 && strconv.FormatUint(n, 10) == port) && len(file) <= maxStateFile
		if want != (err == nil) {
			t.Fatalf("ReadConfig(%q, %q, %q): %v", ip, port, file, err)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\n\x00") || !strings.HasPrefix(err.Error(), "HAPGENT_")) {
			t.Errorf("the error is no line that names the variable: %q", err)
		}
		if err == nil && file != "" && c.StateFile != file {
			t.Errorf("the file is %q, want %q", c.StateFile, file)
		}
	})
}
