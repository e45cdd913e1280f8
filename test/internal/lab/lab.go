// Package lab boots Debian hosts for tests, each with its own systemd, file system
// and network address. The scripts in test/bin make them. A host lasts as long as
// its test, its network as long as the test binary.
//
// Nothing in a lab reaches outside of its network namespaces, so hosts cannot reach
// a mirror: the tests bring the packages that hosts install.
package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// Patience is how long to wait for an event that will come.
const Patience = 3 * time.Minute

// Profiles of hosts: see lab-rootfs.
const (
	Server     = "host"  // a plain server
	Controller = "ctl"   // with Ansible and HAProxy
	RPM        = "rpm"   // with rpm and dnf, and zypper and dnf5 where the suite has them
	Container  = "image" // with podman
	Judge      = "judge" // with what judges packages and firewalls
	Small      = "small" // systemd, and nothing else
	SysV       = "sysv"  // without systemd
)

// Suite is a release of Debian that the packages are tried on.
type Suite struct {
	Name   string   // as the archive has it
	Debian int      // its number
	RPM    []string // what installs rpms there, besides rpm
}

// Suites are all suites, which README.md lists as where hapgent runs.
var Suites = []Suite{
	{"bullseye", 11, []string{"dnf"}},
	{"bookworm", 12, []string{"dnf"}},
	{"trixie", 13, []string{"zypper"}},
	{"forky", 14, []string{"dnf", "dnf5", "zypper"}},
}

// Lab is a network of hosts.
type Lab struct {
	name    string
	scripts string
	binds   []string
	mu      sync.Mutex
	hosts   int
	sharing sync.Mutex
	shared  map[Spec]*Host
}

// New makes the lab of a test binary, whose hosts see each folder of binds,
// "SOURCE:DESTINATION", read-only. Close ends it.
func New(binds ...string) (*Lab, error) {
	dir, err := os.Getwd() // a package's tests run in its folder, test/PACKAGE
	if err != nil {
		return nil, err
	}
	l := &Lab{name: fmt.Sprintf("lab%d", os.Getpid()), scripts: filepath.Join(filepath.Dir(dir), "bin"), binds: binds, shared: map[Spec]*Host{}}
	return l, l.sweep()
}

// Close ends all hosts.
func (l *Lab) Close() error { return l.script("lab-down").Run() }

// sweep ends the labs of test binaries that were killed.
func (l *Lab) sweep() error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(cache, "hapgent", "lab", "state", "lab*"))
	for _, state := range old {
		name := filepath.Base(state)
		var pid int
		if n, _ := fmt.Sscanf(name, "lab%d", &pid); n == 1 && syscall.Kill(pid, 0) == syscall.ESRCH {
			dead := Lab{name: name, scripts: l.scripts}
			if err := dead.Close(); err != nil {
				return fmt.Errorf("lab-down %s: %w", name, err)
			}
		}
	}
	return err
}

func (l *Lab) script(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(l.scripts, name), args...)
	cmd.Env = append(os.Environ(), "LAB="+l.name)
	return cmd
}

// Spec says what host to boot.
type Spec struct {
	Suite, Profile string
	Without        string // "user" or "mnt": its services get no namespaces of that kind
}

// Host boots a host.
func (l *Lab) Host(t testing.TB, suite, profile string) *Host {
	t.Helper()
	return l.Hosts(t, Spec{Suite: suite, Profile: profile})[0]
}

// Hosts boots several, which know each other by name.
func (l *Lab) Hosts(t testing.TB, specs ...Spec) []*Host {
	t.Helper()
	need.Superuser(t)
	for command, debianPackage := range map[string]string{"systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "ip": "iproute2", "bc": "bc"} {
		need.Command(t, command, debianPackage)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	args := []string{}
	for _, bind := range l.binds {
		args = append(args, "-b", bind)
	}
	var all []*Host
	for _, s := range specs {
		l.hosts++
		h := &Host{Name: fmt.Sprintf("h%d", l.hosts), Address: fmt.Sprintf("10.77.0.%d", 9+l.hosts), Address6: fmt.Sprintf("fd00:77::%d", 9+l.hosts), Suite: s.Suite, lab: l, t: t}
		all = append(all, h)
		args = append(args, strings.Join([]string{h.Name, s.Suite, s.Profile, s.Without}, ":"))
	}
	t.Cleanup(func() {
		for _, h := range all {
			h.end()
		}
	})
	if out, err := l.script("lab-up", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return all
}

// Shared is a host that several tests use, and that lasts as long as the lab. The
// first call boots it.
func (l *Lab) Shared(t testing.TB, suite, profile string) *Host {
	t.Helper()
	l.sharing.Lock()
	defer l.sharing.Unlock()
	spec := Spec{Suite: suite, Profile: profile}
	if l.shared[spec] == nil {
		l.shared[spec] = l.Hosts(lasting{t}, spec)[0]
	}
	return l.shared[spec].For(t)
}

// lasting is a test whose hosts outlast it.
type lasting struct{ testing.TB }

func (lasting) Cleanup(func()) {}

// SSH are the private key that root and ops take on every host, and the file with
// the public keys of those hosts that were booted so far.
func (l *Lab) SSH(t testing.TB) (key, knownHosts string) {
	t.Helper()
	state, err := l.state()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(state, "id_ed25519"), filepath.Join(state, "known_hosts")
}

// state is the folder of the lab's own files.
func (l *Lab) state() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "hapgent", "lab", "state", l.name), err
}

// Command is a command of this machine in the lab's network, at 10.77.0.1 and
// fd00:77::1.
func (l *Lab) Command(args ...string) *exec.Cmd {
	return l.script("lab-run", append([]string{"@"}, args...)...)
}

// Rootfs is the folder of the file system that hosts are made of.
func (l *Lab) Rootfs(t testing.TB, suite, profile string) string {
	t.Helper()
	need.Superuser(t)
	out, err := l.script("lab-rootfs", suite, profile).Output()
	if err != nil {
		t.Fatalf("lab-rootfs %s %s: %v", suite, profile, err)
	}
	return strings.TrimSpace(string(out))
}
