package repository

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// manager is a package manager, on a host that has it.
type manager struct {
	name, suite, profile string
	section              string // of the README
	upgrade              string // of all packages
	pinned               string // of all but hapgent
	older                string // goes back to a version
	fresh                string // installs, by an index that it has not seen yet
	remove               string
}

// state is what hosts have.
const state = `{"status":"DRAIN","weight":77,"maxconn":300}` + "\n"

const aptUpdate = "apt-get update -o APT::Update::Error-Mode=any"

func aptOn(suite string) manager {
	return manager{"apt", suite, lab.Server, "With apt", aptUpdate + " && apt-get -y upgrade",
		"apt-mark hold hapgent && " + aptUpdate + " && apt-get -y upgrade && apt-mark unhold hapgent", "apt-get install -y --allow-downgrades hapgent=%s",
		"rm -rf /var/lib/apt/lists/* && " + aptUpdate + " && apt-get install -y hapgent", "apt-get remove -y hapgent"}
}

func dnfOn(suite, dnf string) manager {
	return manager{dnf, suite, lab.RPM, "With dnf", dnf + " upgrade -y --refresh",
		dnf + " upgrade -y --refresh --exclude=hapgent", dnf + " downgrade -y hapgent-%s",
		dnf + " clean all && " + dnf + " install -y hapgent", dnf + " remove -y hapgent"}
}

func zypperOn(suite string) manager {
	const zypper = "zypper --non-interactive "
	return manager{"zypper", suite, lab.RPM, "With zypper", zypper + "refresh && " + zypper + "update",
		zypper + "addlock hapgent && " + zypper + "refresh && " + zypper + "update && " + zypper + "removelock hapgent",
		zypper + "install --oldpackage hapgent=%s",
		zypper + "clean --all && " + zypper + "install hapgent", zypper + "remove hapgent"}
}

// managers are those of all releases of Debian.
func managers() (all []manager) {
	for _, s := range lab.Suites {
		all = append(all, aptOn(s.Name))
		for _, name := range s.RPM {
			if name == "zypper" {
				all = append(all, zypperOn(s.Name))
			} else {
				all = append(all, dnfOn(s.Name, name))
			}
		}
	}
	return all
}

// host boots one with hapgent of the first release in the chain, which has a state.
func (m manager) host(t *testing.T) *lab.Host {
	t.Helper()
	h := m.boot(t)
	web.publish(t, h, chain[0])
	m.install(t, h)
	h.Run("systemctl start hapgent")
	h.UntilAnswers("FAIL", "9777")
	h.Write("/etc/hapgent/state.json", state)
	h.Run("systemctl reload hapgent")
	m.has(t, h, olderVersions[0])
	return h
}

// add runs the lines of the README that come before the installation.
func (m manager) add(t *testing.T, h *lab.Host) {
	t.Helper()
	for _, c := range lines(t, m.section) {
		if strings.HasSuffix(c.Text, " install hapgent") {
			return
		}
		h.Run(c.Text)
	}
}

// install runs the lines of the README, by the dnf that is meant.
func (m manager) install(t *testing.T, h *lab.Host) {
	t.Helper()
	if m.name == "dnf5" {
		h.Run("ln -sf dnf5 /usr/bin/dnf")
	}
	install(t, h, m.section)
}

// boot boots a host that has the manager.
func (m manager) boot(t *testing.T) *lab.Host {
	t.Helper()
	if m.profile == lab.RPM {
		h := rpmHost(t, m.suite)
		m.setLevel(h)
		return h
	}
	h := hosts.Host(t, m.suite, m.profile)
	web.connect(t, h)
	return h
}

// has waits until the host has the version, with the state that it was given.
func (m manager) has(t *testing.T, h *lab.Host, version string) {
	t.Helper()
	if got := h.Run("hapgent --version"); got != "hapgent "+version+"\n" {
		t.Fatalf("has %q, want version %s", got, version)
	}
	h.UntilAnswers("DRAIN 77% maxconn:300", "9777")
}

func onManagers(t *testing.T, try func(t *testing.T, m manager)) {
	for _, m := range managers() {
		t.Run(m.name+" on "+m.suite, func(t *testing.T) { try(t, m) })
	}
}

// A host through three releases and a change of the key: it installs, upgrades, stays
// at a pinned version, goes back to any earlier release, and removes the package in
// the end.
func TestThreeReleasesInARow(t *testing.T) {
	onManagers(t, func(t *testing.T, m manager) {
		h := m.host(t)
		web.publish(t, h, chain[1])
		h.Run(m.pinned)
		m.has(t, h, olderVersions[0])
		h.Run(m.upgrade)
		m.has(t, h, olderVersions[1])
		web.publish(t, h, chain[2])
		h.Run(m.nextKey() + m.upgrade)
		m.has(t, h, version)
		for _, older := range slices.Backward(olderVersions) {
			h.Run(fmt.Sprintf(m.older, older))
			m.has(t, h, older)
		}
		h.Run(m.upgrade)
		m.has(t, h, version)
		h.Run(m.remove)
		if left := h.Run("pgrep hapgent || true; ls /usr/sbin/hapgent 2>/dev/null || true; cat /etc/hapgent/state.json"); left != state {
			t.Errorf("after %s there is\n%swant the state alone:\n%s", m.remove, left, state)
		}
	})
}

// nextKey is what an administrator must do on a host that has upgraded while both
// keys signed: for zypper, which asks for a key that it does not know.
func (m manager) nextKey() string {
	if m.name == "zypper" {
		return "rpm --import /etc/pki/rpm-gpg/RPM-GPG-KEY-hapgent && "
	}
	return ""
}

// A host that was off during the months when both keys signed refuses the next
// release, keeps its version, and accepts the release once it has the new keyring.
func TestHostThatMissedTheNextKey(t *testing.T) {
	onManagers(t, func(t *testing.T, m manager) {
		h := m.host(t)
		web.publish(t, h, chain[2])
		if out, err := h.Try("{ " + m.upgrade + "; } </dev/null"); err == nil && !strings.Contains(out, "epomd.xml") {
			t.Fatalf("%s does not fail:\n%s", m.upgrade, out)
		}
		m.has(t, h, olderVersions[0])
		for _, c := range lines(t, m.section) {
			if strings.Contains(c.Text, "hapgent-archive-keyring.asc") || strings.Contains(c.Text, "rpm --import") {
				h.Run(c.Text)
			}
		}
		h.Run(m.upgrade)
		m.has(t, h, version)
	})
}

// A host that upgrades for security only gets the version that fixes a fault, and not
// the one after it, which fixes none.
func TestUpgradeForSecurityAlone(t *testing.T) {
	for _, m := range []manager{dnfOn("bookworm", "dnf"), dnfOn("forky", "dnf5")} {
		t.Run(m.name+" on "+m.suite, func(t *testing.T) {
			h := m.host(t)
			upgrade := m.name + " upgrade -y --refresh --security"
			web.publish(t, h, chain[1])
			h.Run(upgrade)
			m.has(t, h, olderVersions[1])
			web.publish(t, h, chain[2])
			h.Run(upgrade)
			m.has(t, h, olderVersions[1])
		})
	}
}

// A host with an index from before the site was replaced finds the files in it.
func TestIndexOfTenMinutesAgo(t *testing.T) {
	for _, m := range []manager{aptOn("trixie"), dnfOn("bookworm", "dnf")} {
		t.Run(m.name+" on "+m.suite, func(t *testing.T) {
			h := m.host(t)
			web.publish(t, h, chain[1])
			if m.name == "apt" {
				h.Run(aptUpdate)
			} else {
				h.Run(m.name + " makecache --refresh")
			}
			web.publish(t, h, chain[2])
			h.Run(map[string]string{"apt": "apt-get -y install hapgent", "dnf": "dnf --cacheonly upgrade -y hapgent || dnf upgrade -y hapgent-" + olderVersions[1]}[m.name])
			m.has(t, h, olderVersions[1])

			// the index arrived before the site was replaced, what it names comes after
			mixed := filepath.Join(t.TempDir(), "site")
			do(t, releaser.Run("/", "cp", "-r", chain[2], mixed))
			for _, index := range []string{"apt/dists/stable/InRelease", "apt/dists/stable/Release", "yum/repodata/repomd.xml", "yum/repodata/repomd.xml.asc"} {
				do(t, os.WriteFile(filepath.Join(mixed, index), read(t, chain[1], index), 0o644))
			}
			web.publish(t, h, mixed)
			if m.name == "apt" {
				h.Run("rm -rf /var/lib/apt/lists/* && " + aptUpdate)
				h.Run("apt-cache show hapgent=" + olderVersions[1])
			} else {
				h.Run("dnf clean all && dnf makecache && dnf repoquery hapgent-" + olderVersions[1])
			}
		})
	}
}

// Indices are not kept for ever: each release keeps the index of the release before
// it, and no other.
func TestIndicesOfOneReleaseBefore(t *testing.T) {
	for i, index := range []string{"apt/dists/stable/Release", "yum/repodata/repomd.xml"} {
		for later, earlier := range []string{"", chain[0], chain[1]} {
			if earlier == "" {
				continue
			}
			before, err := repository.ReadBefore(filepath.Join(earlier, index))
			do(t, err)
			for _, name := range before.Files {
				path := filepath.Join(filepath.Dir(index), name)
				if _, err := os.Stat(filepath.Join(chain[later], path)); err != nil {
					t.Errorf("release %d: %v", later, err)
				}
				if later == 1 && !isNamed(t, chain[1], index, name) && !isNamed(t, chain[2], index, name) {
					if _, err := os.Stat(filepath.Join(chain[2], path)); err == nil {
						t.Errorf("%s is still there, two releases on (%d)", path, i)
					}
				}
			}
		}
	}
}

func isNamed(t *testing.T, dist, index, name string) bool {
	t.Helper()
	b, err := repository.ReadBefore(filepath.Join(dist, index))
	do(t, err)
	for _, file := range b.Files {
		if file == name {
			return true
		}
	}
	return false
}
