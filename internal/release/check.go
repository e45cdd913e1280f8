package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	rpmutils "github.com/sassoftware/go-rpmutils"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/release/gnupg"
	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
	"github.com/epicfilemcnulty/hapgent/internal/signing/verify"
)

// checkSSH checks the signature of every file that is published by itself, and of the
// list of sums of each folder, as hapgent-verify does. The comparison shows whether
// the sums are right. In tests ssh-keygen checks the signatures of a release.
func (c *checker) checkSSH() error {
	for _, folder := range folders {
		names, err := content(c.directory, folder)
		if err != nil {
			return err
		}
		if names == nil {
			continue
		}
		c.checkSignature(filepath.Join(folder, sumsFile))
		if folder != "" {
			continue
		}
		for _, name := range names {
			c.checkSignature(name)
		}
	}
	return nil
}

func (c *checker) checkSignature(name string) {
	if !exists(c.directory, name+sshsig.Suffix) {
		c.problem("%s: not signed", name)
		return
	}
	_, err := c.signers.File(verify.File{Name: filepath.Join(c.directory, name)})
	if err == nil {
		c.ssh++
		return
	}
	for _, err := range verify.Split(err) {
		if no := new(verify.Refusal); errors.As(err, &no) {
			err = no.Why
		}
		c.problem("%s: %v", name, err)
	}
}

// checkPGP makes gpgv and sqv check what users' tools will check.
func (c *checker) checkPGP(ctx context.Context) error {
	for _, s := range c.signedIndices() {
		c.countPGP(s.to, c.checkIndex(ctx, s))
	}
	names, err := tree(c.directory)
	for _, name := range names {
		if strings.HasSuffix(name, ".rpm") {
			c.countPGP(name, verifyRPM(ctx, c.ring, filepath.Join(c.directory, name)))
		}
	}
	return err
}

func (c *checker) countPGP(name string, err error) {
	if err != nil {
		c.problem("%s: %v", name, err)
		return
	}
	c.pgp++
}

func (c *checker) checkIndex(ctx context.Context, s signedIndex) error {
	signed := filepath.Join(c.directory, s.to)
	if s.form == gnupg.Clear {
		return c.ring.VerifyClear(ctx, signed)
	}
	message, err := os.ReadFile(filepath.Join(c.directory, s.index))
	if err != nil {
		return err
	}
	signature, err := os.ReadFile(signed)
	if err != nil {
		return err
	}
	return c.ring.VerifyDetached(ctx, signature, message)
}

// verifyRPM makes gpgv check both signatures in a package.
func verifyRPM(ctx context.Context, ring *gnupg.Ring, path string) error {
	header, whole, parsed, err := splitRPM(path)
	if err != nil {
		return err
	}
	for tag, message := range map[int][]byte{rpmutils.SIG_RSA: header, rpmutils.SIG_PGP: whole} {
		signature, err := parsed.GetBytes(tag)
		if err != nil {
			return fmt.Errorf("no signature: %w", err)
		}
		if err := ring.VerifyDetached(ctx, signature, message); err != nil {
			return err
		}
	}
	return nil
}

// taken are the published signatures, for the files of a rebuilt release. A missing
// one is empty: the check has reported it before.
type taken struct{ from, to string }

func (t taken) published(path string) string {
	name, err := filepath.Rel(t.to, path)
	if err != nil {
		return path
	}
	return filepath.Join(t.from, name)
}

func (t taken) ssh(path string, o files.Options) (checksum.Sum, error) {
	signature, err := optional(t.published(path) + sshsig.Suffix)
	if err != nil {
		return checksum.Sum{}, err
	}
	sum, err := sumOf(path)
	if err == nil && !o.SignatureOnly {
		err = os.WriteFile(path+checksum.Suffix, []byte(sum.String()), 0o644)
	}
	return sum, errors.Join(err, os.WriteFile(path+sshsig.Suffix, signature, 0o644))
}

// pgp adds the signature of the published text to a text that is signed below.
func (t taken) pgp(_ context.Context, text []byte, of signedIndex) ([]byte, error) {
	signed, err := optional(filepath.Join(t.from, of.to))
	if err != nil || of.form != gnupg.Clear {
		return signed, err
	}
	header, _, _ := bytes.Cut(signed, []byte("\n\n"))
	const begin = "-----BEGIN PGP SIGNATURE-----"
	_, signature, _ := bytes.Cut(signed, []byte(begin))
	return bytes.Join([][]byte{header, []byte("\n\n"), text, []byte(begin), signature}, nil), nil
}

func (t taken) rpm(_ context.Context, path string) (header, whole []byte, err error) {
	_, _, parsed, err := splitRPM(t.published(path))
	if err != nil {
		return nil, nil, nil // checkRepositories has reported it
	}
	header, _ = parsed.GetBytes(rpmutils.SIG_RSA)
	whole, _ = parsed.GetBytes(rpmutils.SIG_PGP)
	return header, whole, nil
}
