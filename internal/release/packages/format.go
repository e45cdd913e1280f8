package packages

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the format
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the format

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// rpmRelease is the release of an rpm, which nfpm adds to the version.
const rpmRelease = "1"

// format is a kind of package.
type format struct {
	name         string
	architecture func(build.Architecture) string // the name that it has for one
	// finish adds what else the format needs to the directory, or to the
	// definition.
	finish func(info *nfpm.Info, entries []build.Entry, directory string) error
}

var formats = []format{
	{"deb", func(a build.Architecture) string { return a.Debian }, finishDeb},
	{"rpm", func(a build.Architecture) string { return a.RPM }, finishRPM},
}

// finishDeb writes the changelog itself: nfpm's has the name that Debian uses for
// packages of releases by others.
func finishDeb(info *nfpm.Info, entries []build.Entry, directory string) error {
	text := debianChangelog(entries, info.Name, info.Maintainer)
	return os.WriteFile(filepath.Join(directory, info.Name+".changelog.gz"), build.Gzip([]byte(text)), 0o644)
}

// finishRPM marks the documentation with nfpm's type, which would drop it from a
// deb, and converts the description from Debian's form to that of an rpm.
func finishRPM(info *nfpm.Info, entries []build.Entry, directory string) error {
	for _, c := range info.Contents {
		documentation := strings.HasPrefix(c.Destination, "/usr/share/doc/") || strings.HasPrefix(c.Destination, "/usr/share/man/")
		if c.Type == "" && documentation {
			c.Type = files.TypeRPMDoc
		}
	}
	summary, description, _ := strings.Cut(info.Description, "\n")
	info.RPM.Summary = strings.ToUpper(summary[:1]) + summary[1:]
	info.Description = strings.TrimSpace(strings.ReplaceAll(description, "\n.\n", "\n\n"))
	info.Changelog = filepath.Join(directory, info.Name+".changelog")
	return writeRPMChangelog(entries, info.Maintainer, info.Changelog)
}
