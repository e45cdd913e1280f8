package repository

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// rpmHost boots a host with rpm and what installs by it, and brings what the host
// has already to rpm's knowledge.
func rpmHost(t *testing.T, suite string) *lab.Host {
	t.Helper()
	h := hosts.Host(t, suite, lab.RPM)
	web.connect(t, h)
	shim, err := built.Shim(h.Path("/root"))
	do(t, err)
	force := map[string]string{"bullseye": "--force-debian", "bookworm": "--force-debian"}[h.Suite]
	h.Run("mkdir -p /etc/rpm /etc/yum.repos.d && rpm --install " + force + " /root/" + shim)
	return h
}

// verifyAll makes rpm require a signature of each package, as it does elsewhere than
// on Debian.
const verifyAll = "echo '%_pkgverify_level all' >/etc/rpm/macros.verify"

// setLevel sets what rpm wants of a package that the manager installs. Debian 14's
// zypper (libzypp 17.38) cannot live with all: it verifies a package itself and tells
// librpm to look at no signature, for which that then loads no key, but leaves the
// level as it is, so that librpm refuses every package: NOKEY.
func (m manager) setLevel(h *lab.Host) {
	if m.name == "zypper" && m.suite == "forky" {
		h.Run("rm -f /etc/rpm/macros.verify")
	} else {
		h.Run(verifyAll)
	}
}

// mallory has a key, and a package of their own making, without a signature and
// with one by that key.
type mallory struct {
	*releaser.Releaser
	unsigned, signed string
}

func newMallory(t *testing.T) mallory {
	t.Helper()
	m := mallory{withKey(t), t.TempDir(), t.TempDir()}
	do(t, built.Packages(m.unsigned, version, built.Here()))
	do(t, os.CopyFS(m.signed, os.DirFS(m.unsigned)))
	do(t, releaser.Run("/", need.Command(t, "rpmsign", "rpm"), "--addsign", "--define", "__gpg /usr/bin/gpg", "--define", "_gpg_path "+m.GnuPG,
		"--define", "_gpg_name "+releaser.Name, built.RPM(m.signed, "hapgent", version)))
	return m
}

// withKey is a releaser who has an OpenPGP key of the right name, and nothing else.
func withKey(t *testing.T) *releaser.Releaser {
	t.Helper()
	folder, err := os.MkdirTemp("", "hapgent-mallory") // a short name, for the socket of gpg's agent
	do(t, err)
	r := &releaser.Releaser{Directory: folder, GnuPG: filepath.Join(folder, "gnupg")}
	t.Cleanup(func() { r.Remove() })
	do(t, gnupg.Generate(t.Context(), r.GnuPG, releaser.Name))
	return r
}

// put puts a package into the repository, whose index then has it, and is signed
// by the key that hosts trust.
func (m mallory) put(t *testing.T, folder, yum string) {
	t.Helper()
	do(t, releaser.Run("/", "cp", built.RPM(folder, "hapgent", version), filepath.Join(yum, "packages")))
	when, err := need.Source(t).Time(t.Context())
	do(t, err)
	do(t, os.RemoveAll(filepath.Join(yum, "repodata")))
	do(t, repository.Yum{Time: when}.Write(yum))
	signRepomd(t, yum, who)
}

// rpmFaults are mallory's changes to a repository, and each package manager's message
// about them.
var rpmFaults = []struct {
	name              string
	put               func(t *testing.T, m mallory, yum string)
	dnf, dnf5, zypper string
}{
	{
		"index changed",
		func(t *testing.T, _ mallory, yum string) {
			index := filepath.Join(yum, repository.Repomd)
			do(t, os.WriteFile(index, append(read(t, index), '\n'), 0o644))
		},
		"repomd.xml GPG signature verification error: Bad ",
		"repomd.xml GPG signature verification error: Bad ",
		"Signature verification failed for file 'repomd.xml'",
	},
	{
		"index unsigned",
		func(t *testing.T, _ mallory, yum string) {
			do(t, os.Remove(filepath.Join(yum, repository.Repomd+".asc")))
		},
		"GPG verification is enabled, but GPG signature is not available",
		"GPG verification is enabled, but GPG signature is not available",
		"File 'repomd.xml' from repository 'hapgent' is unsigned.",
	},
	{
		"index of another key, which is beside it",
		func(t *testing.T, m mallory, yum string) {
			signRepomd(t, yum, m.Releaser)
			public, err := keys(t, m.Releaser).Export(t.Context())
			do(t, err)
			do(t, os.WriteFile(filepath.Join(yum, repository.Repomd+".key"), public, 0o644))
		},
		"repomd.xml GPG signature verification error: ",
		"repomd.xml GPG signature verification error: Signing key not found",
		"New repository or package signing key received",
	},
	{
		"package changed",
		func(t *testing.T, _ mallory, yum string) {
			change(t, built.RPM(filepath.Join(yum, "packages"), "hapgent", version))
		},
		"Downloading successful, but checksum doesn't match",
		"Downloading successful, but checksum doesn't match",
		"Digest verification failed for file 'hapgent-",
	},
	{
		"package unsigned, in an index of ours",
		func(t *testing.T, m mallory, yum string) { m.put(t, m.unsigned, yum) },
		"is not signed",
		"The package is not signed",
		"does not verify: no signature", // says rpm
	},
	{
		"package of another key, in an index of ours",
		func(t *testing.T, m mallory, yum string) { m.put(t, m.signed, yum) },
		"GPG check FAILED",
		"Import of the key didn't help, wrong key?",
		": NOKEY", // says rpm
	},
}

// What is refused from a repository that was tampered with is accepted from the
// correct one.
func TestTamperedYumRepository(t *testing.T) {
	need.Superuser(t)
	m := newMallory(t)
	for _, suite := range lab.Suites {
		if suite.RPM == nil {
			continue
		}
		t.Run(suite.Name, func(t *testing.T) {
			h := rpmHost(t, suite.Name)
			web.publish(t, h, who.Dist())
			for _, by := range managers() {
				if by.suite == suite.Name && by.profile == lab.RPM {
					t.Run(by.name, func(t *testing.T) { refusesAndTakes(t, h.For(t), by, m) })
				}
			}
			rpmRefuses(t, h, m)
		})
	}
}

func refusesAndTakes(t *testing.T, h *lab.Host, by manager, m mallory) {
	by.add(t, h)
	h.Run(verifyAll) // zypper goes by the index, and leaves packages to rpm
	for _, f := range rpmFaults {
		t.Run(f.name, func(t *testing.T) {
			dist := copyOfDist(t)
			f.put(t, m, filepath.Join(dist, "yum"))
			h := h.For(t)
			web.publish(t, h, dist)
			refuses(t, h, by.fresh, map[string]string{"dnf": f.dnf, "dnf5": f.dnf5, "zypper": f.zypper}[by.name])
			if h.Status("rpm -q hapgent") == 0 {
				t.Error("hapgent was installed")
			}
		})
	}
	web.publish(t, h, who.Dist())
	by.setLevel(h)
	h.Run(by.fresh)
	if got := h.Run("rpm -qi hapgent"); !strings.Contains(got, "RSA/SHA512") {
		t.Errorf("the package is not signed:\n%s", got)
	}
	h.Run(by.remove)
}

// rpmRefuses lets rpm itself install mallory's package, and then ours.
func rpmRefuses(t *testing.T, h *lab.Host, m mallory) {
	t.Helper()
	name := filepath.Base(built.RPM("", "hapgent", version))
	changed := t.TempDir()
	ours := filepath.Join(who.Dist(), "yum/packages")
	do(t, releaser.Run("/", "cp", filepath.Join(ours, name), changed))
	change(t, changed, name)
	install := verifyAll + "; rpm --install /root/" + name
	for folder, says := range map[string]string{m.unsigned: "does not verify: no signature", m.signed: ": NOKEY", changed: "BAD"} {
		do(t, releaser.Run("/", "cp", filepath.Join(folder, name), h.Path("/root")))
		refuses(t, h, install, says)
	}
	do(t, releaser.Run("/", "cp", filepath.Join(ours, name), h.Path("/root")))
	h.Run(install)
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	do(t, err)
	return b
}
