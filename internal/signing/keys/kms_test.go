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
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// This is why kmsKey does not use the library's crypto.Signer. If the test fails, the
// library has been fixed, and kmsKey may become smaller.
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

// A service that hangs, and processes that its plugin leaves behind, end in an error.
func TestAServiceThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	defer func(old time.Duration) { patience = old }(patience)
	patience = time.Second / 4
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = Open(service(t, key)+"?hang", nil)
	if err == nil || !strings.Contains(err.Error(), "the service did not answer in 250ms") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > 45*time.Second {
		t.Errorf("it took %v, as long as the service", took)
	}
}

// If neither of the two algorithms for RSA works, the error has both reasons.
func TestAServiceThatRefusesIsQuotedForBothAlgorithms(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(service(t, key)+"?denied", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = opened.Sign(rand.Reader, []byte("message"))
	for _, want := range []string{"by rsa-sha2-512: ", "by rsa-sha2-256: ", "permission denied"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

func TestAttackShortRSAKey(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	for bits, good := range map[int]bool{1024: false, 2047: false, 2048: true} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(service(t, key), nil)
		if good != (err == nil) {
			t.Errorf("%d bits: %v", bits, err)
		}
		if !good && !strings.Contains(err.Error(), fmt.Sprintf("an RSA key of %d bits is too weak to sign with, expected at least 2048", bits)) {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}
