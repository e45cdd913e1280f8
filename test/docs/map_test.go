package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/need"
)

// The map of the tests in CONTRIBUTING.md has every folder of test, and no other.
func TestTheMapOfTheTests(t *testing.T) {
	_, rest, _ := strings.Cut(need.Read(t, "CONTRIBUTING.md"), "<!-- tests -->\n")
	table, _, found := strings.Cut(rest, "<!-- /tests -->")
	if !found {
		t.Fatal("CONTRIBUTING.md has no map of the tests")
	}
	var listed, folders []string
	for _, row := range regexp.MustCompile("(?m)^\\| `test/([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		listed = append(listed, row[1])
	}
	entries, err := os.ReadDir(filepath.Join(need.Root(t), "test"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, folders) {
		t.Errorf("CONTRIBUTING.md lists of test\n%q\nwant\n%q", listed, folders)
	}
}
