// Package need is for tests of real systems: it finds what they need, and says
// how to get it where it is missing.
package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release"
)

// Command finds a command of a Debian package; without it the test fails.
func Command(t testing.TB, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		for _, dir := range []string{"/usr/sbin", "/sbin"} { // where a user's PATH may not reach
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path
			}
		}
		t.Fatalf("%s not found: run `make setup` as root, or `apt-get install %s`", name, debianPackage)
	}
	return path
}

// Root is the folder of the source tree.
func Root(t testing.TB) string {
	t.Helper()
	root, err := release.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var built sync.Map // of program names to func() (string, error)

// Program builds a program as a release has it, once in a test binary, and
// returns where it is.
func Program(t testing.TB, name string) string {
	t.Helper()
	root := Root(t)
	build, _ := built.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		program, err := release.ProgramOf(name)
		if err != nil {
			return "", err
		}
		target, err := release.TargetOf(runtime.GOARCH)
		if err != nil {
			return "", err
		}
		output := filepath.Join(root, "run", "test", filepath.Base(os.Args[0]), name) // test binaries run side by side
		return output, release.Build(t.Context(), root, program, target, output)
	}))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Superuser fails a test that root only can run, and says how.
func Superuser(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatalf("%s must run as root: sudo go test -run '^%s$' %s", t.Name(), t.Name(), "./test/...")
	}
}
