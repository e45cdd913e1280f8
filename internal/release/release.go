// Package release makes dist/, a whole release, and verifies a release that others
// have made.
//
// It guards against attackers who own the places from which a release is fetched,
// and against a releaser who is careless, deceived or forced. So everything in a
// release can be checked in two ways. A signature, by keys that are not where the
// files are, proves who made a file. A second build of the same source proves what
// it was made of: except for the signatures, every byte depends only on the source
// and its commit, so that anyone can build it again (Verify) and compare.
//
// It guarantees to the releaser that a release is made of a tagged commit, with a
// key that packaging/allowed_signers names, and that it is whole or does not exist:
// it is built elsewhere and put into place by one rename. A build of any other tree
// or with any other key calls itself a snapshot.
package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// Build makes the release of the source, signed with the keys, in the directory
// output, with the packages that were published before in the folder pool, "" for
// none. Until the end, and after an error, output stays as it was.
func Build(ctx context.Context, s build.Source, k *Keys, pool, output string) error {
	w, err := workshop(ctx, s)
	if err != nil {
		return err
	}
	defer w.Close()
	p := &plan{Workshop: w, identity: k.identity, signatures: k, apt: true, yum: true}
	if p.pool, err = p.readPool(ctx, pool); err != nil {
		return err
	}
	if output, err = filepath.Abs(output); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(filepath.Dir(output), "."+filepath.Base(output)+"-partial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	if err := p.build(ctx, aside); err != nil {
		return err
	}
	return replace(aside, output)
}

// workshop returns a workshop for a release: the bytes depend on the release of Go
// by which this program, too, is built.
func workshop(ctx context.Context, s build.Source) (*build.Workshop, error) {
	pinned, err := s.Toolchain()
	if err != nil {
		return nil, err
	}
	if pinned != runtime.Version() {
		return nil, fmt.Errorf("a release is made by %s, as go.mod says, and this is %s: run it by make, or with GOTOOLCHAIN=%s", pinned, runtime.Version(), pinned)
	}
	return build.NewWorkshop(ctx, s)
}

// replace replaces one directory by another, at once.
func replace(aside, output string) error {
	err := unix.Renameat2(unix.AT_FDCWD, aside, unix.AT_FDCWD, output, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOENT) {
		return os.Rename(aside, output)
	}
	if err != nil {
		return fmt.Errorf("cannot replace %q by the release (remove it): %w", output, err)
	}
	return nil
}

// plan is how a release is built.
type plan struct {
	*build.Workshop
	identity
	signatures
	pool     *pool
	apt, yum bool // the repositories that it has
}

// build makes all files of a release in the directory.
func (p *plan) build(ctx context.Context, directory string) error {
	if err := os.Chmod(directory, 0o755); err != nil {
		return err
	}
	targets, err := p.targets()
	if err != nil {
		return err
	}
	if err := p.BuildAll(ctx, targets, directory); err != nil {
		return err
	}
	for _, step := range []func(context.Context, string) error{p.writeKeys, p.signPackages, p.writeApt, p.writeYum, p.signIndices, p.keepIndices, p.writeSums} {
		if err := step(ctx, directory); err != nil {
			return err
		}
	}
	return settle(directory, p.Time)
}

// settle gives every file the same mode and time, whatever the umask and the clock:
// a server of the release may show them.
func settle(directory string, t time.Time) error {
	return filepath.WalkDir(directory, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if entry.IsDir() || isProgram(filepath.Base(path)) && filepath.Dir(path) == directory {
			mode = 0o755
		}
		return errors.Join(os.Chmod(path, mode), os.Chtimes(path, t, t))
	})
}
