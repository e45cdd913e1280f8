package signatures

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// privateKeys returns the files of keys that ssh-keygen made, by type.
func privateKeys(t testing.TB, o *oracle) map[string]string {
	dir := t.TempDir()
	files := map[string]string{}
	kinds := [][2]string{{"ed25519", "256"}, {"ecdsa", "256"}, {"ecdsa", "384"}, {"ecdsa", "521"}, {"rsa", "2048"}}
	if o.version >= 1006 {
		kinds = append(kinds, [2]string{"mldsa44-ed25519", "256"})
	}
	for _, kind := range kinds {
		name := kind[0] + kind[1]
		files[name] = filepath.Join(dir, name)
		o.keygen(t, "", "-q", "-t", kind[0], "-b", kind[1], "-N", "", "-C", me, "-f", files[name])
	}
	return files
}

// hashes are what it signs by, with the options that say so.
func (o *oracle) hashes() map[string][]string {
	if o.version < 807 {
		return map[string][]string{"sha512": nil}
	}
	return map[string][]string{"sha256": {"-O", "hashalg=sha256"}, "sha512": {"-O", "hashalg=sha512"}}
}

func (o *oracle) sign(t testing.TB, private, namespace, hash string) []byte {
	t.Helper()
	return o.keygen(t, content, append([]string{"-Y", "sign", "-q", "-f", private, "-n", namespace}, o.hashes()[hash]...)...)
}

// madeBySSHKeygen are signatures that each version made.
func madeBySSHKeygen(t *testing.T) (questions []question) {
	for _, o := range oracles(t) {
		for kind, private := range privateKeys(t, o) {
			public := string(read(t, private+".pub"))
			for hash := range o.hashes() {
				for _, namespace := range []string{"file", "git", "ü @"} {
					questions = append(questions, question{name: fmt.Sprint(o.name, " ", kind, " ", hash, " ", namespace),
						armored: o.sign(t, private, namespace, hash), signers: me + " " + public, namespace: namespace})
				}
			}
		}
	}
	return questions
}

// TestSignaturesAreThoseOfSSHKeygen holds signatures that have one form to
// those of each version, byte for byte.
func TestSignaturesAreThoseOfSSHKeygen(t *testing.T) {
	files := privateKeys(t, machine(t))
	for _, o := range oracles(t) {
		for _, kind := range []string{"ed25519256", "rsa2048"} {
			for hash := range o.hashes() {
				theirs, ours := o.sign(t, files[kind], "file", hash), signHere(t, files[kind], "file", sshsig.Hash(hash))
				// Since 10.0 RSA keys sign by the hash of the file, here always by rsa-sha2-512.
				weaker := kind == "rsa2048" && hash == "sha256" && o.version >= 1000
				if bytes.Equal(theirs, ours) == weaker {
					t.Errorf("%s with %s, %s:\n%sours:\n%s", kind, hash, o.name, theirs, ours)
				}
			}
		}
	}
}

// signHere signs content by internal/openssh/sshsig.
func signHere(t testing.TB, private, namespace string, hash sshsig.Hash) []byte {
	t.Helper()
	s, err := ssh.ParsePrivateKey(read(t, private))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := hash.Digest(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := sshsig.Sign(s, namespace, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	return sig.Armor()
}

// vectorQuestions are the signatures that OpenSSH tests itself with, some of
// them made by real tokens and a browser.
func vectorQuestions(t *testing.T) (questions []question) {
	dir := "../../internal/openssh/sshsig/testdata/openssh"
	files, err := filepath.Glob(filepath.Join(dir, "*.sig"))
	if err != nil || len(files) < 7 {
		t.Fatalf("%d vectors in %s: %v", len(files), dir, err)
	}
	for _, file := range files {
		public := read(t, strings.TrimSuffix(file, ".sig")+".pub")
		q := question{name: filepath.Base(file), armored: read(t, file), signers: me + " " + string(public),
			file: string(read(t, filepath.Join(dir, "signed-data"))), namespace: string(read(t, filepath.Join(dir, "namespace")))}
		questions = append(questions, q)
	}
	return questions
}
