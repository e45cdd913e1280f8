package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/sigstore/sigstore/pkg/signature/kms"
	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/testing/testkms"
)

const plugin = "sigstore-kms-hapgenttest"

// TestMain is also the plugin.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == plugin {
		os.Exit(testkms.Main())
	}
	os.Exit(m.Run())
}

// service puts the key into the test's service and returns its reference.
func service(t *testing.T, key crypto.Signer) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(dir, plugin)); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return "hapgenttest://" + path
}

func serviceKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{"ed25519": ed}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		if keys[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if keys["RSA"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestAServiceSignsTheMessageItIsGiven(t *testing.T) {
	message := []byte("the message")
	for name, private := range serviceKeys(t) {
		t.Run(name, func(t *testing.T) {
			key, err := Open(service(t, private), nil)
			if err != nil {
				t.Fatal(err)
			}
			signature, err := key.Sign(rand.Reader, message)
			if err != nil {
				t.Fatal(err)
			}
			if err := key.PublicKey().Verify(message, signature); err != nil {
				t.Error(err)
			}
			if name == "RSA" && signature.Format != ssh.KeyAlgoRSASHA512 {
				t.Errorf("signed by %q", signature.Format)
			}
		})
	}
}

// The reason why kmsKey does not use the crypto.Signer that the library offers.
// If this fails the library has been mended, and kmsKey may become smaller.
func TestTheLibrarysCryptoSignerMakesEd25519SignTheEmptyMessage(t *testing.T) {
	client, err := kms.Get(t.Context(), service(t, serviceKeys(t)["ed25519"]), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	bare, _, err := client.CryptoSigner(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromSigner(bare)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("the message")
	signature, err := signer.Sign(rand.Reader, message)
	if err != nil {
		t.Fatal(err)
	}
	if signer.PublicKey().Verify(message, signature) == nil {
		t.Error("the message was signed")
	}
	if err := signer.PublicKey().Verify(nil, signature); err != nil {
		t.Errorf("not the empty message either: %v", err)
	}
}

func TestKMSReferences(t *testing.T) {
	for ref, want := range map[string]bool{
		"awskms:///alias/release": true,
		"my-hsm2://x":             true,
		"key":                     false,
		"dir/key":                 false,
		"../x://y":                false,
		"-x://y":                  false,
		"://y":                    false,
		"a b://y":                 false,
		"a\nb://y":                false,
	} {
		if got := isKMS(ref); got != want {
			t.Errorf("isKMS(%q) = %v", ref, got)
		}
	}
}
