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
	Version string // in the file VERSION
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

// version matches a version of semver.org, without what packages cannot express.
var version = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.]+)?$`)

// IsPrerelease reports whether a version is a pre-release, which suites for testing have.
func IsPrerelease(version string) bool { return strings.Contains(version, "-") }

// PackageVersion is a version in the form of packages, in which 0.4.0~rc1 is before
// 0.4.0. Names of files keep the version: GitHub would replace the tilde by a dot, and
// no checksum would find the file.
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

// Time is the time of the last commit, the only time in a release. The environment
// variable SOURCE_DATE_EPOCH overrides it, and is needed if the commit is not known:
// in seconds since 1970.
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
