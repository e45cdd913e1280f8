package signing

import (
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/debian"
)

// newPostQuantumBench has an OpenSSH that makes keys of ML-DSA-44 and Ed25519,
// and such a key.
func newPostQuantumBench(t *testing.T, passphrase string) *bench {
	t.Helper()
	b := newBench(t)
	var err error
	if b.openssh, err = debian.Unpack("forky", "openssh-client"); err != nil {
		t.Fatal(err)
	}
	b.write("file", []byte("contents\n"))
	b.run("ssh-keygen", "-q", "-t", "mldsa44-ed25519", "-f", "key", "-C", "", "-N", passphrase)
	return b
}

func TestSSHKeygenVerifiesPostQuantumKeys(t *testing.T) {
	b := newPostQuantumBench(t, "")
	b.run("hapgent-sign", "-f", "key", "file")
	b.verified("file", "key.pub", "file")
	b.run("hapgent-sign", "-f", "key.pub", "-n", "git", "--force", "file")
	b.verified("file", "key.pub", "git")

	b.run("ssh-keygen", "-q", "-t", "mldsa44-ed25519", "-f", "ca", "-C", "", "-N", "")
	b.run("ssh-keygen", "-q", "-s", "ca", "-I", "id", "-n", "me@example.org", "key.pub")
	b.run("hapgent-sign", "-f", "key-cert.pub", "--force", "file")
	b.write("signers", append([]byte("*@example.org cert-authority "), b.read("ca.pub")...))
	b.verifiedBy("signers", "file", "file")

	// ssh-keygen signs, and hapgent-verify checks: by lists of revoked keys too.
	b.run("rm", "file.sig")
	b.run("ssh-keygen", "-q", "-Y", "sign", "-f", "key", "-n", "file", "file")
	b.verified("file", "key.pub", "file")
	b.run("ssh-keygen", "-q", "-k", "-f", "krl", "key.pub")
	for _, list := range []string{"key.pub", "krl"} {
		if out := b.fails(1, "hapgent-verify", "-f", "signers", "-r", list, "file"); !strings.Contains(out, "revoked") {
			t.Errorf("%s: %s", list, out)
		}
	}
}

func TestPostQuantumKeysWithAPassphrase(t *testing.T) {
	b := newPostQuantumBench(t, "a passphrase")
	b.answers("'a passphrase'")
	b.run("hapgent-sign", "-f", "key", "file")
	b.verified("file", "key.pub", "file")
	b.answers("another")
	if out := b.fails(2, "hapgent-sign", "-f", "key", "--force", "file"); !strings.Contains(out, "wrong passphrase") {
		t.Errorf("another passphrase: %s", out)
	}
	b.run("ssh-keygen", "-q", "-p", "-f", "key", "-P", "a passphrase", "-N", "a passphrase", "-Z", "aes128-cbc")
	if out := b.fails(2, "hapgent-sign", "-f", "key", "--force", "file"); !strings.Contains(out, `unknown cipher "aes128-cbc" (ssh-keygen -p`) {
		t.Errorf("another cipher: %s", out)
	}
}

func TestPostQuantumKeysInTheAgent(t *testing.T) {
	b := newPostQuantumBench(t, "")
	b.startSSHAgent()
	b.keygen("ca", "-t", "ed25519")
	b.run("ssh-keygen", "-q", "-s", "ca", "-I", "id", "-n", "me@example.org", "key.pub")
	b.run("ssh-add", "-q", "key")
	b.run("rm", "key")
	b.run("hapgent-sign", "-f", "key.pub", "file")
	b.verified("file", "key.pub", "file")
	b.run("hapgent-sign", "-f", "key-cert.pub", "--force", "file")
	b.write("signers", append([]byte("*@example.org cert-authority "), b.read("ca.pub")...))
	b.verifiedBy("signers", "file", "file")
}

// Functions for plain keys refuse this one, and say so.
func TestPostQuantumKeysHaveNoFormOutsideOfSSH(t *testing.T) {
	b := newPostQuantumBench(t, "")
	for _, arguments := range [][]string{{"--bundle", "file"}, {"--public-key", "--pem"}} {
		out := b.fails(2, "hapgent-sign", append([]string{"-f", "key"}, arguments...)...)
		if !strings.Contains(out, `a key of type "ssh-mldsa44-ed25519" has no form outside of SSH`) {
			t.Errorf("%q: %s", arguments, out)
		}
	}
	if got, want := b.run("hapgent-sign", "-f", "key", "--public-key"), string(b.read("key.pub")); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("the public key is %q, want %q", got, want)
	}
}
