package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
)

// Source is the tree that a release is built from.
type Source struct {
	Root    string // its folder
	Version string // that of the file VERSION
}

// Here is the source tree that the working directory is in.
func Here() (Source, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Source{}, err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "VERSION")); err == nil {
			return At(dir)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return Source{}, errors.New("no file VERSION here or above: not in hapgent's source tree")
		}
		dir = parent
	}
}

// At is the source tree at root.
func At(root string) (Source, error) {
	b, err := os.ReadFile(filepath.Join(root, "VERSION"))
	if err != nil {
		return Source{}, err
	}
	v := strings.TrimSuffix(string(b), "\n")
	if !version.MatchString(v) {
		return Source{}, fmt.Errorf("VERSION must be a version such as 0.4.0 or 0.4.0-rc1 and a newline, found %q", b)
	}
	return Source{Root: root, Version: v}, nil
}

// version is one of semver.org, without what packages could not say.
var version = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.]+)?$`)

// IsPrerelease says whether a version comes before a release, in suites for testing.
func IsPrerelease(version string) bool { return strings.Contains(version, "-") }

// PackageVersion is a version as packages have it, in which 0.4.0~rc1 is before
// 0.4.0. In names of files it stays as it is: GitHub would put a dot in the place
// of the tilde, and no checksum would find it.
func PackageVersion(version string) string { return strings.Replace(version, "-", "~", 1) }

// Toolchain is the release of Go that go.mod pins, such as go1.27.3.
func (s Source) Toolchain() (string, error) {
	b, err := os.ReadFile(filepath.Join(s.Root, "go.mod"))
	if err != nil {
		return "", err
	}
	module, err := modfile.Parse("go.mod", b, nil)
	if err != nil {
		return "", err
	}
	if module.Toolchain == nil {
		return "", errors.New("go.mod has no toolchain line, which pins the release of Go")
	}
	return module.Toolchain.Name, nil
}

// Time is when the last commit was made, the only time that a release knows of.
// The environment variable SOURCE_DATE_EPOCH says it where nothing else does, and
// before all else: in seconds since 1970.
func (s Source) Time(ctx context.Context) (time.Time, error) {
	const variable = "SOURCE_DATE_EPOCH"
	text := os.Getenv(variable)
	if text == "" {
		record, err := s.Record(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("no time of the last commit (%w): set %s to it, in seconds since 1970", err, variable)
		}
		return record.Time, nil
	}
	return parseSeconds(variable, text)
}

func parseSeconds(what, text string) (time.Time, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}, fmt.Errorf("%s must be a number of seconds since 1970, found %q", what, text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
