// Package need is for tests of real systems: it finds what they need, and says how
// to get it if it is missing.
package need

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// Read reads a file; the path is of the source tree, or absolute.
func Read(t testing.TB, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if !filepath.IsAbs(name) {
		name = filepath.Join(Root(t), name)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

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

// Source is the source tree.
func Source(t testing.TB) build.Source {
	t.Helper()
	s, err := build.Here()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Root is the folder of the source tree.
func Root(t testing.TB) string {
	t.Helper()
	return Source(t).Root
}

// CopyOfTree is a copy of the source tree, without the files that git ignores and
// without git's own.
func CopyOfTree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := CopyTree(Root(t), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// CopyTree copies that into a directory. It reads the files itself, so that
// go test knows what a test of the copy depends on, and runs it anew.
func CopyTree(root, dir string) error {
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("listing the source tree: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("copying the source tree: %w", err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

// Unmade is the environment without the variables that a make that runs the tests
// passes to another make.
func Unmade() []string { return append(os.Environ(), "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=") }

// ProgramsVariable names a folder that has the programs already, as on a host
// that a test binary is brought to.
const ProgramsVariable = "HAPGENT_TEST_PROGRAMS"

// Programs builds programs into a folder that any user may enter, and runs the
// tests; it returns their status for os.Exit. The folder is in bin while they run.
// A program is one of a release, by its name, built as a release has it, or one
// for tests, by its folder: ./test/....
func Programs(m *testing.M, bin *string, names ...string) (status int) {
	if *bin = os.Getenv(ProgramsVariable); *bin != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "hapgent-test")
	if err == nil {
		defer os.RemoveAll(dir)
		err = buildAll(dir, names)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*bin = dir
	return m.Run()
}

func buildAll(dir string, names []string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	s, err := build.Here()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := buildOne(s, name, filepath.Join(dir, filepath.Base(name))); err != nil {
			return err
		}
	}
	return nil
}

func buildOne(s build.Source, name, output string) error {
	if !strings.HasPrefix(name, "./") {
		return s.BuildHere(context.Background(), name, output)
	}
	cmd := exec.Command("go", "build", "-o", output, name)
	cmd.Dir = s.Root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// Superuser fails a test that only root can run, and says how to run it.
func Superuser(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatalf("%s must run as root: sudo go test -run '^%s$' %s", t.Name(), t.Name(), "./test/...")
	}
}
