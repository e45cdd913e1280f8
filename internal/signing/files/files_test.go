package files

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/artifact/sigstore"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/signing/keys"
)

// newFile makes a file and a key to sign it with.
func newFile(t *testing.T, contents string) (path string, key *keys.Key) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte(contents), 0o644); err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key"), pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err = keys.Open(filepath.Join(dir, "key"), nil); err != nil {
		t.Fatal(err)
	}
	return path, key
}

// The order of the renames shows whether a kill came between them.
func TestTheSignatureIsPutIntoPlaceLast(t *testing.T) {
	path, key := newFile(t, "contents")
	signed, err := Sign(key, path, Options{Namespace: "file", Bundle: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{path + ".sigstore.json", path + ".sha256", path + ".sig"}
	if !slices.Equal(signed.Written, want) {
		t.Errorf("wrote %q, want %q", signed.Written, want)
	}
}

// A file that is replaced while it is read is signed as it was read: signature,
// sum and bundle are of the same bytes, whichever these are.
func TestAFileThatChangesWhileItIsReadIsSignedAsItWasRead(t *testing.T) {
	versions := [][]byte{bytes.Repeat([]byte("old "), 1<<18), bytes.Repeat([]byte("new "), 1<<18)}
	path, key := newFile(t, string(versions[0]))
	stop, stopped := make(chan bool), make(chan bool)
	go replaceUntil(stop, stopped, path, versions)
	for range 10 {
		if _, err := Sign(key, path, Options{Namespace: "file", Bundle: true, Force: true}); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(versions, func(version []byte) bool { return allAreOf(t, path, key, version) }) {
			t.Error("what was written is not of one and the same version")
		}
	}
	close(stop)
	<-stopped
}

func replaceUntil(stop, stopped chan bool, path string, versions [][]byte) {
	defer close(stopped)
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
			_ = os.WriteFile(path+".new", versions[i%2], 0o644)
			_ = os.Rename(path+".new", path)
		}
	}
}

// allAreOf says whether the three files that Sign wrote are of these contents.
func allAreOf(t *testing.T, path string, key *keys.Key, contents []byte) bool {
	t.Helper()
	signature, err := sshsig.Parse(contentsOf(t, path+".sig"))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := sshsig.SHA512.Digest(bytes.NewReader(contents))
	if err != nil {
		t.Fatal(err)
	}
	made, err := sigstore.Read(bytes.NewReader(contentsOf(t, path+".sigstore.json")))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := keys.PlainKey(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	sums, err := checksum.Parse(contentsOf(t, path+".sha256"))
	if err != nil {
		t.Fatal(err)
	}
	sha256 := crypto.SHA256.New()
	sha256.Write(contents)
	return signature.Verify("file", digest) == nil &&
		made.Verify(plain, bytes.NewReader(contents)) == nil &&
		bytes.Equal(sums[0].Digest[:], sha256.Sum(nil))
}

func contentsOf(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAFileOverTheLimitOfTheKeyMakesNoBundle(t *testing.T) {
	b := &bundler{key: new(keys.Key), message: new(bytes.Buffer)} // whose limit is 0
	if _, err := b.Write([]byte("x")); err == nil || !strings.Contains(err.Error(), "at most 0 bytes") {
		t.Errorf("error %v", err)
	}
}

func TestAnErrorBeforeTheSigningIsNotOneOfIt(t *testing.T) {
	path, key := newFile(t, "contents")
	if _, err := Sign(key, path+".missing", Options{Namespace: "file"}); err == nil || errors.Is(err, ErrSigning) {
		t.Errorf("a file that is missing: %v", err)
	}
	if _, err := Sign(key, path, Options{}); !errors.Is(err, ErrSigning) {
		t.Errorf("an empty namespace: %v", err)
	}
}

// wire is a string as SSH has it.
func wire(text string) string { return string(ssh.Marshal(struct{ S string }{text})) }

// An attacker chooses the file of a bundle so that its signature is one of something
// else, too.
func TestAttackBundleOfAMessageOfSSH(t *testing.T) {
	session := strings.Repeat("\xff", 32)
	for name, contents := range map[string]string{
		"a signature of another file":   "SSHSIG" + wire("git") + wire("") + wire("sha512") + wire(strings.Repeat("x", 64)),
		"a login":                       wire(session) + "2" + wire("root") + wire("ssh-connection") + wire("publickey"),
		"a login, by SHA-1":             wire(session[:20]) + "2" + wire("root"),
		"a login, by SHA-512":           wire(session+session) + "2" + wire("root"),
		"a certificate":                 wire("ssh-ed25519-cert-v01@openssh.com") + wire("nonce"),
		"a certificate, of a later day": wire("ssh-mldsa44-ed25519-cert-v01") + wire("nonce"),
		"a host's key":                  wire("hostkeys-prove-00@openssh.com") + wire(session),
		"a list of revoked keys":        "SSHKRL\n\x00\x00\x00\x00\x01",
	} {
		path, key := newFile(t, contents)
		_, err := Sign(key, path, Options{Namespace: "file", Bundle: true})
		if err == nil || errors.Is(err, ErrSigning) || !strings.Contains(err.Error(), "no bundle: the file begins like ") {
			t.Errorf("%s: error %v", name, err)
		}
		if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
			t.Errorf("%s: wrote %q", name, left)
		}
		if _, err := Sign(key, path, Options{Namespace: "file"}); err != nil {
			t.Errorf("%s, without a bundle: %v", name, err)
		}
	}
	for _, contents := range []string{"", "SSH", "\x00\x00", wire(""), wire("") + "2", wire(session) + "3", wire(strings.Repeat("x", 65)) + "2", "\xff\xff\xff\xff2", strings.Repeat("2", 300)} {
		path, key := newFile(t, contents)
		if _, err := Sign(key, path, Options{Namespace: "file", Bundle: true}); err != nil {
			t.Errorf("%q, which is no message: %v", contents, err)
		}
	}
}

// Another program writes FILE.sig while the file is being signed.
func TestAttackSignatureThatAppearsMeanwhile(t *testing.T) {
	path, _ := newFile(t, "contents")
	if err := os.WriteFile(path+".sig", []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	made := []file{{path + ".sha256", []byte("sum")}, {path + ".sig", []byte("signature")}}
	if err := write(made, false); err == nil || !strings.Contains(err.Error(), "file.sig") || !strings.Contains(err.Error(), "appeared while the file was being signed (--force replaces it)") {
		t.Errorf("error %v", err)
	}
	if left, _ := filepath.Glob(path + "*"); !slices.Equal(left, []string{path, path + ".sig"}) {
		t.Errorf("left %q", left)
	}
	if got := contentsOf(t, path+".sig"); string(got) != "precious" {
		t.Errorf("FILE.sig has %q", got)
	}
	if err := write(made, true); err != nil {
		t.Error(err)
	}
	if got := contentsOf(t, path+".sig"); string(got) != "signature" {
		t.Errorf("with --force FILE.sig has %q", got)
	}
}
