// Package debian has programs of any suite of Debian, for comparison with those of
// the machine. Packages and their dependencies are unpacked into the user's cache,
// and run there by their own dynamic linker: nothing is installed, no host is
// booted, and root is not needed.
//
// Unpacked programs are not updated, even if the suite changes, until the folder
// hapgent/debian in the user's cache is removed.
package debian

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Tree is what packages of a suite have, below a folder.
type Tree struct{ dir, linker, libraries string }

// Unpack returns the packages of a suite, such as "trixie" or
// "trixie-backports". The first time it downloads them, which takes some ten
// seconds; several test binaries may ask for the same at once.
func Unpack(suite string, packages ...string) (*Tree, error) {
	dir, err := Files(suite, packages...)
	if err != nil {
		return nil, err
	}
	return open(dir)
}

// Files returns the folder of the same packages, which need not contain a program.
func Files(suite string, packages ...string) (dir string, err error) {
	if dir, err = unpacked(suite, packages); err != nil {
		err = fmt.Errorf("packages %q of Debian's %s: %w", packages, suite, err)
	}
	return dir, err
}

func unpacked(suite string, packages []string) (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, "hapgent", "debian", suite+"-"+strings.Join(packages, "-"))
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	if err := download(suite, packages, part); err != nil {
		return "", err
	}
	return dir, os.Rename(part, dir)
}

// lock waits until nobody else has the file locked.
func lock(name string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %q: %w", name, err)
	}
	return func() { f.Close() }, nil
}

// addBackports is mmdebstrap's hook that adds a suite's backports.
const addBackports = `sed -n "s/ %[1]s main/ %[1]s-backports main/p" "$1"/etc/apt/sources.list >"$1"/etc/apt/sources.list.d/backports.list`

// download has mmdebstrap unpack packages, and run none of their scripts. The
// index of a suite that is not released yet may be past its Valid-Until.
func download(suite string, packages []string, dir string) error {
	base, backports := strings.CutSuffix(suite, "-backports")
	args := []string{"--quiet", "--variant=extract", "--format=directory",
		"--aptopt=Acquire::Check-Valid-Until \"false\"", "--aptopt=Acquire::Retries \"3\""}
	if os.Getuid() != 0 {
		args = append(args, "--mode=chrootless")
	}
	for _, name := range packages {
		if backports {
			name += "/" + suite
		}
		args = append(args, "--include="+name)
	}
	if backports {
		args = append(args, "--setup-hook="+fmt.Sprintf(addBackports, base))
	}
	args = append(args, base, dir)
	if mirror := os.Getenv("LAB_MIRROR"); mirror != "" { // as test/bin/lab-rootfs has it
		args = append(args, mirror)
	}
	out, err := exec.Command("mmdebstrap", args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("mmdebstrap not found: run `make setup` as root, or `apt-get install mmdebstrap`")
	}
	if err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, out)
	}
	return nil
}

// open finds the libraries, and the dynamic linker among them: /lib64 may have
// an absolute link, which is one to the machine's.
func open(dir string) (*Tree, error) {
	var libraries, linkers []string
	for _, place := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*"} { // the second where /lib is no link
		folders, err := filepath.Glob(filepath.Join(dir, place))
		if err != nil {
			return nil, err
		}
		found, err := filepath.Glob(filepath.Join(dir, place, "ld-linux*.so.*"))
		if err != nil {
			return nil, err
		}
		libraries, linkers = append(libraries, folders...), append(linkers, found...)
	}
	if len(linkers) == 0 {
		return nil, fmt.Errorf("there is no dynamic linker in %q", dir)
	}
	return &Tree{dir, linkers[0], strings.Join(libraries, ":")}, nil
}

// Command is a program of /usr/bin, to be run with the libraries of its suite.
func (t *Tree) Command(program string, args ...string) *exec.Cmd {
	path := filepath.Join(t.dir, "usr/bin", program)
	return exec.Command(t.linker, append([]string{"--library-path", t.libraries, path}, args...)...)
}
