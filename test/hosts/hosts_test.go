// Package hosts tests the packages on booted hosts, from the first installation to
// what is left after the last: Debian 11 to 14, hosts with rpm and its package
// managers, one without systemd, and hosts that restrict services.
package hosts

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// onHosts is where hosts see the packages.
const onHosts = "/srv/packages"

// older is the version that is upgraded from.
const older = "0.3.1"

var (
	hosts    *lab.Lab
	packages string // the folder of the packages
	version  string
)

var update = flag.Bool("update", false, "write what was seen into testdata")

func TestMain(m *testing.M) {
	status, err := withLab(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func withLab(m *testing.M) (status int, err error) {
	here, err := build.Here()
	if err != nil {
		return 1, err
	}
	version = here.Version
	if packages, err = built.Temporary(); err != nil {
		return 1, err
	}
	defer os.RemoveAll(packages)
	for _, v := range []string{older, version} {
		if err := built.Packages(packages, v, built.Here()); err != nil {
			return 1, err
		}
	}
	armhf, err := build.ArchitectureOf("arm")
	if err != nil {
		return 1, err
	}
	if err := built.Packages(packages, version, armhf); err != nil {
		return 1, err
	}
	if hosts, err = lab.New(packages+":"+onHosts, here.Root+":/srv/tree"); err != nil {
		return 1, err
	}
	defer func() {
		if e := hosts.Close(); err == nil {
			err = e
		}
	}()
	return m.Run(), nil
}

func deb(v string) string { return built.Deb(onHosts, "hapgent", v) }

func rpm(v string) string { return built.RPM(onHosts, "hapgent", v) }

// suites are the names of all releases of Debian.
func suites() (names []string) {
	for _, s := range lab.Suites {
		names = append(names, s.Name)
	}
	return names
}

// onDebian tries something on a host of each release of Debian: what depends on
// systemd, dpkg or the shell.
func onDebian(t *testing.T, try func(t *testing.T, h *lab.Host)) { on(t, suites(), try) }

// onStable tries something on a host of Debian 13 alone: what depends only on the
// agent, and is the same everywhere.
func onStable(t *testing.T, try func(t *testing.T, h *lab.Host)) { on(t, []string{"trixie"}, try) }

func on(t *testing.T, suites []string, try func(t *testing.T, h *lab.Host)) {
	need.Superuser(t)
	t.Parallel()
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			try(t, hosts.Host(t, suite, lab.Server))
		})
	}
}

// install installs a version by apt, from the file.
func install(h *lab.Host, v string) string {
	return h.Run("apt-get install -y " + deb(v) + " </dev/null")
}

// dpkg installs a version, as every upgrade does in the end.
func dpkg(h *lab.Host, v string) string {
	return h.Run("dpkg --install " + deb(v) + " </dev/null")
}

// putIn brings a freshly installed host into the balancer, by the command in its status.
func putIn(h *lab.Host) {
	h.Run("systemctl kill -s USR1 hapgent")
	h.UntilAnswers("UP", "9777")
}

// expect compares.
func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
