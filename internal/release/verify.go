package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/allowedsigners"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/signing/verify"
)

// ErrDiffers is the error of a release that was checked and is not good.
var ErrDiffers = errors.New("the release is not what the source builds, or not signed by the right keys")

// Verify checks the release in the directory published: sums, signatures and,
// by building it again, every byte of it. What it finds goes to out. A repository
// that is missing, since it is published elsewhere, is not checked.
//
// Signatures cannot be made again: the rebuilt release takes the published ones,
// which have been checked, so that all other files, and those made from signed
// files, can be compared whole. Packages of older releases come from the folder
// pool or, if that is "", from the published release, too.
func Verify(ctx context.Context, s build.Source, pool, published string, out io.Writer) error {
	w, err := workshop(ctx, s)
	if err != nil {
		return err
	}
	defer w.Close()
	p, err := planOf(w, published, out)
	if err != nil {
		return err
	}
	if err := checkCommit(ctx, s, published); err != nil {
		return err
	}
	if err := p.findPool(ctx, pool, published, out); err != nil {
		return err
	}
	aside, err := w.Temporary()
	if err != nil {
		return err
	}
	c := &checker{plan: p, out: out, directory: published, temporary: aside}
	if err := c.check(ctx); err != nil {
		return err
	}
	rebuilt := filepath.Join(aside, "dist")
	if err := os.Mkdir(rebuilt, 0o755); err != nil {
		return err
	}
	p.signatures = taken{from: published, to: rebuilt}
	if err := p.build(ctx, rebuilt); err != nil {
		return err
	}
	if err := c.compare(ctx, rebuilt); err != nil {
		return err
	}
	if c.problems > 0 {
		return ErrDiffers
	}
	return nil
}

// planOf is how a published release was built, and who should have signed it.
func planOf(w *build.Workshop, published string, out io.Writer) (*plan, error) {
	trusted, err := readTrusted(w.Source)
	if err != nil {
		return nil, err
	}
	p := &plan{Workshop: w, apt: exists(published, aptFolder), yum: exists(published, yumFolder)}
	if p.allowedSigners, err = os.ReadFile(filepath.Join(published, allowedSignersFile)); err != nil {
		return nil, fmt.Errorf("not a release: %w", err)
	}
	if p.keyring, err = os.ReadFile(filepath.Join(published, keyringFile)); err != nil {
		return nil, fmt.Errorf("not a release: %w", err)
	}
	signers := allowedsigners.Parse(p.allowedSigners).Signers()
	switch {
	case bytes.Equal(trusted.allowedSigners, p.allowedSigners):
		p.revoked = trusted.revoked
		if !bytes.Equal(trusted.keyring, p.keyring) {
			return nil, fmt.Errorf("%q is not packaging/%s of this tree: is the tree that of the release's tag?", filepath.Join(published, keyringFile), keyringFile)
		}
	case len(signers) == 1 && signers[0].Principals == snapshotSigner:
		p.snapshot = true
		fmt.Fprintf(out, "%s is a snapshot, signed with throw-away keys: its signatures do not prove who made it\n", published)
	default:
		return nil, fmt.Errorf("%q is not packaging/%s of this tree: is the tree that of the release's tag?", filepath.Join(published, allowedSignersFile), allowedSignersFile)
	}
	for _, folder := range folders {
		if !exists(published, folder) {
			fmt.Fprintf(out, "%s is missing: not verified\n", filepath.Join(published, folder))
		}
	}
	return p, nil
}

// findPool reads the pool that the release was made with.
func (p *plan) findPool(ctx context.Context, pool, published string, out io.Writer) (err error) {
	if pool != "" {
		p.pool, err = p.readPool(ctx, pool)
		return err
	}
	if p.pool, err = takePublished(published, p.Version); err == nil && len(p.pool.packages) > 0 {
		fmt.Fprintf(out, "%d packages of other versions are taken as they were published and signed: POOL=DIRECTORY compares them\n", len(p.pool.packages))
	}
	return err
}

func exists(directory, name string) bool {
	_, err := os.Lstat(filepath.Join(directory, name))
	return err == nil
}

// checker checks what was published, and prints a line for each problem.
type checker struct {
	*plan
	out                  io.Writer
	directory, temporary string
	problems             int
	signers              *verify.Signers
	ring                 *gnupg.Ring
	ssh, pgp             int // number of good signatures
}

func (c *checker) problem(format string, args ...any) {
	c.problems++
	fmt.Fprintf(c.out, format+"\n", args...)
}

// check checks the signatures.
func (c *checker) check(ctx context.Context) (err error) {
	if c.signers, err = c.identity.signers(c.temporary); err != nil {
		return err
	}
	if err := c.checkSSH(); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d SSH signatures are good\n", c.ssh)
	if c.ring, err = gnupg.NewRing(ctx, c.keyring, c.temporary); err != nil {
		return fmt.Errorf("%s: %w", keyringFile, err)
	}
	if err := c.checkPGP(ctx); err != nil {
		return err
	}
	if c.pgp > 0 {
		fmt.Fprintf(c.out, "%d signatures are good to gpgv\n", c.pgp)
	}
	return nil
}

// signers are the allowed signers of the release, from copies of the lists in the
// directory.
func (i identity) signers(directory string) (*verify.Signers, error) {
	o := verify.Options{Namespace: namespace, Time: time.Now()}
	o.Allowed = filepath.Join(directory, allowedSignersFile)
	if err := os.WriteFile(o.Allowed, i.allowedSigners, 0o600); err != nil {
		return nil, err
	}
	if i.revoked != nil {
		o.Revoked = filepath.Join(directory, revokedKeysFile)
		if err := os.WriteFile(o.Revoked, i.revoked, 0o600); err != nil {
			return nil, err
		}
	}
	return verify.ReadSigners(o)
}
