// Package follow tests, on booted hosts, the package's units that change an agent
// without an operator: services that leave HAProxy before they stop and return after
// they have started, and weights by timer.
package follow

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// onHosts is where hosts see the packages.
const onHosts = "/srv/packages"

var (
	hosts    *lab.Lab
	packages string // the folder of the packages
	programs string // the folder of the service that the traffic goes to
	version  string
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "8") // these tests wait for most of their time
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
	if err := built.Packages(packages, version, built.Here()); err != nil {
		return 1, err
	}
	if hosts, err = lab.New(packages + ":" + onHosts); err != nil {
		return 1, err
	}
	defer func() {
		if e := hosts.Close(); err == nil {
			err = e
		}
	}()
	return need.Programs(m, &programs, "./test/internal/traffic/service"), nil
}

// turns has one test at a time on each of the hosts that all tests share.
var turns = map[string]*sync.Mutex{"bullseye": {}, "bookworm": {}, "trixie": {}, "forky": {}}

// onDebian tries something on a host of each release of Debian from 11 to 14, which
// all tests share: systemd 247 to 262.
func onDebian(t *testing.T, try func(t *testing.T, h *lab.Host)) {
	need.Superuser(t)
	t.Parallel()
	for suite, turn := range turns {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			turn.Lock()
			defer turn.Unlock()
			try(t, hosts.Shared(t, suite, lab.Server))
		})
	}
}

// onStable tries something on a host of Debian 13 alone: what depends only on the
// script, and is the same everywhere.
func onStable(t *testing.T, try func(t *testing.T, h *lab.Host)) {
	need.Superuser(t)
	t.Parallel()
	try(t, hosts.Host(t, "trixie", lab.Server))
}

// install installs the package, and takes the host into the balancer.
func install(h *lab.Host) {
	h.Run("dpkg --install " + built.Deb(onHosts, "hapgent", version) + " </dev/null; hapgentctl up")
}

// expect compares.
func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// contains looks for a text in an output.
func contains(t *testing.T, said, want string) {
	t.Helper()
	if !strings.Contains(said, want) {
		t.Errorf("it says\n%s\nand not %q", said, want)
	}
}
