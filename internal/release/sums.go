package release

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

// sumsFile is what each folder of a release has, with a signature: the sums of
// all its files. The repositories are folders of their own, since they are
// published elsewhere.
const sumsFile = "SHA256SUMS"

// folders of a release that have sums; "" is the release's own.
var folders = []string{"", aptFolder, yumFolder}

// content are the files that the sums of a folder are of, by their paths in the
// release, sorted. It is nil where the folder is not there.
func content(directory, folder string) (names []string, err error) {
	root := filepath.Join(directory, folder)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && folder == "" && path != root:
			return fs.SkipDir
		case entry.IsDir() || strings.HasPrefix(entry.Name(), sumsFile) || folder == "" && isBeside(entry.Name()):
			return nil
		}
		name, err := filepath.Rel(directory, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if os.IsNotExist(err) {
		return nil, nil
	}
	slices.Sort(names)
	return names, err
}

// isBeside says whether a file is about another, beside it.
func isBeside(name string) bool {
	return strings.HasSuffix(name, sshsig.Suffix) || strings.HasSuffix(name, checksum.Suffix)
}

// writeSums writes sums and signatures: of each file that is published by itself,
// and of all in each folder.
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
		data, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil {
			return err
		}
		line := checksum.Sum{Digest: sha256.Sum256(data), Name: nameIn(folder, name)}.String()
		lines.WriteString(line)
		if folder != "" {
			continue
		}
		path := filepath.Join(directory, name)
		if err := errors.Join(os.WriteFile(path+checksum.Suffix, []byte(line), 0o644), p.writeSignature(path)); err != nil {
			return err
		}
	}
	list := filepath.Join(directory, folder, sumsFile)
	return errors.Join(os.WriteFile(list, []byte(lines.String()), 0o644), p.writeSignature(list))
}

// nameIn is the path of a file as seen from its folder.
func nameIn(folder, name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, folder), "/")
}

func (p *plan) writeSignature(path string) error {
	signature, err := p.ssh(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path+sshsig.Suffix, signature, 0o644)
}
