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

// What a kill between the renames leaves is told from the whole by this order.
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
