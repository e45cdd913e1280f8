// Package release makes dist/, a whole release, and proves one that others have
// made.
//
// Against whom: a release is fetched from places that an attacker may own, and
// made by a releaser who may be careless, deceived or forced. So everything in it
// is vouched for twice. A signature, by keys that are not where the files are, says
// who made a file. And a second build of the same source says what it was made of:
// but for the signatures themselves, every byte depends on the source and its
// commit alone, so that anyone can make it again (Verify) and compare.
//
// What it guarantees to the releaser: a release is made of a tagged commit, by a
// key that packaging/allowed_signers names, and it is there whole or not at all.
// It is built aside and put into place by one rename. What is made with any other
// tree or key calls itself a snapshot.
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
// output, with the packages of what was published before in the folder pool, "" for
// none. What was in output before is there until then, and after an error.
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

// workshop is one for a release: its bytes depend on the release of Go that this
// program, too, is built by.
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

// replace puts one directory in the place of another, at once.
func replace(aside, output string) error {
	err := unix.Renameat2(unix.AT_FDCWD, aside, unix.AT_FDCWD, output, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOENT) {
		return os.Rename(aside, output)
	}
	if err != nil {
		return fmt.Errorf("cannot put the release into the place of %q (remove it): %w", output, err)
	}
	return nil
}

// plan is how a release is built.
type plan struct {
	*build.Workshop
	identity
	signatures
	pool     *pool
	apt, yum bool // which repositories it has
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

// settle gives every file the mode and the time that all have, whatever the umask
// and the clock: they show where a release is served from.
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
