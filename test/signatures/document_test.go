package signatures

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// TestDocumentedVerification runs the lines of docs/verifying.md on files of a release that
// another key made, and holds what they print to what it says. The key that it
// names, and its fingerprint, stand for that other key.
func TestDocumentedVerification(t *testing.T) {
	home := t.TempDir()
	key := makeRelease(t, home)
	ours := strings.NewReplacer(
		"AAAAC3NzaC1lZDI1NTE5AAAAICEWU0xshVgOIyjzQEOKtjG8sU8sWJPh25CP/ISfJRey", strings.Fields(key.public)[1],
		"SHA256:K0hZF19Go+RKQPczS905IFVhRL8NiZTvZyi+4PkV/g8", key.fingerprint,
	)
	steps := need.Console(t, filepath.Join(need.Root(t), "docs", "verifying.md"))
	if len(steps) < 3 {
		t.Fatalf("the document has %d lines to run", len(steps))
	}
	for _, step := range steps {
		command, prints := ours.Replace(step.Text), ours.Replace(step.Prints)
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = home
		cmd.Env = append(os.Environ(), "HOME="+home, "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != prints {
			t.Errorf("%s\nprints %q and ends with %v, documented is %q", command, out, err, prints)
		}
	}
}

type releaseKey struct{ public, fingerprint string }

// makeRelease writes what the document assumes to be in the directory.
func makeRelease(t *testing.T, dir string) releaseKey {
	private := filepath.Join(dir, "key")
	machine(t).keygen(t, "", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", private)
	if err := os.Mkdir(filepath.Join(dir, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	allowed := append([]byte(`vladimir@deviant.guru namespaces="file" `), read(t, private+".pub")...)
	if err := os.WriteFile(filepath.Join(dir, ".ssh", "allowed_signers"), allowed, 0o600); err != nil {
		t.Fatal(err)
	}
	sums := ""
	for _, name := range []string{"hapgent", "hapgent-arm64"} {
		path := filepath.Join(dir, name)
		line := fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(name)), name)
		sums += line
		for suffix, text := range map[string]string{"": name, ".sha256": line} {
			if err := os.WriteFile(path+suffix, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		machine(t).keygen(t, "", "-q", "-Y", "sign", "-f", private, "-n", "file", path)
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums), 0o600); err != nil {
		t.Fatal(err)
	}
	machine(t).keygen(t, "", "-q", "-Y", "sign", "-f", private, "-n", "file", filepath.Join(dir, "SHA256SUMS"))
	return releaseKey{
		public:      strings.TrimSpace(string(read(t, private+".pub"))),
		fingerprint: strings.Fields(string(machine(t).keygen(t, "", "-l", "-f", private)))[1],
	}
}
