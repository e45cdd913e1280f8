// Package packaging checks the packages against the rules of Debian, rpm and
// systemd, and against golden lists of their contents. Package hosts tests them on
// booted hosts.
package packaging

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

var update = flag.Bool("update", false, "write what was seen into testdata")

var (
	dist    string // the packages of this architecture
	version string
)

// names are the packages of every format; each has one more, with keys.
var (
	names = []string{"hapgent", "hapgent-tools"}
	debs  = append(names[:2:2], "hapgent-archive-keyring")
	rpms  = append(names[:2:2], "hapgent-repository")
)

// find finds the one package that a pattern names.
func find(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dist, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("found %q, want one: %v", found, err)
	}
	return found[0]
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withPackages(m))
}

func withPackages(m *testing.M) int {
	here, err := build.Here()
	if err == nil {
		version = here.Version
		dist, err = built.Temporary()
	}
	if err == nil {
		defer os.RemoveAll(dist)
		err = built.Packages(dist, version, built.Here())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// run runs a command, which must succeed, and returns what it prints.
func run(t *testing.T, debianPackage, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(need.Command(t, name, debianPackage), args...)
	cmd.Dir = need.Root(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

func TestLintian(t *testing.T) {
	for _, name := range debs {
		if out := run(t, "lintian", "lintian", "--allow-root", "--fail-on", "error,warning", find(t, name+"_*.deb")); out != "" {
			t.Errorf("lintian:\n%s", out)
		}
	}
}

// Each override has its reason in the comment before it.
func TestLintianOverridesHaveReasons(t *testing.T) {
	for _, name := range names {
		reason := false
		for line := range strings.Lines(need.Read(t, "packaging", "lintian", name)) {
			comment := strings.HasPrefix(line, "#")
			if !comment && !reason {
				t.Errorf("packaging/lintian/%s: no reason for: %s", name, line)
			}
			reason = comment
		}
	}
}

func TestRpmlint(t *testing.T) {
	args := []string{"-c", "packaging/rpmlint.toml"}
	for _, name := range rpms {
		args = append(args, find(t, name+"-[0-9]*.rpm"))
	}
	if out := run(t, "rpmlint", "rpmlint", args...); !strings.Contains(out, " 0 errors, 0 warnings,") {
		t.Errorf("rpmlint:\n%s", out)
	}
}

func TestShellcheck(t *testing.T) {
	var scripts []string
	for _, pattern := range []string{"packaging/deb/*", "packaging/rpm/*", "packaging/keyring/*", "packaging/libexec/*", "packaging/sysvinit/*", "packaging/hapgentctl", "packaging/completion/*", "test/bin/*"} {
		found, err := filepath.Glob(filepath.Join(need.Root(t), pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no scripts %s: %v", pattern, err)
		}
		scripts = append(scripts, found...)
	}
	for _, script := range scripts {
		args := []string{"--external-sources", "--source-path=SCRIPTDIR", script}
		switch filepath.Base(filepath.Dir(script)) { // what has no line that names the shell
		case "rpm":
			args = append([]string{"--shell=sh"}, args...)
		case "completion":
			args = append([]string{"--shell=bash"}, args...)
		}
		run(t, "shellcheck", "shellcheck", args...)
	}
}

// A package that is larger than necessary costs time on every host of a fleet.
func TestDebIsSmall(t *testing.T) {
	st, err := os.Stat(built.Deb(dist, "hapgent", version))
	if err != nil {
		t.Fatal(err)
	}
	if limit := int64(700_000); st.Size() > limit {
		t.Errorf("%d bytes, want %d at the most", st.Size(), limit)
	}
}
