// Package cosign has sigstore's cosign judge the bundles of hapgent-sign, and
// hapgent-verify those of cosign.
//
// cosign is kept out of go.mod, which it would fill; the tests build it once,
// in some five minutes, and keep it in the user's cache folder.
package cosign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/sigstore"
	"github.com/epicfilemcnulty/hapgent/internal/testing/testagent"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// version is the one that the tests are for.
const version = "v2.6.5"

// Nothing of what cosign is asked needs the network; it wants to be told so.
const (
	trustedRoot   = `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[],"certificateAuthorities":[],"ctlogs":[],"timestampAuthorities":[]}`
	signingConfig = `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}`
)

// kinds are the types of keys, with the hash that cosign must be told to
// verify them by.
var kinds = map[string]struct {
	hash   string
	newKey func() (crypto.Signer, error)
	unmade string // why cosign makes no bundle with such a key
}{
	"P-256": {"sha256", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }, ""},
	"P-384": {"sha384", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }, ""},
	"P-521": {"sha512", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) }, ""},
	"RSA":   {"sha256", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }, ""},
	"Ed25519": {"sha256", func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}, "failed to verify signature"}, // it signs by Ed25519ph and verifies by Ed25519
}

// bin has cosign and the commands under test.
var bin struct{ cosign, dir string }

func TestMain(m *testing.M) {
	var err error
	if bin.cosign, err = buildCosign(); err != nil {
		panic(err)
	}
	os.Exit(need.Programs(m, &bin.dir, "hapgent-sign", "hapgent-verify", "./internal/testing/testkms/sigstore-kms-hapgenttest"))
}

// buildCosign builds cosign, unless an earlier test has.
func buildCosign() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "hapgent-test", "cosign-"+version)
	path := filepath.Join(dir, "cosign")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	install := exec.Command("go", "install", "-trimpath", "github.com/sigstore/cosign/v2/cmd/cosign@"+version)
	install.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir)
	install.Stdout, install.Stderr = os.Stderr, os.Stderr
	return path, install.Run()
}

// bench is a folder with a key, in the forms that each program takes.
type bench struct {
	*testing.T
	dir, name string
	private   crypto.Signer
	env       []string
}

func newBench(t *testing.T, name string) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{T: t, dir: dir, name: name, env: []string{
		"HOME=" + dir, "PATH=" + bin.dir, "COSIGN_PASSWORD=",
		"HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9", // the network is not asked
	}}
	var err error
	if b.private, err = kinds[name].newKey(); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(b.private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(b.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	b.write("key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	b.write("alone.pub", ssh.MarshalAuthorizedKey(public))
	b.write("root.json", []byte(trustedRoot))
	b.write("config.json", []byte(signingConfig))
	b.write("file", []byte("contents\n"))
	b.write("key.pem", []byte(b.run(bin.dir+"/hapgent-sign", "-f", "key", "--public-key", "--pem")))
	return b
}

func (b *bench) write(name string, data []byte) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) try(name string, arguments ...string) (string, error) {
	cmd := exec.Command(name, arguments...)
	cmd.Dir, cmd.Env = b.dir, b.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b *bench) run(name string, arguments ...string) string {
	b.Helper()
	out, err := b.try(name, arguments...)
	if err != nil {
		b.Fatalf("%s %q: %v\n%s", filepath.Base(name), arguments, err, out)
	}
	return out
}

func (b *bench) sign(key string) {
	b.Helper()
	b.run(bin.dir+"/hapgent-sign", "-f", key, "--bundle", "--force", "file")
}

const bundleFile = "file" + sigstore.Suffix

// judge asks cosign to verify the bundle.
func (b *bench) judge() (string, error) {
	return b.try(bin.cosign, "verify-blob", "--key", "key.pem", "--bundle", bundleFile, "--insecure-ignore-tlog",
		"--trusted-root", "root.json", "--signature-digest-algorithm", kinds[b.name].hash, "file")
}

func (b *bench) accepted(how string) {
	b.Helper()
	if out, err := b.judge(); err != nil || !strings.Contains(out, "Verified OK") {
		b.Errorf("%s: cosign: %v\n%s", how, err, out)
	}
}

func TestCosignVerifiesOurBundles(t *testing.T) {
	for name := range kinds {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, name)
			b.sign("key")
			b.accepted("by a key in a file")
			b.sign("hapgenttest://" + b.dir + "/key")
			b.accepted("by a key in a service")
			b.serveAgent()
			b.sign("alone.pub")
			b.accepted("by the agent")

			b.write("file", []byte("other contents\n"))
			if out, err := b.judge(); err == nil {
				t.Errorf("cosign takes another file: %s", out)
			}
		})
	}
}

func (b *bench) serveAgent() {
	b.Helper()
	a := testagent.New("")
	if err := a.AddKey(b.private, nil); err != nil {
		b.Fatal(err)
	}
	socket := filepath.Join(b.dir, "agent.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go a.Serve(l)
	b.env = append(b.env, "SSH_AUTH_SOCK="+socket)
}

func TestWeVerifyTheBundlesOfCosign(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, name)
			b.run(bin.cosign, "import-key-pair", "--key", "key", "--output-key-prefix", "theirs")
			out, err := b.try(bin.cosign, "sign-blob", "--key", "theirs.key", "--signing-config", "config.json",
				"--trusted-root", "root.json", "--bundle", bundleFile, "--yes", "file")
			if kind.unmade != "" {
				if err == nil || !strings.Contains(out, kind.unmade) {
					t.Errorf("cosign makes bundles with %s keys now, %v: ask about them here\n%s", name, err, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("cosign: %v\n%s", err, out)
			}
			for _, key := range []string{"key.pem", "alone.pub", "theirs.pub"} {
				b.run(bin.dir+"/hapgent-verify", "--bundle", bundleFile, "--key", key, "file")
			}
			b.write("file", []byte("other contents\n"))
			if out, err := b.try(bin.dir+"/hapgent-verify", "--bundle", bundleFile, "--key", "key.pem", "file"); err == nil {
				t.Errorf("hapgent-verify takes another file: %s", out)
			}
		})
	}
}

// There is no chance in an RSA signature, so both programs make the same.
func TestRSABundlesAreThoseOfCosign(t *testing.T) {
	b := newBench(t, "RSA")
	b.run(bin.cosign, "import-key-pair", "--key", "key", "--output-key-prefix", "theirs")
	b.run(bin.cosign, "sign-blob", "--key", "theirs.key", "--signing-config", "config.json",
		"--trusted-root", "root.json", "--bundle", "theirs.json", "--yes", "file")
	b.sign("key")
	theirs, err := os.ReadFile(filepath.Join(b.dir, "theirs.json"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile(filepath.Join(b.dir, bundleFile))
	if err != nil {
		t.Fatal(err)
	}
	// protojson puts blanks into its output by chance, so that nobody compares it.
	if got, want := bytes.TrimSpace(ours), bytes.ReplaceAll(bytes.TrimSpace(theirs), []byte(" "), nil); !bytes.Equal(got, want) {
		t.Errorf("ours:\n%s\ncosign's:\n%s", got, want)
	}
}
