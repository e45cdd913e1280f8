// Package repository writes what apt and dnf read to install packages: the
// indices of a repository of .deb and of one of .rpm files.
//
// It guarantees, to whoever rebuilds a release, that the bytes depend on the
// packages and the given time alone, not on the version of a tool that writes
// indices or of its compressor. It signs nothing: the caller signs Release and
// repomd.xml, from which a chain of sums leads to each package.
package repository

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// file is an index, as the index above it lists it.
type file struct {
	name   string // with slashes, from the folder of the index above
	data   []byte
	digest string // SHA-256, hexadecimal
}

func newFile(name string, data []byte) file {
	return file{name: name, data: data, digest: fmt.Sprintf("%x", sha256.Sum256(data))}
}

func (f file) write(directory string) error {
	return write(filepath.Join(directory, filepath.FromSlash(f.name)), f.data)
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
