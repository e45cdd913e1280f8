package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

// signedBy writes a file, its signature and the list that allows its signer,
// and returns the directory. sign makes the SSH signature of the data.
func signedBy(t *testing.T, signer ssh.Signer, sign func(data []byte) *ssh.Signature) string {
	dir := t.TempDir()
	digest, err := sshsig.SHA512.Digest(strings.NewReader("the program\n"))
	if err != nil {
		t.Fatal(err)
	}
	data := cat("SSHSIG", field("file"), field(""), field("sha512"), field(string(digest)))
	blob := cat("SSHSIG", "\x00\x00\x00\x01", field(string(signer.PublicKey().Marshal())), field("file"),
		field(""), field("sha512"), field(string(ssh.Marshal(sign([]byte(data))))))
	for name, text := range map[string]string{
		"hapgent": "the program\n",
		"hapgent.sig": "-----BEGIN SSH SIGNATURE-----\n" + base64.StdEncoding.EncodeToString([]byte(blob)) +
			"\n-----END SSH SIGNATURE-----\n",
		"allowed_signers": "release@example.com " + string(ssh.MarshalAuthorizedKey(signer.PublicKey())),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func cat(fields ...string) string { return strings.Join(fields, "") }

func field(text string) string { return string(ssh.Marshal(struct{ S string }{text})) }

// verifies runs the command in process and returns its exit status and its output.
func verifies(dir string, args ...string) (status int, said string) {
	var out bytes.Buffer
	args = append([]string{"-f", filepath.Join(dir, "allowed_signers")}, args...)
	status = run(args, strings.NewReader(""), &out, &out)
	return status, out.String()
}

func TestAttackDowngradeToSHA1(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, want := range map[string]int{
		ssh.KeyAlgoRSASHA512: console.ExitDone, ssh.KeyAlgoRSASHA256: console.ExitDone, ssh.KeyAlgoRSA: console.ExitFailed,
	} {
		dir := signedBy(t, signer, func(data []byte) *ssh.Signature {
			sig, err := signer.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, data, algorithm)
			if err != nil {
				t.Fatal(err)
			}
			return sig
		})
		status, said := verifies(dir, filepath.Join(dir, "hapgent"))
		if status != want {
			t.Errorf("%s: status %d, want %d: %s", algorithm, status, want, said)
		}
		if refused := `signature algorithm does not fit the key: "ssh-rsa", expected "rsa-sha2-512" or "rsa-sha2-256"`; status == console.ExitFailed && !strings.Contains(said, refused) {
			t.Errorf("%s: said %q, want %q in it", algorithm, said, refused)
		}
	}
}

// TestAttackFileChangedWhileRead changes the file whenever it is opened again: a
// pipe gives the right file once. Sum and signature must both be checked on one
// read.
func TestAttackFileChangedWhileRead(t *testing.T) {
	signer := testKey(t)
	sign := func(data []byte) *ssh.Signature {
		sig, err := signer.Sign(rand.Reader, data)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	for name, tt := range map[string]struct {
		contents []string
		want     int
	}{
		"the right file first": {[]string{"the program\n", "another\n"}, console.ExitDone},
		"another file first":   {[]string{"another\n", "the program\n"}, console.ExitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			dir := signedBy(t, signer, sign)
			sum := checksum.Sum{Digest: sha256.Sum256([]byte("the program\n")), Name: "hapgent"}
			file := filepath.Join(dir, "hapgent")
			if err := os.WriteFile(file+checksum.Suffix, []byte(sum.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			pipe(t, file, tt.contents)
			if status, said := verifies(dir, file); status != tt.want {
				t.Errorf("status %d, want %d: %s", status, tt.want, said)
			}
		})
	}
}

// pipe replaces a file by a named pipe, which gives each of contents to one
// reader.
func pipe(t *testing.T, path string, contents []string) {
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, content := range contents {
			// Opening waits for a reader; what the last has no reader for
			// ends with the test.
			w, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return
			}
			w.WriteString(content)
			w.Close()
			awaitNoReader(path)
		}
	}()
}

// awaitNoReader waits until nobody has the pipe open for reading.
func awaitNoReader(path string) {
	for {
		fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return
		}
		syscall.Close(fd)
		time.Sleep(time.Millisecond)
	}
}

func testKey(t *testing.T) ssh.Signer {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(seeded("release"))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}
