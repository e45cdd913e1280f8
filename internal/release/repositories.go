package release

import (
	"context"
	"errors"
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

// signPackages signs the rpms, which have no signature beside them that rpm knows
// of. What was published before stays as it is.
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

// writeApt makes the repository for apt, which trusts the index alone, and by it
// the packages.
func (p *plan) writeApt(ctx context.Context, directory string) error {
	if !p.apt {
		return nil
	}
	if err := p.copyPackages(directory, ".deb", func(string) string { return filepath.Join(aptFolder, "pool") }); err != nil {
		return err
	}
	r := repository.Apt{Origin: "hapgent", Label: p.label(), Description: p.label(), Time: p.Time}
	for _, a := range build.Architectures {
		r.Architectures = append(r.Architectures, a.Debian)
	}
	folder := filepath.Join(directory, aptFolder)
	if err := r.Write(folder); err != nil {
		return err
	}
	for _, suite := range []string{repository.Stable, repository.Testing} {
		index := filepath.Join(folder, filepath.FromSlash(repository.Release(suite)))
		err := p.signIndex(ctx, index, filepath.Join(filepath.Dir(index), "InRelease"), gnupg.Clear)
		if err := errors.Join(err, p.signIndex(ctx, index, index+".gpg", gnupg.Detached)); err != nil {
			return err
		}
	}
	return nil
}

// signIndex writes the signatures of an index, or it with them.
func (p *plan) signIndex(ctx context.Context, index, to string, form gnupg.Form) error {
	signed, err := p.pgp(ctx, index, form)
	if err != nil {
		return err
	}
	return os.WriteFile(to, signed, 0o644)
}

// yumFolders are the repositories for dnf: of releases, and of pre-releases.
var yumFolders = []string{yumFolder, filepath.Join(yumFolder, repository.Testing)}

// writeYum makes the repositories for dnf, which looks at the signatures of the
// index and of packages; zypper looks for the keys beside the index.
func (p *plan) writeYum(ctx context.Context, directory string) error {
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
	fixes, err := p.securityFixes()
	if err != nil {
		return err
	}
	for _, folder := range yumFolders {
		folder = filepath.Join(directory, folder)
		if err := (repository.Yum{Time: p.Time, Security: fixes}).Write(folder); err != nil {
			return err
		}
		index := filepath.Join(folder, filepath.FromSlash(repository.Repomd))
		if err := errors.Join(p.signIndex(ctx, index, index+".asc", gnupg.One), os.WriteFile(index+".key", p.keyring, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// securityFixes are those that the changelog tells of.
func (p *plan) securityFixes() (all []repository.Security, err error) {
	entries, err := p.Changelog()
	for _, e := range entries {
		if e.Security != nil {
			text := strings.Join(e.Security, "\n")
			all = append(all, repository.Security{Version: build.PackageVersion(e.Version), Time: e.Date, Text: text})
		}
	}
	return all, err
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
