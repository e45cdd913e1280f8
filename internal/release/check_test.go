package release

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/signing/keys"
)

// signer is a key of a release, and the list that allows it.
func signer(t *testing.T) (key *keys.Key, allowed []byte) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err = keys.Open(path, nil); err != nil {
		t.Fatal(err)
	}
	return key, append([]byte(`release@example.org namespaces="file" `), ssh.MarshalAuthorizedKey(key.PublicKey())...)
}

// The check accepts what signing writes; it finds each file that was changed since, by
// name, and no other.
func TestCheckFindsWhatWasChangedSinceItWasSigned(t *testing.T) {
	key, allowed := signer(t)
	for name, tt := range map[string]struct {
		change func(dir string)
		want   []string // the problems begin so
	}{
		"nothing":     {func(string) {}, nil},
		"a file":      {func(dir string) { writeFile(t, "malware", dir, "hapgent") }, []string{`hapgent: its SHA-256 sum is `, `hapgent: "`}},
		"a sum":       {func(dir string) { writeFile(t, "", dir, "hapgent.sha256") }, []string{`hapgent: "`}},
		"a signature": {func(dir string) { os.Remove(filepath.Join(dir, "hapgent.sig")) }, []string{`hapgent: not signed`}},
		"a list":      {func(dir string) { writeFile(t, "", dir, "SHA256SUMS") }, []string{`SHA256SUMS: "`}},
		"a name": {func(dir string) {
			for _, suffix := range []string{"", ".sig", ".sha256"} {
				data, _ := os.ReadFile(filepath.Join(dir, "hapgent-arm64"+suffix))
				writeFile(t, string(data), dir, "hapgent"+suffix)
			}
		}, []string{`hapgent: "`}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{"hapgent", "hapgent-arm64", "apt/pool/x.deb"} {
				writeFile(t, file, dir, file)
			}
			p := &plan{identity: identity{allowedSigners: allowed}, signatures: &Keys{key: key}}
			if err := p.writeSums(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
			tt.change(dir)
			var said bytes.Buffer
			c := &checker{plan: p, out: &said, directory: dir, temporary: t.TempDir()}
			var err error
			if c.signers, err = c.identity.signers(c.temporary); err != nil {
				t.Fatal(err)
			}
			if err := c.checkSSH(); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(said.String(), "\n"), "\n")
			if len(tt.want) == 0 && said.Len() > 0 || len(tt.want) > 0 && len(lines) != len(tt.want) {
				t.Fatalf("said %q, want %q", lines, tt.want)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("said %q, want %q", lines[i], want)
				}
			}
			if len(tt.want) == 0 && c.ssh != 4 {
				t.Errorf("%d signatures are good", c.ssh)
			}
		})
	}
}
