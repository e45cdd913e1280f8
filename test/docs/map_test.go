package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/need"
)

// The map of the tests in CONTRIBUTING.md has every suite and every helper of
// tests, and no other.
func TestTheMapOfTheTests(t *testing.T) {
	_, rest, _ := strings.Cut(need.Read(t, "CONTRIBUTING.md"), "<!-- tests -->\n")
	table, _, found := strings.Cut(rest, "<!-- /tests -->")
	if !found {
		t.Fatal("CONTRIBUTING.md has no map of the tests")
	}
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		listed = append(listed, row[1])
	}
	folders := []string{"test/bin"}
	for _, parent := range []string{"test", "test/internal", "internal/testing"} {
		entries, err := os.ReadDir(filepath.Join(need.Root(t), parent))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.IsDir() && entry.Name() != "internal" && entry.Name() != "bin" {
				folders = append(folders, parent+"/"+entry.Name())
			}
		}
	}
	slices.Sort(listed)
	slices.Sort(folders)
	if !slices.Equal(listed, folders) {
		t.Errorf("CONTRIBUTING.md lists of tests\n%q\nwant\n%q", listed, folders)
	}
}
