package release

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
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

// checkFolder checks that every file of a folder has a right sum in its signed
// list, and where it is published by itself a sum and a signature of its own.
func (c *checker) checkFolder(folder string) error {
	names, err := content(c.directory, folder)
	if err != nil || names == nil {
		return err
	}
	list := filepath.Join(folder, sumsFile)
	c.checkSSH(list, nil)
	sums, err := c.readSums(list)
	if err != nil {
		return err
	}
	for _, name := range names {
		var digest []byte
		if folder == "" {
			digest = c.checkBeside(name)
		}
		if err := c.checkSum(name, digest, list, checksum.Find(sums, sumsFile, nameIn(folder, name))); err != nil {
			return err
		}
	}
	return nil
}

// readSums reads a list of sums; one that is not to be used is a problem.
func (c *checker) readSums(name string) ([]checksum.Sum, error) {
	text, err := os.ReadFile(filepath.Join(c.directory, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var sums []checksum.Sum
	if err == nil {
		sums, err = checksum.Parse(text)
	}
	if err != nil {
		c.problem("%s: %v", name, err)
	}
	return sums, nil
}

// checkSum checks a file against its sums in a list. digest is that of the file
// where it was read already.
func (c *checker) checkSum(name string, digest []byte, list string, sums []checksum.Sum) error {
	if digest == nil {
		sum, err := sumOf(filepath.Join(c.directory, name))
		if err != nil {
			return err
		}
		digest = sum.Digest[:]
	}
	switch {
	case len(sums) != 1:
		c.problem("%s: has %d sums in %s, expected one", name, len(sums), list)
	case sums[0].Digest != [sha256.Size]byte(digest):
		c.problem("%s: its sum is %x, and %s says %x", name, digest, list, sums[0].Digest)
	default:
		c.sums++
	}
	return nil
}

// checkBeside checks a file against its own signature and sum, and returns its
// SHA-256, nil if it is not good.
func (c *checker) checkBeside(name string) []byte {
	sums, err := verify.ReadSums(filepath.Join(c.directory, name+checksum.Suffix))
	if err != nil {
		c.problem("%s: %v", name, err)
		return nil
	}
	digest := c.checkSSH(name, sums)
	if digest != nil {
		c.sums++
	}
	return digest
}

// checkSSH checks the signature of a file, as hapgent-verify does. Tests have
// ssh-keygen check those of every file of a release.
func (c *checker) checkSSH(name string, sums *verify.Sums) []byte {
	if !exists(c.directory, name+sshsig.Suffix) {
		c.problem("%s: not signed", name)
		return nil
	}
	good, err := c.signers.File(verify.File{Name: filepath.Join(c.directory, name), Sums: sums})
	if err != nil {
		for _, err := range verify.Split(err) {
			if no := new(verify.Refusal); errors.As(err, &no) {
				err = no.Why
			}
			c.problem("%s: %v", name, err)
		}
		return nil
	}
	c.ssh++
	return good.SHA256
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

// clear gives the text of the rebuilt file the signature of the published one.
func (t taken) clear(_ context.Context, path string) ([]byte, error) {
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

func (t taken) detached(_ context.Context, path string) ([]byte, error) {
	for _, suffix := range []string{".gpg", ".asc"} {
		if signature, err := optional(t.published(path) + suffix); err != nil || signature != nil {
			return signature, err
		}
	}
	return nil, nil
}

func (t taken) one(ctx context.Context, path string) ([]byte, error) { return t.detached(ctx, path) }

func (t taken) rpm(_ context.Context, path string) (header, whole []byte, err error) {
	_, _, parsed, err := splitRPM(t.published(path))
	if err != nil {
		return nil, nil, nil // checkRepositories has told of it
	}
	header, _ = parsed.GetBytes(rpmutils.SIG_RSA)
	whole, _ = parsed.GetBytes(rpmutils.SIG_PGP)
	return header, whole, nil
}
