package ansible

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/built"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// signer is the identity that signs what the tests publish.
const signer = "vladimir@deviant.guru"

// The version of the tree, and one before it.
const oldVersion = "0.3.1"

func newVersion(t *testing.T) string { return need.Source(t).Version }

// mirror is where hosts find what the tests publish: a folder for each version,
// with the files of a release, and repositories.
const mirror = "http://10.77.0.1:8000"

// published is the folder that is served there; it is made once.
func published(t *testing.T) string {
	t.Helper()
	publishing.Do(func() {
		dist := filepath.Join(work, "dist")
		for _, who := range []string{"signer", "stranger"} {
			command(t, work, need.Command(t, "ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", who)
		}
		key, _, _ := strings.Cut(read(t, work, "signer.pub"), " signer")
		write(t, filepath.Join(work, "allowed_signers"), signer+` namespaces="file" `+key+"\n")
		for _, version := range []string{oldVersion, newVersion(t)} {
			publishBinary(t, filepath.Join(dist, version), version)
			if err := built.Packages(filepath.Join(work, "packages"), version, built.Here()); err != nil {
				t.Fatal(err)
			}
		}
		makeArchives(t, filepath.Join(dist, "archives"))
		publishTampered(t, dist)
		publishApt(t, filepath.Join(dist, "apt"))
		done = true
	})
	if !done {
		t.Fatal("nothing is published: see the first test that failed")
	}
	return filepath.Join(work, "dist")
}

var (
	publishing sync.Once
	done       bool
)

func publishBinary(t *testing.T, dir, version string) {
	t.Helper()
	program, err := build.ProgramOf("hapgent")
	if err != nil {
		t.Fatal(err)
	}
	s := need.Source(t)
	s.Version = version
	if err := s.Build(t.Context(), program, built.Here(), filepath.Join(dir, asset())); err != nil {
		t.Fatal(err)
	}
	vouch(t, dir, "signer")
}

// asset is the name that the binary for this machine has in a release.
func asset() string {
	if built.Here().Debian == "amd64" {
		return "hapgent"
	}
	return "hapgent-" + built.Here().Debian
}

// vouch writes the sum and the signature of the binary in the folder.
func vouch(t *testing.T, dir, key string) {
	t.Helper()
	write(t, filepath.Join(dir, asset()+".sha256"), sum(t, filepath.Join(dir, asset()))+"  "+asset()+"\n")
	os.Remove(filepath.Join(dir, asset()+".sig"))
	command(t, dir, "ssh-keygen", "-q", "-Y", "sign", "-f", filepath.Join(work, key), "-n", "file", asset())
}

func sum(t *testing.T, path string) string {
	t.Helper()
	return fmt.Sprintf("%x", sha256.Sum256([]byte(read(t, path))))
}

// tampered are the ways in which the owner of a mirror may change a release of the
// new version, in its folder.
var tampered = map[string]func(t *testing.T, dir string){
	"binary": func(t *testing.T, dir string) { spoil(t, dir) },
	"binary-and-sum": func(t *testing.T, dir string) {
		signature := read(t, dir, asset()+".sig")
		spoil(t, dir)
		vouch(t, dir, "stranger")
		write(t, filepath.Join(dir, asset()+".sig"), signature)
	},
	"all-three": func(t *testing.T, dir string) {
		spoil(t, dir)
		vouch(t, dir, "stranger")
	},
	"sum": func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, asset()+".sha256"), strings.Repeat("0", 64)+"  "+asset()+"\n")
	},
	"signature": func(t *testing.T, dir string) { vouch(t, dir, "stranger") },
}

func spoil(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, asset())
	write(t, path, strings.Replace(read(t, path), "DRAIN", "DRAIM", 1))
}

func publishTampered(t *testing.T, dist string) {
	t.Helper()
	for _, how := range slices.Sorted(maps.Keys(tampered)) {
		dir := filepath.Join(dist, "tampered-"+how)
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(dist, newVersion(t)))); err != nil {
			t.Fatal(err)
		}
		tampered[how](t, dir)
	}
}

// publishApt makes a signed repository with both versions.
func publishApt(t *testing.T, dir string) {
	t.Helper()
	for _, version := range []string{oldVersion, newVersion(t)} {
		deb := built.Deb(filepath.Join(work, "packages"), "hapgent", version)
		write(t, filepath.Join(dir, "pool", filepath.Base(deb)), read(t, deb))
	}
	binary := "dists/stable/main/binary-" + built.Here().Debian
	need.Command(t, "apt-ftparchive", "apt-utils")
	write(t, filepath.Join(dir, binary, "Packages"), command(t, dir, "apt-ftparchive", "packages", "pool"))
	stable := filepath.Join(dir, "dists", "stable")
	write(t, filepath.Join(stable, "Release"), command(t, dir, "apt-ftparchive", "-o", "APT::FTPArchive::Release::Suite=stable",
		"-o", "APT::FTPArchive::Release::Components=main", "-o", "APT::FTPArchive::Release::Architectures="+built.Here().Debian, "release", stable))
	gpg(t, "--clearsign", "-o", filepath.Join(stable, "InRelease"), filepath.Join(stable, "Release"))
	write(t, filepath.Join(work, "archive.asc"), gpg(t, "--armor", "--export"))
}

// gpg runs GnuPG with a key of the tests' own.
func gpg(t *testing.T, args ...string) string {
	t.Helper()
	home := filepath.Join(work, "gnupg")
	base := []string{need.Command(t, "gpg", "gpg"), "--homedir", home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""}
	if _, err := os.Stat(home); err != nil {
		if err := os.Mkdir(home, 0o700); err != nil {
			t.Fatal(err)
		}
		command(t, work, append(base, "--quick-generate-key", "archive", "ed25519", "sign", "never")...)
	}
	return command(t, work, append(base, args...)...)
}
