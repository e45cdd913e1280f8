package release

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/test/internal/debian"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
	"github.com/epicfilemcnulty/hapgent/test/internal/releaser"
)

// sqvs are this machine's sqv, which verify-release uses, and those of apt's hosts.
func sqvs(t *testing.T) map[string]func(args ...string) *exec.Cmd {
	t.Helper()
	here := need.Command(t, "sqv", "sqv")
	all := map[string]func(args ...string) *exec.Cmd{
		"here": func(args ...string) *exec.Cmd { return exec.Command(here, args...) },
	}
	for _, suite := range []string{"trixie", "forky"} {
		tree, err := debian.Unpack(suite, "sqv")
		do(t, err)
		all[suite] = func(args ...string) *exec.Cmd { return tree.Command("sqv", args...) }
	}
	return all
}

// gpgv takes a key that signs itself by SHA-1, and apt of Debian 13, which asks sqv, does
// not: hosts of one kind would be lost, and the releaser would see nothing.
func TestKeyThatSignsItselfBySHA1IsRefusedAsSqvRefusesIt(t *testing.T) {
	judges := sqvs(t)
	for name, c := range map[string]struct {
		options []string
		refused bool
	}{
		"by SHA-256": {nil, false},
		"by SHA-1":   {[]string{"--cert-digest-algo", "SHA1"}, true},
	} {
		r := &releaser.Releaser{Directory: t.TempDir(), GnuPG: t.TempDir()}
		t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", r.GnuPG, "--kill", "all").Run() })
		gpg(t, r, append(c.options, "--quick-generate-key", releaser.Name, "rsa3072", "sign", "never")...)
		write(t, "signed\n", r.Directory, "message")
		gpg(t, r, "--digest-algo", "SHA512", "--detach-sign", "message")
		gpg(t, r, "--output", "keys.asc", "--armor", "--export")
		keys, signature := read(t, r.Directory, "keys.asc"), read(t, r.Directory, "message.sig")

		ring, err := gnupg.NewRing(t.Context(), keys, r.Directory)
		do(t, err)
		keyring := filepath.Join(r.Directory, "keyring.gpg")
		output(t, r.Directory, "", "gpgv", "--keyring", keyring, "message.sig", "message")
		for suite, sqv := range judges {
			cmd := sqv("--keyring", keyring, "message.sig", "message")
			cmd.Dir = r.Directory
			if out, err := cmd.CombinedOutput(); (err != nil) != c.refused {
				t.Errorf("%s: sqv %s: %v, want refused: %t\n%s", name, suite, err, c.refused, out)
			}
		}
		_, listed := gnupg.Fingerprints(t.Context(), keys)
		verified := ring.VerifyDetached(t.Context(), signature, []byte("signed\n"))
		for want, err := range map[string]error{"has a signature by SHA-1, ": listed, "sqv: ": verified} {
			if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want refused: %t, by %q", name, err, c.refused, want)
			}
		}
	}
}
