package signatures

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// keygen runs ssh-keygen, which must succeed.
func keygen(t testing.TB, stdin string, args ...string) []byte {
	t.Helper()
	need.Command(t, "ssh-keygen", "openssh-client")
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh-keygen %q: %v: %s", args, err, &stderr)
	}
	return out
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// privateKeys returns the files of keys that ssh-keygen made, by type.
func privateKeys(t testing.TB) map[string]string {
	dir := t.TempDir()
	files := map[string]string{}
	for _, kind := range [][2]string{{"ed25519", "256"}, {"ecdsa", "256"}, {"ecdsa", "384"}, {"ecdsa", "521"}, {"rsa", "2048"}} {
		name := kind[0] + kind[1]
		files[name] = filepath.Join(dir, name)
		keygen(t, "", "-q", "-t", kind[0], "-b", kind[1], "-N", "", "-C", me, "-f", files[name])
	}
	return files
}

// madeBySSHKeygen are signatures that ssh-keygen made.
func madeBySSHKeygen(t *testing.T) (questions []question) {
	for kind, private := range privateKeys(t) {
		public := string(read(t, private+".pub"))
		for _, hash := range []string{"sha256", "sha512"} {
			for _, namespace := range []string{"file", "git", "ü @"} {
				armored := keygen(t, content, "-Y", "sign", "-q", "-f", private, "-n", namespace, "-O", "hashalg="+hash)
				questions = append(questions, question{name: fmt.Sprint(kind, " ", hash, " ", namespace),
					armored: armored, signers: me + " " + public, namespace: namespace})
			}
		}
	}
	return questions
}

// TestSignaturesAreThoseOfSSHKeygen holds signatures that have one form to
// those of ssh-keygen, byte for byte.
func TestSignaturesAreThoseOfSSHKeygen(t *testing.T) {
	files := privateKeys(t)
	for _, kind := range []string{"ed25519256", "rsa2048"} {
		s, err := ssh.ParsePrivateKey(read(t, files[kind]))
		if err != nil {
			t.Fatal(err)
		}
		for _, hash := range []sshsig.Hash{sshsig.SHA256, sshsig.SHA512} {
			want := keygen(t, content, "-Y", "sign", "-q", "-f", files[kind], "-n", "file", "-O", "hashalg="+string(hash))
			digest, err := hash.Digest(strings.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			sig, err := sshsig.Sign(s, "file", hash, digest)
			if err != nil {
				t.Fatal(err)
			}
			if got := sig.Armor(); !bytes.Equal(got, want) {
				t.Errorf("%s with %s:\n%swant\n%s", kind, hash, got, want)
			}
		}
	}
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
		if strings.HasSuffix(file, "/dsa.sig") {
			q.difference = "OpenSSH has no DSA since version 10"
		}
		questions = append(questions, q)
	}
	return questions
}
