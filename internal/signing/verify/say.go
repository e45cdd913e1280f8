package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/artifact/sigstore"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/allowedsigners"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

// All messages about a file are in this file.

// Refusal is the error of a check that was made and failed.
type Refusal struct {
	File string // which is not verified
	Why  error
	Hint string // what to do, where that is not plain
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: NOT verified: %v", label(r.File), r.Why)
}

func (r *Refusal) Unwrap() error { return r.Why }

// Split returns the errors that File has joined.
func Split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func goodSignature(sig *sshsig.Signature, identity string) string {
	return fmt.Sprintf("Good \"%s\" signature for %s with %s key %s",
		sig.Namespace, identity, sig.Key.Type(), sig.Key.Fingerprint())
}

func goodBundle(key ssh.PublicKey, b *sigstore.Bundle) string {
	good := "Good sigstore bundle with key " + ssh.FingerprintSHA256(key)
	if unchecked := b.Unchecked(); len(unchecked) > 0 {
		good += "; not checked: " + strings.Join(unchecked, ", ")
	}
	return good
}

// noteSigner is the note if no signer was requested and the list has several.
func noteSigner(file, identity, list string) string {
	return fmt.Sprintf("%s: signed by %q, one of several signers in %q; -I %[2]q accepts no other", label(file), identity, list)
}

// Files that could not be checked.

func errMissing(name, what, option string) error {
	return fmt.Errorf("%q: there is no such %s; name it with %s", name, what, option)
}

// errRead is about the file to verify, and its output.
func errRead(err error) error {
	if path := new(fs.PathError); errors.As(err, &path) && path.Op == "write" {
		return err
	}
	return errUnreadable("file to verify", err)
}

func errNotReplaceable(name string) error {
	return fmt.Errorf("%q is not a regular file: -o writes one", name)
}

func errUnreadable(what string, err error) error {
	return fmt.Errorf("the %s cannot be read: %w", what, err)
}

func errTooLarge(name string, limit int64, what string) error {
	return fmt.Errorf("%q is larger than %d bytes, which no %s is", name, limit, what)
}

func errBadKey(name string, err error) error {
	return fmt.Errorf("%q is not a public key of OpenSSH or in PEM: %w", name, err)
}

func errMalformed(name string, err error) error {
	return fmt.Errorf("%q: %w", name, err)
}

func errBundleUntried(name, file string, err error) error {
	return fmt.Errorf("%q cannot be checked against %q: %w", file, name, err)
}

// Files that were checked and are not good.

func refusal(file, hint, format string, args ...any) error {
	return &Refusal{file, fmt.Errorf(format, args...), hint}
}

// errBadSignatureFile is about a signature file. Text that is no signature, or a
// signature by a key of an unknown type, cannot be checked; a malformed signature
// is not good.
func errBadSignatureFile(name, file string, err error) error {
	if errors.Is(err, pubkey.ErrType) {
		return fmt.Errorf("%q cannot be checked: %w", name, err)
	}
	if errors.Is(err, sshsig.ErrArmor) {
		return fmt.Errorf("%q is %w", name, err)
	}
	return refusal(file, "", "%q cannot be good: %w", name, err)
}

func errBadSignature(sigName, file string, err error) error {
	switch {
	case errors.Is(err, sshsig.ErrNamespace):
		return refusal(file, "", "%q is %w (-n)", sigName, err)
	case errors.Is(err, pubkey.ErrAlgorithm):
		return refusal(file, "", "%q is not accepted: %w", sigName, err)
	}
	return refusal(file, "the file or its signature was changed, or the signature is of another file: do not use the file, download both again",
		"%q is not a signature of it: %w", sigName, err)
}

func errRevoked(sig *sshsig.Signature, file, list string, err error) error {
	if errors.Is(err, allowedsigners.ErrRevoked) {
		return refusal(file, "", "signed by %s, which %q says not to trust: %w", sig.Key.Fingerprint(), list, err)
	}
	return fmt.Errorf("%q cannot be asked whether %s is revoked: %w", list, sig.Key.Fingerprint(), err)
}

func errNotAllowed(sig *sshsig.Signature, file, list string, err error, malformed []error) error {
	more, hint := "", ""
	if len(malformed) > 0 {
		more = fmt.Sprintf("; %d of its lines cannot be read, the first is %v", len(malformed), malformed[0])
	}
	switch {
	case errors.Is(err, allowedsigners.ErrUnknown):
		return refusal(file, "add the key only if its owner has confirmed it",
			"signed by %s, which %q does not list%s", sig.Key.Fingerprint(), list, more)
	case errors.Is(err, allowedsigners.ErrExpired), errors.Is(err, allowedsigners.ErrNotYetValid):
		hint = "if you know the time of signing from elsewhere, give it (-O verify-time=TIME)"
	}
	return refusal(file, hint, "signed by %s, which %q does not accept: %w%s", sig.Key.Fingerprint(), list, err, more)
}

func errBadBundle(name, file string, err error) error {
	return refusal(file, "", "%q is not good for it: %w", name, err)
}

func errNotListed(file string, s *Sums) error {
	if len(s.all) > 1 {
		return refusal(file, "", "%q has no sum for it", s.from)
	}
	return refusal(file, "the file was renamed, or another file is served under this name",
		"%q has the sum of %q and of nothing else", s.from, s.all[0].Name)
}

func errSumDisagrees(file string, sum []byte, from string, want checksum.Sum) error {
	return refusal(file, "the file is damaged or is another file: do not use it, download it again",
		"its SHA-256 sum is %x, %q has %x for %q", sum, from, want.Digest, want.Name)
}

// isPlain reports whether a name needs no quotes within a line. A regular
// expression would be a twentieth of the program.
func isPlain(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_./+~@%=,-", r)
	})
}

// label is how the name of a file to verify stands at the beginning of a line.
func label(name string) string {
	switch {
	case name == StandardInput:
		return "standard input"
	case isPlain(name):
		return name
	}
	return strconv.Quote(name)
}
