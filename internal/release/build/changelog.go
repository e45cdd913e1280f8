package build

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Entry is the changelog's entry for a version.
type Entry struct {
	Version  string
	Date     time.Time // zero: not released yet
	Changes  []string  // each a sentence or more
	Security []string  // those of them that fix a security fault
	Text     string    // the whole entry, in Markdown, without its heading
}

var entryHeading = regexp.MustCompile(`(?m)^## \[([^\]]+)\] - (.+)\n`)

// Changelog reads CHANGELOG.md, which has the form of keepachangelog.com, the
// newest version first.
func (s Source) Changelog() ([]Entry, error) {
	b, err := os.ReadFile(filepath.Join(s.Root, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	text := string(b)
	headings := entryHeading.FindAllStringSubmatchIndex(text, -1)
	var entries []Entry
	for i, h := range headings {
		end := len(text)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		e := Entry{Version: text[h[2]:h[3]], Text: strings.TrimSpace(text[h[1]:end])}
		if date := text[h[4]:h[5]]; date != "unreleased" {
			if e.Date, err = time.Parse(time.DateOnly, date); err != nil {
				return nil, fmt.Errorf("CHANGELOG.md: the date of %s must be YYYY-MM-DD or unreleased, found %q", e.Version, date)
			}
		}
		e.Changes = listItems(e.Text)
		if _, text, found := strings.Cut(e.Text, "### Security\n"); found {
			text, _, _ = strings.Cut(text, "\n### ")
			e.Security = listItems(text)
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("CHANGELOG.md must have a version's heading such as %q, found none", "## [1.0.0] - 2026-01-31")
	}
	return entries, nil
}

// listItems are the items of the lists of a text in Markdown, unwrapped.
func listItems(markdown string) (items []string) {
	open := false
	for line := range strings.Lines(markdown) {
		line = strings.TrimSuffix(line, "\n")
		if item, ok := strings.CutPrefix(line, "- "); ok {
			items, open = append(items, item), true
		} else if strings.HasPrefix(line, "  ") && open {
			items[len(items)-1] += " " + strings.TrimSpace(line)
		} else {
			open = false
		}
	}
	return items
}
