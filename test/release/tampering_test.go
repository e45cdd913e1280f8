package release

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// copyOfDist is a copy of the release that may be changed.
func copyOfDist(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "published")
	do(t, releaser.Run("/", "cp", "-r", who.Dist(), dir))
	return dir
}

// change changes a byte of a file.
func change(t *testing.T, at int, path ...string) {
	t.Helper()
	content := read(t, path...)
	content[at] ^= 1
	do(t, os.WriteFile(filepath.Join(path...), content, 0o644))
}

// resign renews the sums and signatures of a changed file, as an attacker with the key
// could.
func resign(t *testing.T, dist, name string) {
	t.Helper()
	path := filepath.Join(dist, name)
	old := strings.Fields(string(read(t, path+".sha256")))[0]
	sum := fmt.Sprintf("%x", sha256.Sum256(read(t, path)))
	for _, list := range []string{path + ".sha256", filepath.Join(dist, "SHA256SUMS")} {
		write(t, strings.ReplaceAll(string(read(t, list)), old, sum), list)
	}
	for _, file := range []string{path, filepath.Join(dist, "SHA256SUMS")} {
		do(t, os.Remove(file+".sig"))
		do(t, releaser.Run(dist, "ssh-keygen", "-q", "-Y", "sign", "-f", who.Key, "-n", "file", file))
	}
}

// verify-release finds exactly these faults, in one run and by name: its finding for
// one file does not depend on the others.
func TestVerifyReleaseFindsWhatWasTamperedWith(t *testing.T) {
	dist := copyOfDist(t)
	version := strings.TrimSpace(string(read(t, who.Tree, "VERSION")))
	need.Command(t, "diffoscope", "diffoscope-minimal")
	change(t, 1000, dist, "hapgent-arm64") // by one who has the key
	resign(t, dist, "hapgent-arm64")
	change(t, 2000, dist, "hapgent-s390x") // by one who has none
	deb := "hapgent_" + version + "_riscv64.deb"
	change(t, 500, dist, "apt", "pool", deb)
	rpm := "hapgent-" + version + "-1.x86_64.rpm"
	change(t, len(read(t, dist, "yum", "packages", rpm))-1, dist, "yum", "packages", rpm)
	write(t, strings.Replace(string(read(t, dist, "apt/dists/stable/InRelease")), "Origin: hapgent", "Origin: Hapgent", 1), dist, "apt/dists/stable/InRelease")
	write(t, "malware\n", dist, "hapgent-mips")
	do(t, os.Remove(filepath.Join(dist, "hapgent-i386.sig")))
	do(t, os.Remove(filepath.Join(dist, "hapgent-verify")))

	cmd := exec.Command("make", "--no-print-directory", "verify-release", "DIST="+dist)
	cmd.Dir = who.Tree
	cmd.Env = who.Make("").Env
	said := fails(t, cmd)
	for _, want := range []string{
		"\nhapgent-arm64: differs from byte 1001, of ",
		"\n--- " + dist + "/hapgent-arm64\n+++ ", // as diffoscope has it
		"hapgent-s390x: its SHA-256 sum is ",
		"/hapgent-s390x.sig\" is not a signature of ",
		"\nhapgent-s390x: differs from byte 2001, of ",
		"\napt/pool/" + deb + ": differs from byte 501, of ",
		"yum/packages/" + rpm + ": gpgv: ",
		"\nyum/packages/" + rpm + ": differs from byte ",
		"apt/dists/stable/InRelease: gpgv: ",
		"\napt/dists/stable/InRelease: differs from byte ",
		"hapgent-mips: the source does not build such a file",
		"hapgent-i386: not signed",
		"\nhapgent-verify: not published",
		"the release is not what the source builds, or not signed by the right keys",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("does not say %q", want)
		}
	}
	// what was not tampered with is not accused, but for sums that were made anew
	for line := range strings.Lines(said) {
		if name, _, isProblem := strings.Cut(line, ": "); isProblem && (strings.HasSuffix(name, "_amd64.deb") || name == "hapgent" || name == "SECURITY.md") {
			t.Errorf("says %s", line)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
}

// The tree names the signers: a release by others is not examined.
func TestVerifyReleaseOfAnotherSigner(t *testing.T) {
	dist := copyOfDist(t)
	write(t, "mallory@example.org "+string(read(t, who.Key+".pub")), dist, "allowed_signers")
	cmd := who.Make("verify-release", "DIST="+dist)
	cmd.Args = append(cmd.Args, "DIST="+dist)
	if said := fails(t, cmd); !strings.Contains(said, "is not packaging/allowed_signers of this tree: is the tree that of the release's tag?") {
		t.Error(said)
	}
	cmd = who.Make("verify-release")
	cmd.Args = append(cmd.Args, "DIST="+t.TempDir())
	if said := fails(t, cmd); !strings.Contains(said, "not a release: open ") {
		t.Error(said)
	}
}
