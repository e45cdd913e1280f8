package release

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// rotation is a file that an old and a new key have signed, and a list with both
// keys.
type rotation struct{ dir, verify string }

func newRotation(t *testing.T) rotation {
	t.Helper()
	r := rotation{dir: t.TempDir()}
	r.verify = filepath.Join(r.dir, "hapgent-verify")
	do(t, releaser.Run(r.dir, "cp", filepath.Join(who.Dist(), "hapgent-verify"), r.verify))
	list := ""
	for _, key := range []string{"old", "new"} {
		path := filepath.Join(r.dir, key)
		do(t, releaser.Run(r.dir, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path))
		write(t, "by "+key, r.dir, "by-"+key)
		do(t, releaser.Run(r.dir, "ssh-keygen", "-q", "-Y", "sign", "-f", path, "-n", "file", "by-"+key))
		list += listed(t, path)
	}
	write(t, list, r.dir, "allowed_signers")
	return r
}

// listed is the line of a key that may sign releases.
func listed(t *testing.T, key string) string {
	return fmt.Sprintf("%s namespaces=\"file,git\" %s", releaser.Name, read(t, key+".pub"))
}

// accepts reports whether ssh-keygen and hapgent-verify accept a file; they must agree.
func (r rotation) accepts(t *testing.T, file string, options ...string) bool {
	t.Helper()
	common := append([]string{"-f", "allowed_signers", "-I", releaser.Name, "-n", "file", "-s", file + ".sig"}, options...)
	keygen := exec.Command("ssh-keygen", append([]string{"-Y", "verify"}, common...)...)
	keygen.Stdin = strings.NewReader(string(read(t, r.dir, file)))
	ours := exec.Command(r.verify, append(common, file)...)
	var accepted []bool
	said := ""
	for _, cmd := range []*exec.Cmd{keygen, ours} {
		cmd.Dir = r.dir
		out, err := cmd.CombinedOutput()
		accepted = append(accepted, err == nil)
		said += string(out)
	}
	if accepted[0] != accepted[1] {
		t.Errorf("%s %q: ssh-keygen accepts: %t, hapgent-verify: %t\n%s", file, options, accepted[0], accepted[1], said)
	}
	return accepted[0]
}

func TestTwoKeysOverlap(t *testing.T) {
	r := newRotation(t)
	for _, file := range []string{"by-old", "by-new"} {
		if !r.accepts(t, file) {
			t.Errorf("%s is not accepted while both keys are listed", file)
		}
	}
	write(t, listed(t, filepath.Join(r.dir, "new")), r.dir, "allowed_signers")
	if r.accepts(t, "by-old") || !r.accepts(t, "by-new") {
		t.Error("once the old line is gone, it is not the new key alone that is accepted")
	}
}

func TestRevokedKey(t *testing.T) {
	r := newRotation(t)
	do(t, releaser.Run(r.dir, "ssh-keygen", "-k", "-f", "revoked_keys", "old.pub"))
	for file, want := range map[string]bool{"by-old": false, "by-new": true} {
		if !r.accepts(t, file) {
			t.Errorf("%s is not accepted without the list", file)
		}
		if got := r.accepts(t, file, "-r", "revoked_keys"); got != want {
			t.Errorf("%s: accepted %t, want %t", file, got, want)
		}
	}
	// a second one is added to the list, which keeps the first
	do(t, releaser.Run(r.dir, "ssh-keygen", "-k", "-u", "-f", "revoked_keys", "new.pub"))
	for _, file := range []string{"by-old", "by-new"} {
		if r.accepts(t, file, "-r", "revoked_keys") {
			t.Errorf("%s is accepted", file)
		}
	}
}

// Both keys make releases while they overlap: the current list of each tree decides.
func TestReleasesWhileKeysOverlap(t *testing.T) {
	r := newReleaser(t)
	t.Setenv("GNUPGHOME", r.GnuPG)
	second := filepath.Join(r.Directory, "second")
	do(t, releaser.Run(r.Directory, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", second))
	list := ""
	for _, key := range []string{r.Key, second} {
		list += listed(t, key)
	}
	write(t, list, r.Tree, "packaging", "allowed_signers")
	source, err := build.At(r.Tree)
	do(t, err)
	do(t, r.WriteKeys())
	do(t, r.Commit(source.Tag()))
	for _, key := range []string{r.Key, second} {
		keys, err := release.Open(t.Context(), source, key, releaser.Name, nil)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		} else if err := keys.Close(); err != nil {
			t.Error(err)
		}
	}
	do(t, os.WriteFile(filepath.Join(r.Tree, "packaging", "revoked_keys"), read(t, r.Key+".pub"), 0o644))
	old := r.Key
	r.Key = second // signs the tag now
	do(t, r.Commit(source.Tag()))
	if _, err := release.Open(t.Context(), source, old, releaser.Name, nil); err == nil {
		t.Error("the revoked key is accepted")
	}
	if _, err := release.Open(t.Context(), source, second, releaser.Name, nil); err != nil {
		t.Error(err)
	}
}
