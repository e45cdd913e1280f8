package dist

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/epicfilemcnulty/hapgent/internal/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/sshsig"
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
func (p *plan) writeSums(ctx context.Context, directory string) error {
	for _, folder := range folders {
		names, err := content(directory, folder)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			continue
		}
		var lines strings.Builder
		for _, name := range names {
			line, err := sumLine(directory, folder, name)
			if err != nil {
				return err
			}
			lines.WriteString(line)
			if folder != "" {
				continue
			}
			if err := p.writeBeside(directory, name, line); err != nil {
				return err
			}
		}
		if err := p.writeSigned(filepath.Join(directory, folder, sumsFile), lines.String()); err != nil {
			return err
		}
	}
	return nil
}

func sumLine(directory, folder, name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(directory, name))
	if err != nil {
		return "", err
	}
	inFolder := strings.TrimPrefix(strings.TrimPrefix(name, folder), "/")
	return checksum.Sum{Digest: sha256.Sum256(data), Name: inFolder}.String(), nil
}

func (p *plan) writeBeside(directory, name, line string) error {
	path := filepath.Join(directory, name)
	if err := os.WriteFile(path+checksum.Suffix, []byte(line), 0o644); err != nil {
		return err
	}
	return p.writeSignature(path)
}

func (p *plan) writeSigned(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	return p.writeSignature(path)
}

func (p *plan) writeSignature(path string) error {
	signature, err := p.ssh(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path+sshsig.Suffix, signature, 0o644)
}
