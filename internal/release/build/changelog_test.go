package build

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const changelogText = `# Changelog

Words before.

## [0.4.0] - unreleased

### Added

- One thing
  in two lines.
- Another.

Not an item,
  nor this.

## [0.3.2] - 2026-01-31

- The first.
`

func changelogOf(t *testing.T, text string) ([]Entry, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "CHANGELOG.md"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Source{Root: dir}.Changelog()
}

func TestChangelog(t *testing.T) {
	entries, err := changelogOf(t, changelogText)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	first, second := entries[0], entries[1]
	if first.Version != "0.4.0" || !first.Date.IsZero() || !slices.Equal(first.Changes, []string{"One thing in two lines.", "Another."}) {
		t.Errorf("the first: %+v", first)
	}
	if !strings.HasPrefix(first.Text, "### Added\n") || !strings.HasSuffix(first.Text, "nor this.") {
		t.Errorf("the text of the first: %q", first.Text)
	}
	if second.Version != "0.3.2" || !second.Date.Equal(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)) || !slices.Equal(second.Changes, []string{"The first."}) {
		t.Errorf("the second: %+v", second)
	}
}

func TestChangelogThatIsNone(t *testing.T) {
	for text, want := range map[string]string{
		"# Changelog\n":             "must have a version's heading",
		"## [1.0.0] - yesterday\n-": `must be YYYY-MM-DD or unreleased, found "yesterday"`,
	} {
		if _, err := changelogOf(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
