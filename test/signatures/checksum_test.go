package signatures

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// TestChecksumLinesAreThoseOfSha256sum asks sha256sum for the line of each
// name, and whether it takes ours.
func TestChecksumLinesAreThoseOfSha256sum(t *testing.T) {
	need.Command(t, "sha256sum", "coreutils")
	dir := t.TempDir()
	for _, name := range []string{"one", "a b", " a", `a\b`, "a\nb", "*a", "ü"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		line := checksum.Sum{Digest: sha256.Sum256([]byte(content)), Name: name}.String()
		if want := sha256sum(t, dir, "", "--", name); line != want {
			t.Errorf("the line of %q is %q, that of sha256sum %q", name, line, want)
		}
		sha256sum(t, dir, line, "-c")
	}
	tagged := sha256sum(t, dir, "", "--tag", "a b")
	if sums, err := checksum.Parse([]byte(tagged)); err != nil || len(sums) != 1 || sums[0].Name != "a b" {
		t.Errorf("%q reads as %v, %v", tagged, sums, err)
	}
}

func sha256sum(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("sha256sum", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sha256sum %q: %v", args, err)
	}
	return string(out)
}
