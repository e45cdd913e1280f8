package docs

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// Documents, manual pages, comments and messages have no word that codespell knows
// as misspelt, except those in testdata/words.
func TestSpelling(t *testing.T) {
	codespell := need.Command(t, "codespell", "codespell")
	files := slices.DeleteFunc(tracked(t), func(name string) bool {
		return strings.Contains(name, "/testdata/") || filepath.Base(name) == "go.sum"
	})
	words := filepath.Join("test", "docs", "testdata", "words")
	check := exec.Command(codespell, append([]string{"--ignore-words", words}, files...)...)
	check.Dir = need.Root(t)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("codespell: %v\n%s", err, out)
	}
}
