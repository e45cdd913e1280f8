package verify

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/artifact/sigstore"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/allowedsigners"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

// What is said of a file stands in this file, and nowhere else.

// Refusal is the error of a check that was made, and whose answer is no.
type Refusal struct{ error }

func (r *Refusal) Unwrap() error { return r.error }

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

// What could not be tried.

func errMissing(name, what, option string) error {
	return fmt.Errorf("%q: there is no such %s; name it with %s", name, what, option)
}

// errRead is about the file to verify.
func errRead(err error) error { return errUnreadable("file to verify", err) }

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

// What was tried and is not good.

func errBad(format string, args ...any) error {
	return &Refusal{fmt.Errorf(format, args...)}
}

// errBadSignatureFile is about text that is no signature, which could not be
// tried, or a signature that is malformed inside, which is none of a file.
func errBadSignatureFile(name string, err error) error {
	if errors.Is(err, sshsig.ErrArmor) {
		return fmt.Errorf("%q is %w", name, err)
	}
	return errBad("%q cannot be good: %w", name, err)
}

func errBadSignature(sigName, file string, err error) error {
	switch {
	case errors.Is(err, sshsig.ErrNamespace):
		return errBad("%q is %w (-n)", sigName, err)
	case errors.Is(err, pubkey.ErrAlgorithm):
		return errBad("%q is not accepted: %w", sigName, err)
	}
	return errBad("%q is not a signature of %s: one of the two was changed, or is that of another file; "+
		"do not use it, download both again: %w", sigName, fileName(file), err)
}

func errRevoked(sig *sshsig.Signature, sigName, list string, err error) error {
	if errors.Is(err, allowedsigners.ErrRevoked) {
		return errBad("%q is good, but made by %s, which %q says not to trust: %w",
			sigName, sig.Key.Fingerprint(), list, err)
	}
	return fmt.Errorf("%q cannot be asked whether %s is revoked: %w", list, sig.Key.Fingerprint(), err)
}

func errNotAllowed(sig *sshsig.Signature, sigName, list string, err error, malformed []error) error {
	more := ""
	if len(malformed) > 0 {
		more = fmt.Sprintf("; %d of its lines cannot be read, the first is %v", len(malformed), malformed[0])
	}
	made := fmt.Sprintf("%q is good, but made by %s", sigName, sig.Key.Fingerprint())
	if errors.Is(err, allowedsigners.ErrUnknown) {
		return errBad("%s, which no line of %q lists; add the key only if its owner told you that it is theirs%s",
			made, list, more)
	}
	if errors.Is(err, allowedsigners.ErrExpired) || errors.Is(err, allowedsigners.ErrNotYetValid) {
		more += "; if you know from elsewhere when it was signed, give that time (-O verify-time=TIME)"
	}
	return errBad("%s, which %q does not accept: %w%s", made, list, err, more)
}

func errBadBundle(name, file string, err error) error {
	return errBad("%q is not good for %s: %w", name, fileName(file), err)
}

func errNotListed(file, from string) error {
	return errBad("%q has no sum for %q", from, file)
}

func errSumDisagrees(file string, sum []byte, from string, want checksum.Sum) error {
	return errBad("%s is damaged or another file; do not use it, download it again: its SHA-256 sum is %x, %q has %x for %q",
		fileName(file), sum, from, want.Digest, want.Name)
}

// fileName is how messages show the name of a file to verify.
func fileName(name string) string {
	if name == StandardInput {
		return "standard input"
	}
	return strconv.Quote(name)
}
