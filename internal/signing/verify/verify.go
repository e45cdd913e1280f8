// Package verify checks a file against the files beside it: FILE.sig, an SSH
// signature, as ssh-keygen -Y verify does, FILE.sha256 or a list of sums, and
// sigstore bundles.
//
// It guards against whoever can replace the file, the files beside it, or both.
// The lists of signers and of revoked keys, and the key of a bundle, are the
// user's own and trusted.
//
// It guarantees that each file is read once, so that all checks, and what is
// written to File.Output, are of the same bytes. The output gets its name only if
// the file is good. A *Refusal says that the file is not good; any other error says
// that it could not be checked. A file without a signature is never good: a sum
// alone proves nothing.
package verify

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/allowedsigners"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/signing/fanout"
)

// Options say who may have signed a file, for which purpose and when.
type Options struct {
	Allowed   string // the list of allowed signers, a file
	Revoked   string // the list of revoked keys, a file; "": none
	Identity  string // the signer; "": any of the allowed signers
	Namespace string // the purpose of the signature
	Time      time.Time
}

// SetTime reads the time of signing as ssh-keygen's verify-time option has it.
func (o *Options) SetTime(text string) (err error) {
	o.Time, err = allowedsigners.ParseTime(text)
	return err
}

// Signers are the Options with their lists, read.
type Signers struct {
	Options
	allowed *allowedsigners.List
	revoked *allowedsigners.Revocations // nil: no list
}

// ReadSigners reads the lists that the options name.
func ReadSigners(o Options) (*Signers, error) {
	data, err := readFile(o.Allowed, allowedsigners.MaxSize, "list of allowed signers", "-f")
	if err != nil {
		return nil, err
	}
	s := &Signers{Options: o, allowed: allowedsigners.Parse(data)}
	if o.Revoked != "" {
		data, err := readFile(o.Revoked, allowedsigners.MaxRevocationSize, "list of revoked keys", "-r")
		if err != nil {
			return nil, err
		}
		s.revoked = allowedsigners.NewRevocations(data)
	}
	return s, nil
}

// Good is the result for a good file.
type Good struct {
	Text   string // the line that says so
	Remark string // what was not checked, in parentheses; "": nothing
	Note   string // what the user may want to know; "": nothing
}

// File checks a file against its signature and its sums. A wrong sum does not hide
// a wrong signature, nor the other way around: the error may join several.
func (s *Signers) File(f File) (*Good, error) {
	sigName := f.signature()
	sig, err := readSignature(sigName, f.Name)
	if err != nil {
		return nil, err
	}
	sums, err := f.sums()
	if err != nil {
		return nil, err
	}
	in, err := f.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	hashes := []hash.Hash{sig.Hash.New()}
	if sums != nil && sig.Hash != sshsig.SHA256 {
		hashes = append(hashes, sha256.New())
	}
	if err := fanout.Hash(in, hashes...); err != nil {
		return nil, errRead(err)
	}
	sum := hashes[len(hashes)-1].Sum(nil)
	identity, err := s.judge(sig, sigName, f.Name, hashes[0].Sum(nil))
	if err := errors.Join(sums.check(f.Name, sum), err); err != nil {
		return nil, err
	}
	good := &Good{Text: goodSignature(sig, identity), Remark: f.Sums.remark()}
	if s.Identity == "" && s.several() {
		good.Note = noteSigner(f.Name, identity, s.Allowed)
	}
	return good, in.keep()
}

// several reports whether the list allows more than one name to sign.
func (s *Signers) several() bool {
	signers := s.allowed.Signers()
	for _, signer := range signers {
		if signer.Principals != signers[0].Principals || strings.ContainsAny(signer.Principals, "*?,") {
			return true
		}
	}
	return false
}

// ReadList reads a list of sums. If its signature is beside it, that must be by the
// same signers.
func (s *Signers) ReadList(name string) (*Sums, error) {
	sums, err := ReadSums(name)
	if err != nil || !sums.signed {
		return sums, err
	}
	sigName := name + sshsig.Suffix
	sig, err := readSignature(sigName, name)
	if err != nil {
		return nil, err
	}
	digest, err := sig.Hash.Digest(bytes.NewReader(sums.data))
	if err != nil {
		return nil, err
	}
	_, err = s.judge(sig, sigName, name, digest)
	sums.checked = err == nil
	return sums, err
}

func readSignature(name, file string) (*sshsig.Signature, error) {
	armored, err := readFile(name, sshsig.MaxSize, "signature", "-s")
	if err != nil {
		return nil, err
	}
	sig, err := sshsig.Parse(armored)
	if err != nil {
		return nil, errBadSignatureFile(name, file, err)
	}
	return sig, nil
}

// judge returns the identity of an allowed signer who made the signature over
// the file, and whose key is not revoked.
func (s *Signers) judge(sig *sshsig.Signature, sigName, file string, digest []byte) (identity string, err error) {
	if err := sig.Verify(s.Namespace, digest); err != nil {
		return "", errBadSignature(sigName, file, err)
	}
	if s.revoked != nil {
		if err := s.revoked.Check(sig.Key); err != nil {
			return "", errRevoked(sig, file, s.Revoked, err)
		}
	}
	identity, err = s.allowed.Find(allowedsigners.Query{
		Key: sig.Key, Namespace: s.Namespace, Time: s.Time,
		Identity: s.Identity, AnyIdentity: s.Identity == "",
	})
	if err != nil {
		return "", errNotAllowed(sig, file, s.Allowed, err, s.allowed.Malformed)
	}
	return identity, nil
}
