package packages

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// entries are the changelog of the source. An entry that is not released yet has the
// time of the source.
func entries(w *build.Workshop) ([]build.Entry, error) {
	all, err := w.Changelog()
	for i := range all {
		if all[i].Date.IsZero() {
			all[i].Date = w.Time
		}
	}
	return all, err
}

// debianChangelog is the changelog in the form of deb-changelog(5).
func debianChangelog(entries []build.Entry, name, maintainer string) string {
	var b strings.Builder
	for _, e := range entries {
		version, suite := build.PackageVersion(e.Version), "stable"
		if build.IsPrerelease(e.Version) {
			suite = "testing"
		}
		fmt.Fprintf(&b, "%s (%s) %s; urgency=medium\n\n", name, version, suite)
		for _, text := range e.Changes {
			fmt.Fprintf(&b, "  * %s\n", strings.Join(wrap(text, 74), "\n    "))
		}
		fmt.Fprintf(&b, "\n -- %s  %s\n\n", maintainer, e.Date.Format(time.RFC1123Z))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// wrap breaks a text into lines of that many bytes, or of one longer word.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// writeRPMChangelog writes the changelog for nfpm to put into an rpm: in the form of
// github.com/goreleaser/chglog, which is YAML, and so JSON.
func writeRPMChangelog(entries []build.Entry, maintainer, to string) error {
	var all []map[string]any
	for _, e := range entries {
		var changes []map[string]string
		for _, text := range e.Changes {
			changes = append(changes, map[string]string{"note": strings.Join(wrap(text, 74), "\n  ")})
		}
		all = append(all, map[string]any{"semver": build.PackageVersion(e.Version) + "-" + rpmRelease, "date": e.Date, "packager": maintainer, "changes": changes})
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
