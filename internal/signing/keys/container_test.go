package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/composite"
)

// This package opens a key that x/crypto/ssh has locked.
func TestPassphrasesAreThoseOfOpenSSH(t *testing.T) {
	block, err := ssh.MarshalPrivateKeyWithPassphrase(ed25519.NewKeyFromSeed(make([]byte, 32)), "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := readContainer(pem.EncodeToMemory(block))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := c.decrypt([]byte("secret"))
	if err != nil || !bytes.Equal(plain[:4], plain[4:8]) || !bytes.HasPrefix(plain[8:], []byte("\x00\x00\x00\x0bssh-ed25519")) {
		t.Errorf("decrypted to %q, %v", plain, err)
	}
	if _, err := c.composite([]byte("another")); !errors.Is(err, x509.IncorrectPasswordError) {
		t.Errorf("another passphrase: %v", err)
	}
}

// compositeFile is the key file of a key whose seeds are all the same byte; its
// contents can be changed.
func compositeFile(t testing.TB, seed byte, change func(c *container, seeds []byte) []byte) []byte {
	t.Helper()
	seeds := bytes.Repeat([]byte{seed}, 64)
	private, err := composite.NewPrivateKey(composite.Name, seeds)
	if err != nil {
		t.Fatal(err)
	}
	public := private.PublicKey().Marshal()
	c := container{Cipher: "none", KDF: "none", Keys: 1, Public: public}
	c.Private = ssh.Marshal(struct {
		Check1, Check2 uint32
		Public         []byte `ssh:"rest"`
	}{7, 7, append(bytes.Clone(public), ssh.Marshal(struct {
		Seeds   []byte
		Comment string
	}{change(&c, seeds), ""})...)})
	return pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY",
		Bytes: append([]byte("openssh-key-v1\x00"), ssh.Marshal(c)...)})
}

func openComposite(t *testing.T, data []byte, ask Passphrases) (*Key, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(path, ask)
}

func TestCompositeKeyFile(t *testing.T) {
	key, err := openComposite(t, compositeFile(t, 1, func(_ *container, seeds []byte) []byte { return seeds }), nil)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := key.Sign(nil, []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	if err := key.PublicKey().Verify([]byte("message"), signature); err != nil || key.SignsDigests() {
		t.Errorf("Verify returned %v; it signs digests: %v", err, key.SignsDigests())
	}
}

func TestCompositeKeyFilesThatAreRefused(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	for want, change := range map[string]func(c *container, seeds []byte) []byte{
		"its halves do not fit":                 func(_ *container, seeds []byte) []byte { seeds[0]++; return seeds },
		"seeds of 63 bytes":                     func(_ *container, seeds []byte) []byte { return seeds[1:] },
		`unknown cipher "rot13" (ssh-keygen -p`: func(c *container, seeds []byte) []byte { c.Cipher = "rot13"; return seeds },
		`unknown KDF "none" (ssh-keygen -p`:     func(c *container, seeds []byte) []byte { c.Cipher = "aes256-ctr"; return seeds },
		"a salt or a number of rounds is missing": func(c *container, seeds []byte) []byte {
			c.Cipher, c.KDF, c.KDFOptions = "aes256-ctr", "bcrypt", make([]byte, 8)
			return seeds
		},
		"ssh: parse error": func(c *container, seeds []byte) []byte { c.Cipher, c.KDF = "aes256-ctr", "bcrypt"; return seeds },
	} {
		asked := func(string) ([]byte, error) { return []byte("secret"), nil }
		if _, err := openComposite(t, compositeFile(t, 1, change), asked); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
