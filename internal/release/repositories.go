package release

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	rpmutils "github.com/sassoftware/go-rpmutils"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
)

// Folders of the repositories.
const (
	aptFolder = "apt"
	yumFolder = "yum"
)

// signPackages signs the rpms, since rpm knows no signature beside a package.
// Packages that were published before stay as they are.
func (p *plan) signPackages(ctx context.Context, directory string) error {
	names, err := tree(directory)
	if err != nil {
		return err
	}
	total := int64(0)
	for _, name := range names {
		path := filepath.Join(directory, name)
		if older, ok := p.pool.packages[name]; ok {
			delete(p.pool.packages, name)
			err = adopt(older, path)
		} else if strings.HasSuffix(name, ".rpm") {
			err = p.signRPM(ctx, path)
		}
		if err != nil {
			return err
		}
		if info, err := os.Stat(path); err == nil && isPackage(name) {
			total += info.Size()
		}
	}
	return p.pool.trim(total)
}

// copyPackages copies the packages of a format, of the release and of the pool, to
// where the repository has one.
func (p *plan) copyPackages(directory, suffix string, to func(version string) string) error {
	paths, err := filepath.Glob(filepath.Join(directory, "*"+suffix))
	if err != nil {
		return err
	}
	for _, path := range slices.AppendSeq(paths, maps.Values(p.pool.packages)) {
		name := filepath.Base(path)
		if !strings.HasSuffix(name, suffix) {
			continue
		}
		if err := copyFile(path, filepath.Join(directory, to(versionOf(name)), name)); err != nil {
			return err
		}
	}
	return nil
}

// writeApt makes the repository for apt, which verifies the signature of the index,
// and the packages by the sums in the index.
func (p *plan) writeApt(_ context.Context, directory string) error {
	if !p.apt {
		return nil
	}
	if err := p.copyPackages(directory, ".deb", func(string) string { return filepath.Join(aptFolder, "pool") }); err != nil {
		return err
	}
	r := repository.Apt{Label: p.label(), Time: p.Time}
	for _, a := range build.Architectures {
		r.Architectures = append(r.Architectures, a.Debian)
	}
	return r.Write(filepath.Join(directory, aptFolder))
}

// yumFolders are the repositories for dnf: of releases, and of pre-releases.
var yumFolders = []string{yumFolder, filepath.Join(yumFolder, repository.Testing)}

// writeYum makes the repositories for dnf, which verifies the signatures of the
// index and of packages; zypper looks for the keys beside the index.
func (p *plan) writeYum(_ context.Context, directory string) error {
	if !p.yum {
		return nil
	}
	err := p.copyPackages(directory, ".rpm", func(version string) string {
		if build.IsPrerelease(version) {
			return filepath.Join(yumFolders[1], "packages")
		}
		return filepath.Join(yumFolders[0], "packages")
	})
	if err != nil {
		return err
	}
	changelog, err := p.Changelog()
	if err != nil {
		return err
	}
	for _, folder := range yumFolders {
		folder = filepath.Join(directory, folder)
		if err := (repository.Yum{Time: p.Time, Changelog: changelog}).Write(folder); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, repository.Repomd+".key"), p.keyring, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// signedIndex is an index that has OpenPGP signatures of the form, in the file to. Both
// are paths in the release.
type signedIndex struct {
	index, to string
	form      gnupg.Form
}

// signedIndices are the signed indices of all repositories.
func (p *plan) signedIndices() (all []signedIndex) {
	if p.apt {
		for _, suite := range []string{repository.Stable, repository.Testing} {
			index := filepath.Join(aptFolder, repository.Release(suite))
			all = append(all, signedIndex{index, filepath.Join(filepath.Dir(index), "InRelease"), gnupg.Clear}, signedIndex{index, index + ".gpg", gnupg.Detached})
		}
	}
	if p.yum {
		for _, folder := range yumFolders {
			index := filepath.Join(folder, repository.Repomd)
			all = append(all, signedIndex{index, index + ".asc", gnupg.One})
		}
	}
	return all
}

func (p *plan) signIndices(ctx context.Context, directory string) error {
	for _, s := range p.signedIndices() {
		text, err := os.ReadFile(filepath.Join(directory, s.index))
		if err != nil {
			return err
		}
		signed, err := p.pgp(ctx, text, s)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(directory, s.to), signed, 0o644); err != nil {
			return err
		}
	}
	return nil
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
