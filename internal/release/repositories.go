package release

import (
	"context"
	"os"
	"path/filepath"

	rpmutils "github.com/sassoftware/go-rpmutils"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
)

// Folders of the repositories.
const (
	aptFolder = "apt"
	yumFolder = "yum"
)

// copyPackages copies the packages of a format into a folder of its repository.
func copyPackages(directory, suffix, folder string) (copies []string, err error) {
	paths, err := filepath.Glob(filepath.Join(directory, "*"+suffix))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		to := filepath.Join(folder, filepath.Base(path))
		if err := copyFile(path, to); err != nil {
			return nil, err
		}
		copies = append(copies, to)
	}
	return copies, nil
}

// writeApt makes the repository for apt, which trusts the index alone, and by it
// the packages.
func (p *plan) writeApt(ctx context.Context, directory string) error {
	if !p.apt {
		return nil
	}
	folder := filepath.Join(directory, aptFolder)
	if _, err := copyPackages(directory, ".deb", filepath.Join(folder, "pool")); err != nil {
		return err
	}
	r := repository.Apt{Origin: "hapgent", Label: p.label(), Description: p.label(), Time: p.Time}
	for _, a := range build.Architectures {
		r.Architectures = append(r.Architectures, a.Debian)
	}
	if err := r.Write(folder); err != nil {
		return err
	}
	index := filepath.Join(folder, filepath.FromSlash(repository.Release))
	for to, sign := range map[string]func(context.Context, string) ([]byte, error){
		filepath.Join(filepath.Dir(index), "InRelease"): p.clear,
		index + ".gpg": p.detached,
	} {
		signed, err := sign(ctx, index)
		if err == nil {
			err = os.WriteFile(to, signed, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeYum makes the repository for dnf, whose packages are signed too: dnf looks
// at both, and rpm only at the package.
func (p *plan) writeYum(ctx context.Context, directory string) error {
	if !p.yum {
		return nil
	}
	folder := filepath.Join(directory, yumFolder)
	copies, err := copyPackages(directory, ".rpm", filepath.Join(folder, "packages"))
	if err != nil {
		return err
	}
	for _, path := range copies {
		if err := p.signRPM(ctx, path); err != nil {
			return err
		}
	}
	if err := (repository.Yum{Time: p.Time}).Write(folder); err != nil {
		return err
	}
	index := filepath.Join(folder, filepath.FromSlash(repository.Repomd))
	signature, err := p.detached(ctx, index)
	if err != nil {
		return err
	}
	return os.WriteFile(index+".asc", signature, 0o644)
}

// signRPM puts signatures into an rpm: of its header, and of all that follows the
// signatures, for rpm before 4.14.
func (p *plan) signRPM(ctx context.Context, path string) error {
	header, whole, err := p.rpm(ctx, path)
	if err != nil {
		return err
	}
	plain, err := os.Open(path)
	if err != nil {
		return err
	}
	defer plain.Close()
	if err := os.Remove(path); err != nil { // else it may be changed while it is read
		return err
	}
	_, err = rpmutils.RewriteWithSignatures(plain, path, whole, header)
	return err
}
