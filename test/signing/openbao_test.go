package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The plugin of this repository, with the Transit engine of OpenBao and Vault
// at its other end: here one that answers as their documentation says.
func TestSSHKeygenVerifiesKeysInOpenBao(t *testing.T) {
	build := exec.Command("go", "build", "-C", "../../kms", "-o", filepath.Join(bin, "sigstore-kms-openbao"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, newKey := range map[string]func() (crypto.Signer, error){
		"ed25519":    func() (crypto.Signer, error) { _, key, err := ed25519.GenerateKey(rand.Reader); return key, err },
		"ecdsa-p256": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
		"ecdsa-p384": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
		"ecdsa-p521": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) },
		"rsa-2048":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
	} {
		t.Run(name, func(t *testing.T) {
			key, err := newKey()
			if err != nil {
				t.Fatal(err)
			}
			b := newBench(t)
			server := httptest.NewServer(transit(t, name, key))
			defer server.Close()
			b.env = append(b.env, "BAO_ADDR="+server.URL, "BAO_TOKEN=secret")
			b.write("file", []byte("contents\n"))
			b.write("key.pub", []byte(b.run("hapgent-sign", "-f", "openbao://release", "--public-key")))
			b.run("hapgent-sign", "-f", "openbao://release", "--bundle", "file")
			b.verified("file", "key.pub", "file")
			b.run("hapgent-verify", "--bundle", "file.sigstore.json", "--key", "key.pub", "file")

			if out := b.fails(2, "hapgent-sign", "-f", "openbao://other", "--force", "file"); !strings.Contains(out, "transit key path") {
				t.Error(out)
			}
		})
	}
}

// transit serves one key, release, by the two calls that signing takes.
func transit(t *testing.T, kind string, key crypto.Signer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/transit/keys/release", func(w http.ResponseWriter, r *http.Request) {
		version := map[string]any{"name": kind, "public_key": transitPublicKey(t, key)}
		reply(w, r, map[string]any{"latest_version": 1, "keys": map[string]any{"1": version}})
	})
	sign := func(w http.ResponseWriter, r *http.Request) {
		signature, err := transitSign(r, key)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply(w, r, map[string]any{"signature": "vault:v1:" + base64.StdEncoding.EncodeToString(signature)})
	}
	mux.HandleFunc("PUT /v1/transit/sign/release", sign)
	mux.HandleFunc("PUT /v1/transit/sign/release/{hash}", sign)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"errors":[]}`, http.StatusNotFound)
	})
	return mux
}

func reply(w http.ResponseWriter, r *http.Request, data map[string]any) {
	if r.Header.Get("X-Vault-Token") != "secret" {
		http.Error(w, "permission denied", http.StatusForbidden)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

// transitPublicKey is in base64 for Ed25519 and in PEM for the other types.
func transitPublicKey(t *testing.T, key crypto.Signer) string {
	if public, ok := key.Public().(ed25519.PublicKey); ok {
		return base64.StdEncoding.EncodeToString(public)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Error(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// transitSign signs the input, or the digest that the input is.
func transitSign(r *http.Request, key crypto.Signer) ([]byte, error) {
	var request struct {
		Input     []byte
		Prehashed bool
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	if _, ok := key.(ed25519.PrivateKey); ok {
		return key.Sign(rand.Reader, request.Input, crypto.Hash(0))
	}
	hash := map[string]crypto.Hash{"": crypto.SHA256, "sha2-256": crypto.SHA256, "sha2-384": crypto.SHA384, "sha2-512": crypto.SHA512}[r.PathValue("hash")]
	if !request.Prehashed {
		h := hash.New()
		h.Write(request.Input)
		request.Input = h.Sum(nil)
	}
	return key.Sign(rand.Reader, request.Input, hash)
}
