// Package cosign checks that sigstore's cosign accepts the bundles of hapgent-sign,
// and hapgent-verify those of cosign. Version 2 is built once by the tests, in some
// five minutes, and kept in the user's cache folder, since it would fill go.mod;
// version 3 is Debian's.
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
	"github.com/epicfilemcnulty/hapgent/test/internal/debian"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// second is the version 2 that is built.
const second = "v2.6.5"

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
}{
	"P-256": {"sha256", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }},
	"P-384": {"sha384", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }},
	"P-521": {"sha512", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) }},
	"RSA":   {"sha256", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }},
	"Ed25519": {"sha256", func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}},
}

// way is a way of a version of cosign to make a bundle, and the reason why it makes
// none with an Ed25519 key.
type way struct {
	name      string
	arguments []string
	noEd25519 string
}

// cosign is a version of cosign.
type cosign struct {
	name    string
	command func(arguments ...string) *exec.Cmd
	ways    []way
}

// bin is the folder of the commands under test.
var bin string

var cosigns []cosign

func TestMain(m *testing.M) {
	path, err := buildCosign()
	if err != nil {
		panic(err)
	}
	tree, err := debian.Unpack("forky", "cosign")
	if err != nil {
		panic(err)
	}
	config := []string{"--signing-config", "config.json", "--trusted-root", "root.json"}
	cosigns = []cosign{
		{"2", func(arguments ...string) *exec.Cmd { return exec.Command(path, arguments...) },
			[]way{{"with a configuration", config, "failed to verify signature"}}}, // it signs by Ed25519ph and verifies by Ed25519
		{"3", func(arguments ...string) *exec.Cmd { return tree.Command("cosign", arguments...) },
			[]way{{"with a configuration", config, "message is missing artifact digest"}, // it does not write the digest that it verifies
				{"without", []string{"--use-signing-config=false", "--tlog-upload=false"}, ""}}},
	}
	os.Exit(need.Programs(m, &bin, "hapgent-sign", "hapgent-verify", "./internal/testing/testkms/sigstore-kms-hapgenttest"))
}

// buildCosign builds cosign 2, unless an earlier test has.
func buildCosign() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "hapgent-test", "cosign-"+second)
	path := filepath.Join(dir, "cosign")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	install := exec.Command("go", "install", "-trimpath", "github.com/sigstore/cosign/v2/cmd/cosign@"+second)
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
		"HOME=" + dir, "PATH=" + bin, "COSIGN_PASSWORD=",
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
	b.write("key.pem", []byte(b.run(ours("hapgent-sign", "-f", "key", "--public-key", "--pem"))))
	return b
}

func (b *bench) write(name string, data []byte) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) try(cmd *exec.Cmd) (string, error) {
	cmd.Dir, cmd.Env = b.dir, b.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b *bench) run(cmd *exec.Cmd) string {
	b.Helper()
	out, err := b.try(cmd)
	if err != nil {
		b.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return out
}

// ours is a command under test.
func ours(name string, arguments ...string) *exec.Cmd {
	return exec.Command(filepath.Join(bin, name), arguments...)
}

func (b *bench) sign(key string) {
	b.Helper()
	b.run(ours("hapgent-sign", "-f", key, "--bundle", "--force", "file"))
}

const bundleFile = "file" + sigstore.Suffix

// judge asks a cosign to verify the bundle.
func (b *bench) judge(c cosign) (string, error) {
	return b.try(c.command("verify-blob", "--key", "key.pem", "--bundle", bundleFile, "--insecure-ignore-tlog",
		"--trusted-root", "root.json", "--signature-digest-algorithm", kinds[b.name].hash, "file"))
}

func (b *bench) accepted(how string) {
	b.Helper()
	for _, c := range cosigns {
		if out, err := b.judge(c); err != nil || !strings.Contains(out, "Verified OK") {
			b.Errorf("%s: cosign %s: %v\n%s", how, c.name, err, out)
		}
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
			for _, c := range cosigns {
				if out, err := b.judge(c); err == nil {
					t.Errorf("cosign %s takes another file: %s", c.name, out)
				}
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

// eachWay is a test of each way to make a bundle with a key.
func eachWay(t *testing.T, name string, test func(b *bench, c cosign, w way)) {
	for _, c := range cosigns {
		for _, w := range c.ways {
			t.Run(name+" by cosign "+c.name+" "+w.name, func(t *testing.T) {
				b := newBench(t, name)
				b.run(c.command("import-key-pair", "--key", "key", "--output-key-prefix", "theirs"))
				test(b, c, w)
			})
		}
	}
}

// signBlob has cosign make the bundle.
func (b *bench) signBlob(c cosign, w way) (string, error) {
	return b.try(c.command(append([]string{"sign-blob", "--key", "theirs.key", "--bundle", bundleFile, "--yes", "file"}, w.arguments...)...))
}

func TestWeVerifyTheBundlesOfCosign(t *testing.T) {
	for name := range kinds {
		eachWay(t, name, func(b *bench, c cosign, w way) {
			out, err := b.signBlob(c, w)
			if name == "Ed25519" && w.noEd25519 != "" {
				if err == nil || !strings.Contains(out, w.noEd25519) {
					b.Errorf("cosign makes bundles with %s keys now, %v: ask about them here\n%s", name, err, out)
				}
				return
			}
			if err != nil {
				b.Fatalf("cosign: %v\n%s", err, out)
			}
			for _, key := range []string{"key.pem", "alone.pub", "theirs.pub"} {
				b.run(ours("hapgent-verify", "--bundle", bundleFile, "--key", key, "file"))
			}
			b.write("file", []byte("other contents\n"))
			if out, err := b.try(ours("hapgent-verify", "--bundle", bundleFile, "--key", "key.pem", "file")); err == nil {
				b.Errorf("hapgent-verify takes another file: %s", out)
			}
		})
	}
}

// An RSA signature is deterministic, so all programs make the same.
func TestRSABundlesAreThoseOfCosign(t *testing.T) {
	eachWay(t, "RSA", func(b *bench, c cosign, w way) {
		if out, err := b.signBlob(c, w); err != nil {
			b.Fatalf("cosign: %v\n%s", err, out)
		}
		theirs := b.read(bundleFile)
		b.sign("key")
		// protojson puts blanks into its output by chance, so that nobody compares it.
		if got, want := bytes.TrimSpace(b.read(bundleFile)), bytes.ReplaceAll(bytes.TrimSpace(theirs), []byte(" "), nil); !bytes.Equal(got, want) {
			b.Errorf("ours:\n%s\ncosign's:\n%s", got, want)
		}
	})
}

func (b *bench) read(name string) []byte {
	b.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	return data
}
