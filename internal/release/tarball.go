package release

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// member is a file of an archive, or a folder, whose name ends with a slash.
type member struct {
	name       string
	content    []byte
	executable bool
}

// members are files of the tree, with another prefix of their names.
func members(w *build.Workshop, files []string, prefix, instead string) (all []member, err error) {
	for _, file := range files {
		path := filepath.Join(w.Root, file)
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%q is not a regular file", file)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all = append(all, member{instead + strings.TrimPrefix(file, prefix), content, info.Mode()&0o100 != 0})
	}
	return all, nil
}

// writeTarball writes an archive that depends only on its members, with the modes of
// git: a file is executable or not.
func writeTarball(path string, members []member, at time.Time) error {
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	for _, m := range members {
		header := &tar.Header{Name: m.name, Size: int64(len(m.content)), Mode: 0o644, ModTime: at, Format: tar.FormatUSTAR}
		if m.executable || strings.HasSuffix(m.name, "/") {
			header.Mode = 0o755
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(m.content); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, build.Gzip(b.Bytes()), 0o644)
}
