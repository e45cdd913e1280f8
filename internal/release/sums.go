package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
)

// sumsFile has the sums of all files of a folder of a release, and a signature. The
// repositories are folders of their own, since they are published elsewhere.
const sumsFile = "SHA256SUMS"

// folders of a release that have sums; "" is the release's own.
var folders = []string{"", aptFolder, yumFolder}

// content are the files whose sums a folder has, by their paths in it, sorted. It is
// nil if the folder does not exist.
func content(directory, folder string) (names []string, err error) {
	all, err := tree(filepath.Join(directory, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, name := range all {
		others := folder == "" && (strings.Contains(name, "/") || isBeside(name))
		if !others && !strings.HasPrefix(name, sumsFile) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, err
}

// isBeside reports whether a file belongs to another file beside it.
func isBeside(name string) bool {
	return strings.HasSuffix(name, sshsig.Suffix) || strings.HasSuffix(name, checksum.Suffix)
}

// writeSums writes sums and signatures: of each file that is published by itself,
// and of all files in each folder.
func (p *plan) writeSums(_ context.Context, directory string) error {
	for _, folder := range folders {
		if err := p.writeFolder(directory, folder); err != nil {
			return fmt.Errorf("sums and signatures: %w", err)
		}
	}
	return nil
}

func (p *plan) writeFolder(directory, folder string) error {
	names, err := content(directory, folder)
	if err != nil || names == nil {
		return err
	}
	var lines strings.Builder
	for _, name := range names {
		path := filepath.Join(directory, folder, name)
		var sum checksum.Sum
		if folder == "" {
			sum, err = p.ssh(path, files.Options{Namespace: namespace})
		} else {
			sum, err = sumOf(path)
		}
		if err != nil {
			return err
		}
		sum.Name = name
		lines.WriteString(sum.String())
	}
	list := filepath.Join(directory, folder, sumsFile)
	if err := os.WriteFile(list, []byte(lines.String()), 0o644); err != nil {
		return err
	}
	_, err = p.ssh(list, files.Options{Namespace: namespace, SignatureOnly: true})
	return err
}

// sumOf is the sum of a file, under its base name.
func sumOf(path string) (checksum.Sum, error) {
	f, err := os.Open(path)
	if err != nil {
		return checksum.Sum{}, err
	}
	defer f.Close()
	return checksum.Read(f, filepath.Base(path))
}

// digest is the SHA-256 sum of a file, in hexadecimal.
func digest(path string) (string, error) {
	sum, err := sumOf(path)
	return fmt.Sprintf("%x", sum.Digest), err
}
