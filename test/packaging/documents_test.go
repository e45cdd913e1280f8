package packaging

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/epicfilemcnulty/hapgent/test/internal/built"
)

var link = regexp.MustCompile(`\]\(([^)#][^)#]*)`)

// Links of installed documents lead to installed files, or to the web and there not
// only to the front page of the project.
func TestLinksOfInstalledDocumentsLeadSomewhere(t *testing.T) {
	documents, links := 0, 0
	for _, name := range names {
		dir := t.TempDir()
		run(t, "dpkg", "dpkg-deb", "-x", built.Deb(dist, name, version), dir)
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".md" {
				return err
			}
			documents++
			text, err := os.ReadFile(path)
			for _, m := range link.FindAllStringSubmatch(string(text), -1) {
				links++
				to := filepath.Join(filepath.Dir(path), m[1])
				if strings.HasPrefix(m[1], "https://") {
					to = dir
				}
				if _, err := os.Stat(to); err != nil || m[1] == "https://github.com/epicfilemcnulty/hapgent" {
					t.Errorf("%s: %s links to %s: install that too, or link to the web (%v)", name, strings.TrimPrefix(path, dir), m[1], err)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if documents < 3 || links < 2 {
		t.Errorf("found %d documents with %d links", documents, links)
	}
}
