package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The README's table of where hapgent runs has exactly the versions on the hosts of
// the tests.
func TestWhereItRuns(t *testing.T) {
	const begin, end = "<!-- where -->\n", "<!-- /where -->"
	path := filepath.Join(need.Root(t), "README.md")
	text := need.Read(t, "README.md")
	before, rest, _ := strings.Cut(text, begin)
	table, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("README.md has no place for the table, between %q and %q", begin, end)
	}
	want := where(t)
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("README.md shows\n%swant\n%swrite it by `go test ./test/hosts -run TestWhereItRuns -update`", table, want)
	}
}

func where(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| tested on | systemd | apt | rpm | HAProxy |\n|---|---|---|---|---|\n")
	for _, s := range lab.Suites {
		systemd := major.FindString(versionOf(t, s, lab.Server, "systemd"))
		if s.Name == "bookworm" {
			systemd += ", or SysV init" // by TestSysV
		}
		rpm := minor.FindString(versionOf(t, s, lab.RPM, "rpm"))
		for _, name := range s.RPM {
			rpm += ", " + name + " " + minor.FindString(versionOf(t, s, lab.RPM, name))
		}
		haproxy := "2.6" // of a machine with Debian 12, on which the tests run
		if s.Name != "bookworm" {
			haproxy = minor.FindString(versionOf(t, s, lab.Controller, "haproxy"))
		}
		fmt.Fprintf(&b, "| Debian %d | %s | %s | %s | %s |\n", s.Debian, systemd, minor.FindString(versionOf(t, s, lab.Server, "apt")), rpm, haproxy)
	}
	return b.String()
}

var (
	major = regexp.MustCompile(`^\d+`)
	minor = regexp.MustCompile(`^\d+\.\d+`)
)

// versionOf is the version of a package on hosts of the kind.
func versionOf(t *testing.T, s lab.Suite, profile, name string) string {
	t.Helper()
	folder := filepath.Join(hosts.Rootfs(t, s.Name, profile), "var/lib/dpkg")
	out, err := exec.Command("dpkg-query", "--admindir="+folder, "--show", "--showformat=${Version}", name).Output()
	if err != nil {
		t.Fatalf("dpkg-query of %s: %v", folder, err)
	}
	_, v, found := strings.Cut(string(out), ":") // an epoch
	if !found {
		v = string(out)
	}
	return v
}
