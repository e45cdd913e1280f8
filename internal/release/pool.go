package release

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
	"github.com/epicfilemcnulty/hapgent/internal/signing/verify"
)

// maxPublished is the largest size of all packages together, in bytes: GitHub's
// pages allow 1 GB, and there is little else.
const maxPublished = 900_000_000

// pool is what was published before, from a folder with releases or a whole site at
// any depth. A file is taken only if a SHA256SUMS there lists it, with a signature by
// a current signer of releases. Each release lists the packages of those before it.
type pool struct {
	packages map[string]string                     // their paths, by name
	indices  map[string]string                     // files that clients still ask for, by the path in a release
	sums     map[string]map[[sha256.Size]byte]bool // by the base name
}

// packageName matches the name of a release's package, and the version in it.
var packageName = regexp.MustCompile(`^hapgent[a-z-]*[_-](\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+?)?)(?:_[a-z0-9]+\.deb|-1\.[a-z0-9_]+\.rpm)$`)

// inRelease is the path of a repository's file in the release that has it.
var inRelease = regexp.MustCompile(`(?:^|/)((?:apt|yum)/.+)$`)

// isPackage says whether a file is a package, by its name.
func isPackage(name string) bool {
	return strings.HasSuffix(name, ".deb") || strings.HasSuffix(name, ".rpm")
}

// versionOf is the version of a package, "" if it is not one of a release.
func versionOf(name string) string {
	if found := packageName.FindStringSubmatch(name); found != nil {
		return found[1]
	}
	return ""
}

// readPool reads and checks the folder; "" is an empty one.
func (p *plan) readPool(ctx context.Context, folder string) (*pool, error) {
	l := &pool{map[string]string{}, map[string]string{}, map[string]map[[sha256.Size]byte]bool{}}
	if folder == "" {
		return l, nil
	}
	names, err := tree(folder)
	if err != nil {
		return nil, fmt.Errorf("POOL: %w", err)
	}
	temporary, err := p.Temporary()
	if err != nil {
		return nil, err
	}
	signers, err := p.signers(temporary)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(path string) error{
		func(path string) error { return l.readSums(path, signers) },
		l.addPackage,
		func(path string) error { return l.addIndices(path, p) },
	} {
		for _, name := range names {
			if err := step(filepath.Join(folder, name)); err != nil {
				return nil, fmt.Errorf("POOL: %s: %w", name, err)
			}
		}
	}
	return l, l.checkRPMs(ctx, p.keyring, temporary)
}

func (l *pool) readSums(path string, signers *verify.Signers) error {
	if filepath.Base(path) != sumsFile {
		return nil
	}
	if _, err := signers.File(verify.File{Name: path}); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sums, err := checksum.Parse(text)
	for _, sum := range sums {
		name := filepath.Base(sum.Name)
		if l.sums[name] == nil {
			l.sums[name] = map[[sha256.Size]byte]bool{}
		}
		l.sums[name][sum.Digest] = true
	}
	return err
}

// check refuses a file that no list has.
func (l *pool) check(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name, sum := filepath.Base(path), sha256.Sum256(content)
	switch sums := l.sums[name]; {
	case len(sums) == 0:
		return fmt.Errorf("no signed %s of the pool lists it", sumsFile)
	case len(sums) > 1 && isPackage(name):
		return fmt.Errorf("by the lists of the pool it was published with %d contents: clients keep the one that they have, so remove both", len(sums))
	case !sums[sum]:
		return fmt.Errorf("its sum is %x, and the pool's %s has another", sum, sumsFile)
	}
	return nil
}

func (l *pool) addPackage(path string) error {
	name := filepath.Base(path)
	if !isPackage(name) {
		return nil
	}
	if versionOf(name) == "" {
		return errors.New("it does not have the name of a release's package")
	}
	l.packages[name] = path
	return l.check(path)
}

// addIndices adds the files that an index names, so that clients who have this index
// from the site that is replaced find them. Clients refuse an older index.
func (l *pool) addIndices(path string, p *plan) error {
	if name := filepath.Base(path); name != "Release" && name != filepath.Base(repository.Repomd) {
		return nil
	}
	if err := l.check(path); err != nil {
		return err
	}
	before, err := repository.ReadBefore(path)
	if err != nil {
		return err
	}
	if before.Time.After(p.Time) {
		return fmt.Errorf("it is of %s, and the commit of %s: apt refuses an index that is older than the one it has", before.Time.UTC(), p.Time)
	}
	for _, name := range before.Files {
		file := filepath.Join(filepath.Dir(path), filepath.FromSlash(name))
		if err := l.check(file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if in := inRelease.FindStringSubmatch(file); in != nil {
			l.indices[in[1]] = file
		}
	}
	return nil
}

// checkRPMs refuses rpms that dnf would refuse: signed by a key that is no longer in
// the keyring.
func (l *pool) checkRPMs(ctx context.Context, keyring []byte, temporary string) error {
	ring, err := gnupg.NewRing(ctx, keyring, temporary)
	if err != nil {
		return err
	}
	for name, path := range l.packages {
		if !strings.HasSuffix(name, ".rpm") {
			continue
		}
		if err := verifyRPM(ctx, ring, path); err != nil {
			return fmt.Errorf("POOL: %s: not signed by a key of %s, and dnf would refuse it: %w", name, keyringFile, err)
		}
	}
	return nil
}

// takePublished is the pool of a published release: its packages of other versions.
// Their signed lists are checked elsewhere.
func takePublished(directory, version string) (*pool, error) {
	l := &pool{packages: map[string]string{}, indices: map[string]string{}}
	names, err := tree(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	for _, name := range names {
		base, path := filepath.Base(name), filepath.Join(directory, name)
		if v := versionOf(base); v != "" && v != version && inRelease.MatchString(name) {
			l.packages[base] = path
		} else if digest, err := digest(path); err == nil && strings.HasPrefix(base, digest) {
			l.indices[name] = path
		}
	}
	return l, err
}

// trim keeps the packages of as many of the newest versions as fit beside those of
// the release, whose size in bytes is given.
func (l *pool) trim(total int64) error {
	sizes := map[string]int64{}
	for name, path := range l.packages {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		sizes[versionOf(name)] += info.Size()
	}
	newest := slices.SortedFunc(maps.Keys(sizes), func(a, b string) int { return semver.Compare("v"+b, "v"+a) })
	for _, version := range newest {
		if total += sizes[version]; total > maxPublished {
			maps.DeleteFunc(l.packages, func(name, _ string) bool { return versionOf(name) == version })
		}
	}
	return nil
}

// keepIndices copies the indices that clients still ask for beside the new ones.
func (p *plan) keepIndices(_ context.Context, directory string) error {
	for name, path := range p.pool.indices {
		repository, _, _ := strings.Cut(name, "/")
		if !exists(directory, repository) || exists(directory, name) {
			continue
		}
		if err := copyFile(path, filepath.Join(directory, name)); err != nil {
			return err
		}
	}
	return nil
}

// adopt replaces a package by the published one of the same source: except for
// signatures they must be the same. Otherwise hosts that have the one would never
// see the other.
func adopt(older, path string) error {
	was, err := unsigned(older)
	if err != nil {
		return err
	}
	is, err := unsigned(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(was, is) {
		return fmt.Errorf("POOL: %s was published with other bytes, which hosts would keep: give this release another version", filepath.Base(path))
	}
	return copyFile(older, path)
}

func unsigned(path string) ([]byte, error) {
	if strings.HasSuffix(path, ".deb") {
		return os.ReadFile(path)
	}
	_, whole, _, err := splitRPM(path)
	return whole, err
}
