package repository

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/lab"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// rpmHost is a host with rpm and dnf, whose packages it thinks it has.
func rpmHost(t *testing.T) *lab.Host {
	need.Superuser(t)
	h := hosts.Host(t, "bookworm", lab.RPM)
	web.connect(t, h)
	prepareRPM(t, h)
	return h
}

// prepareRPM brings what the host has already to rpm's knowledge, and lets rpm want
// a signature as it does elsewhere.
func prepareRPM(t *testing.T, h *lab.Host) {
	t.Helper()
	shim, err := built.Shim(h.Path("/root"))
	do(t, err)
	force := map[bool]string{true: "--force-debian"}[h.Suite == "bookworm"]
	h.Run("mkdir -p /etc/rpm /etc/yum.repos.d && rpm --install " + force + " /root/" + shim)
	h.Write("/etc/rpm/macros.verify", "%_pkgverify_level all\n")
}

func TestDnfInstalls(t *testing.T) {
	h := rpmHost(t)
	web.publish(t, h, who.Dist())
	install(t, h, "With dnf")
	if got := h.Run("hapgent --version"); got != "hapgent "+version+"\n" {
		t.Errorf("installed is %q", got)
	}
	h.UntilAnswers("FAIL", "9777")
	repo := h.Run("cat /etc/yum.repos.d/hapgent.repo")
	for _, want := range []string{"\ngpgcheck=1\n", "\nrepo_gpgcheck=1\n"} {
		if !strings.Contains(repo, want) {
			t.Errorf("hapgent.repo does not say %q:\n%s", want, repo)
		}
	}
	if got := h.Run("rpm -qi hapgent"); !strings.Contains(got, "RSA/SHA512") {
		t.Errorf("the package is not signed:\n%s", got)
	}
}

func TestTamperedYumRepository(t *testing.T) {
	const installing = "dnf clean all && dnf install -y hapgent"
	h := rpmHost(t)
	h.Write("/etc/yum.repos.d/hapgent.repo", string(read(t, who.Dist(), "hapgent.repo")))
	h.Write("/etc/pki/rpm-gpg/RPM-GPG-KEY-hapgent", string(read(t, who.Dist(), "hapgent-archive-keyring.asc")))
	rpm := filepath.Base(built.RPM("", "hapgent", version))
	when, err := need.Source(t).Time(t.Context())
	do(t, err)
	mallory, err := releaser.New()
	do(t, err)
	defer mallory.Remove()

	t.Run("repomd changed", func(t *testing.T) {
		dist := copyOfDist(t)
		index := filepath.Join(dist, "yum/repodata/repomd.xml")
		do(t, os.WriteFile(index, append(read(t, index), '\n'), 0o644))
		web.publish(t, h, dist)
		refuses(t, h, installing, "repomd.xml GPG signature verification error: Bad GPG signature")
	})
	t.Run("key swapped", func(t *testing.T) {
		dist := copyOfDist(t)
		signRepomd(t, filepath.Join(dist, "yum"), mallory)
		web.publish(t, h, dist)
		refuses(t, h, installing, "repomd.xml GPG signature verification error: ")
	})
	t.Run("rpm changed", func(t *testing.T) {
		dist := copyOfDist(t)
		change(t, dist, "yum/packages", rpm)
		web.publish(t, h, dist)
		refuses(t, h, installing, "Downloading successful, but checksum doesn't match")
	})
	t.Run("rpm unsigned", func(t *testing.T) {
		// it got in before the index was made and signed
		dist := copyOfDist(t)
		unsigned := t.TempDir()
		do(t, built.Packages(unsigned, version, built.Here()))
		do(t, releaser.Run(unsigned, "cp", rpm, filepath.Join(dist, "yum/packages", rpm)))
		do(t, os.RemoveAll(filepath.Join(dist, "yum/repodata")))
		do(t, repository.Yum{Time: when}.Write(filepath.Join(dist, "yum")))
		signRepomd(t, filepath.Join(dist, "yum"), who)
		web.publish(t, h, dist)
		refuses(t, h, installing, "Package "+rpm+" is not signed", "GPG check FAILED")
	})
	if h.Status("rpm -q hapgent") == 0 {
		t.Error("hapgent was installed")
	}
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	do(t, err)
	return b
}
