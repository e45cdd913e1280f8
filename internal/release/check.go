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
	"github.com/epicfilemcnulty/hapgent/internal/release/repository"
	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
	"github.com/epicfilemcnulty/hapgent/internal/signing/verify"
)

// checkSSH checks the signature of every file that is published by itself, and of the
// list of sums of each folder, as hapgent-verify does. Whether the sums are right the
// comparison shows. Tests have ssh-keygen check the signatures of a release.
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

// checkRepositories has gpgv check what the tools of users will.
func (c *checker) checkRepositories(ctx context.Context) error {
	if c.apt {
		for _, suite := range []string{repository.Stable, repository.Testing} {
			index := filepath.Join(aptFolder, filepath.FromSlash(repository.Release(suite)))
			inRelease := filepath.Join(filepath.Dir(index), "InRelease")
			c.checkPGP(inRelease, c.ring.VerifyClear(ctx, filepath.Join(c.directory, inRelease)))
			c.checkDetached(ctx, index, ".gpg")
		}
	}
	if c.yum {
		for _, folder := range yumFolders {
			c.checkDetached(ctx, filepath.Join(folder, filepath.FromSlash(repository.Repomd)), ".asc")
		}
	}
	names, err := tree(c.directory)
	for _, name := range names {
		if strings.HasSuffix(name, ".rpm") {
			c.checkPGP(name, verifyRPM(ctx, c.ring, filepath.Join(c.directory, name)))
		}
	}
	return err
}

func (c *checker) checkPGP(name string, err error) {
	if err != nil {
		c.problem("%s: %v", name, err)
		return
	}
	c.pgp++
}

func (c *checker) checkDetached(ctx context.Context, name, suffix string) {
	path := filepath.Join(c.directory, name)
	message, err := os.ReadFile(path)
	if err == nil {
		var signature []byte
		if signature, err = os.ReadFile(path + suffix); err == nil {
			err = c.ring.VerifyDetached(ctx, signature, message)
		}
	}
	c.checkPGP(name+suffix, err)
}

// verifyRPM has gpgv check both signatures in a package.
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

// taken are the signatures that were published, for the files of a rebuilt
// release. Where there is none it is empty: that was found before.
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

// pgp gives a text that is signed by one below it the signature of the published one.
func (t taken) pgp(_ context.Context, path string, form gnupg.Form) ([]byte, error) {
	switch form {
	case gnupg.Detached:
		return optional(t.published(path) + ".gpg")
	case gnupg.One:
		return optional(t.published(path) + ".asc")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	signed, err := optional(filepath.Join(filepath.Dir(t.published(path)), "InRelease"))
	if err != nil {
		return nil, err
	}
	header, _, _ := bytes.Cut(signed, []byte("\n\n"))
	const begin = "-----BEGIN PGP SIGNATURE-----"
	_, signature, _ := bytes.Cut(signed, []byte(begin))
	return bytes.Join([][]byte{header, []byte("\n\n"), text, []byte(begin), signature}, nil), nil
}

func (t taken) rpm(_ context.Context, path string) (header, whole []byte, err error) {
	_, _, parsed, err := splitRPM(t.published(path))
	if err != nil {
		return nil, nil, nil // checkRepositories has told of it
	}
	header, _ = parsed.GetBytes(rpmutils.SIG_RSA)
	whole, _ = parsed.GetBytes(rpmutils.SIG_PGP)
	return header, whole, nil
}
