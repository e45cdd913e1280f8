// Package files signs a file: FILE.sig, the armored SSH signature that
// ssh-keygen -Y verify checks, FILE.sha256, the line that sha256sum -c checks,
// and where wanted FILE.sigstore.json, the bundle that cosign checks.
//
// It guarantees that the file is read once, so that all of them are of the same
// bytes, even if it is changed meanwhile; that each signature has been verified
// with the public key before anything is written; and that the files are put into
// place one after the other, FILE.sig last. If the program ends before that, there
// is no FILE.sig, or the old one, which does not verify a changed file: so half of
// the files are never taken for all. Without Options.Force nothing is replaced, not
// even a file that appears while the file is being signed.
package files

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/artifact/sigstore"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/signing/atomicfile"
	"github.com/epicfilemcnulty/hapgent/internal/signing/fanout"
	"github.com/epicfilemcnulty/hapgent/internal/signing/keys"
)

// ErrSigning is wrapped by the errors of signing, but not by those that came
// before it.
var ErrSigning = errors.New("signing failed")

// Options say how to sign.
type Options struct {
	// Namespace is the purpose of the signature, "file" for files.
	Namespace string
	// Bundle asks for FILE.sigstore.json too.
	Bundle bool
	// SignatureOnly asks for FILE.sig alone, as for a list of sums.
	SignatureOnly bool
	// Force allows to replace the files of an earlier signing.
	Force bool
}

// Check checks that the signature of path may be written, so that nobody is asked
// for a passphrase or a touch in vain.
func Check(path string, o Options) error {
	if !o.Force {
		for _, suffix := range []string{sshsig.Suffix, checksum.Suffix, sigstore.Suffix} {
			if strings.HasSuffix(path, suffix) {
				return fmt.Errorf("%q has the name of a file that signing writes: --force signs it", path)
			}
		}
	}
	for _, target := range o.mustBeNew(path) {
		if _, err := os.Lstat(target); err == nil {
			return fmt.Errorf("%q exists: --force replaces it", target)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

func (o Options) mustBeNew(path string) []string {
	switch {
	case o.Force:
		return nil
	case o.Bundle:
		return []string{path + sshsig.Suffix, path + sigstore.Suffix}
	}
	return []string{path + sshsig.Suffix}
}

// Sign signs the file at path and returns what was written. After an error no file
// is new, except with Force the files before the one that could not be replaced.
// The error wraps ErrSigning if signing had begun.
func Sign(key *keys.Key, path string, o Options) (*Signed, error) {
	if err := Check(path, o); err != nil {
		return nil, err
	}
	sums, err := read(key, path, o)
	if err != nil {
		return nil, err
	}
	old, err := sums.hasLine(path, o)
	if err != nil {
		return nil, err
	}
	files, err := sums.sign(key, path, o)
	if err == nil {
		files = slices.DeleteFunc(files, func(f file) bool { return old && f.path == path+checksum.Suffix })
		err = write(files, o.Force)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrSigning, path, err)
	}
	signed := &Signed{By: sums.by, Sum: sums.line(path)}
	for _, file := range files {
		signed.Written = append(signed.Written, file.path)
	}
	return signed, nil
}

// Signed is a file that was signed.
type Signed struct {
	By      string       // the type of the key and its fingerprint
	Written []string     // the paths of the new files, in order
	Sum     checksum.Sum // of what was signed, under its base name
}

// file is one to be written.
type file struct {
	path string
	data []byte
}

// write puts the files into place in their order, once all are written.
func write(files []file, replace bool) error {
	var all []*atomicfile.File
	for _, file := range files {
		f, err := atomicfile.Create(file.path)
		if err != nil {
			return err
		}
		defer f.Discard()
		if _, err := f.Write(file.data); err != nil {
			return err
		}
		if err := f.Finish(); err != nil {
			return err
		}
		all = append(all, f)
	}
	for i, f := range all {
		if replace {
			if err := f.Replace(); err != nil {
				return err
			}
		} else if err := f.Place(); err != nil {
			for _, done := range files[:i] {
				_ = os.Remove(done.path)
			}
			return fmt.Errorf("%w: it appeared while the file was being signed (--force replaces it)", err)
		}
	}
	return nil
}

// sums is what one read of a file yields.
type sums struct {
	sha256, ssh hash.Hash
	bundle      *bundler // nil where none is wanted
	by          string   // who signed
}

func read(key *keys.Key, path string, o Options) (*sums, error) {
	s := &sums{sha256: sha256.New(), ssh: sshsig.SHA512.New()}
	if o.Bundle {
		b, err := newBundler(key)
		if err != nil {
			return nil, err
		}
		s.bundle = b
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := s.read(f); err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	return s, nil
}

func (s *sums) read(file io.Reader) error {
	if s.bundle == nil {
		return fanout.Hash(file, s.sha256, s.ssh)
	}
	message, err := s.bundle.tee(file)
	if err != nil {
		return err
	}
	return fanout.Hash(message, s.sha256, s.ssh, s.bundle.digest)
}

// open opens a regular file, and does not wait for the writer of a FIFO.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is not a regular file: a signature is written beside one", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// hasLine reports whether the checksum file exists and is right. A wrong one is not
// replaced without Force.
func (s *sums) hasLine(path string, o Options) (bool, error) {
	info, err := os.Lstat(path + checksum.Suffix)
	if o.Force || o.SignatureOnly || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	line := s.line(path).String()
	if info.Mode().IsRegular() && info.Size() == int64(len(line)) {
		if old, err := os.ReadFile(path + checksum.Suffix); err != nil || string(old) == line {
			return true, err
		}
	}
	return false, fmt.Errorf("%q exists and has another sum: --force replaces it", path+checksum.Suffix)
}

// line is the file's line of sha256sum.
func (s *sums) line(path string) checksum.Sum {
	return checksum.Sum{Digest: [sha256.Size]byte(s.sha256.Sum(nil)), Name: filepath.Base(path)}
}

// sign returns the files to write, in the order that the package promises.
func (s *sums) sign(key *keys.Key, path string, o Options) ([]file, error) {
	signature, err := sshsig.Sign(key, o.Namespace, sshsig.SHA512, s.ssh.Sum(nil))
	if err != nil {
		return nil, err
	}
	s.by = signature.Key.Type() + " key " + signature.Key.Fingerprint()
	var files []file
	if s.bundle != nil {
		text, err := s.bundle.sign()
		if err != nil {
			return nil, err
		}
		files = append(files, file{path + sigstore.Suffix, text})
	}
	if !o.SignatureOnly {
		files = append(files, file{path + checksum.Suffix, []byte(s.line(path).String())})
	}
	return append(files, file{path + sshsig.Suffix, signature.Armor()}), nil
}
