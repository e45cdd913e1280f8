package repository

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/blakesmith/ar"
)

// controlArchive is the member of a .deb that has its control file, in the one
// form of deb(5) in which nfpm writes it.
const controlArchive = "control.tar.gz"

// maxControl is the largest control file that is read, in bytes.
const maxControl = 1 << 20

// controlOf is the control file of a package, deb(5), without the newlines at its
// end.
func controlOf(deb []byte) (string, error) {
	for members := ar.NewReader(bytes.NewReader(deb)); ; {
		member, err := members.Next()
		if errors.Is(err, io.EOF) {
			return "", fmt.Errorf("expected a package with a %s, found none", controlArchive)
		}
		if err != nil {
			return "", fmt.Errorf("expected a package, an archive of ar: %w", err)
		}
		if strings.TrimSuffix(member.Name, "/") == controlArchive {
			return controlIn(members)
		}
	}
}

func controlIn(archive io.Reader) (string, error) {
	unzipped, err := gzip.NewReader(archive)
	if err != nil {
		return "", fmt.Errorf("%s: %w", controlArchive, err)
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("%s: looking for the control file: %w", controlArchive, err)
		}
		if path.Clean(header.Name) != "control" {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(files, maxControl))
		return strings.TrimRight(string(text), "\n"), err
	}
}

// fieldOf is the value of a field that stands in one line, deb-control(5); "" if
// there is none.
func fieldOf(control, name string) string {
	for line := range strings.Lines(control) {
		if field, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(field, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
