package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Any contents of a key file make a key or an error, and never a panic; a key whose
// halves do not match is found when its signature is verified.
func FuzzKeyFile(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	open, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		f.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("secret"))
	if err != nil {
		f.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pem.EncodeToMemory(open))
	f.Add(pem.EncodeToMemory(locked))
	f.Add(ssh.MarshalAuthorizedKey(public))
	f.Add(compositeFile(f, 1, func(_ *container, seeds []byte) []byte { return seeds }))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN DSA PRIVATE KEY-----\nMAA=\n-----END DSA PRIVATE KEY-----\n"))
	f.Setenv("SSH_AUTH_SOCK", "")
	path := filepath.Join(f.TempDir(), "key")
	nobody := errors.New("nobody to ask")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := Open(path, func(string) ([]byte, error) { return nil, nobody })
		if err != nil {
			return
		}
		signature, err := key.Sign(rand.Reader, []byte("message"))
		if err == nil {
			err = key.PublicKey().Verify([]byte("message"), signature)
		}
		if err != nil {
			t.Logf("opened, and then: %v", err)
		}
	})
}
