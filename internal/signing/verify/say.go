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

// What is said of a file stands in this file, and nowhere else.

// Refusal is the error of a check that was made, and whose answer is no.
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

// noteSigner is said where nobody asked for a signer and there are several.
func noteSigner(file, identity, list string) string {
	return fmt.Sprintf("%s: signed by %q, one of several whom %q allows; -I %[2]q accepts no other", label(file), identity, list)
}

// What could not be tried.

func errMissing(name, what, option string) error {
	return fmt.Errorf("%q: there is no such %s; name it with %s", name, what, option)
}

// errRead is about the file to verify, and what is written of it meanwhile.
func errRead(err error) error {
	if path := new(fs.PathError); errors.As(err, &path) && path.Op == "write" {
		return err
	}
	return errUnreadable("file to verify", err)
}

func errNotReplaceable(name string) error {
	return fmt.Errorf("%q is not a regular file: -o replaces one, or makes it", name)
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

// What was tried and is not good.

func refusal(file, hint, format string, args ...any) error {
	return &Refusal{file, fmt.Errorf(format, args...), hint}
}

// errBadSignatureFile is about text that is no signature or one by a key of an
// unknown type, which could not be tried, or a signature that is malformed
// inside, which is none of a file.
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
	return refusal(file, "one of the two was changed, or is that of another file: do not use it, download both again",
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
		return refusal(file, "add the key only if its owner told you that it is theirs",
			"signed by %s, which %q does not list%s", sig.Key.Fingerprint(), list, more)
	case errors.Is(err, allowedsigners.ErrExpired), errors.Is(err, allowedsigners.ErrNotYetValid):
		hint = "if you know from elsewhere when it was signed, give that time (-O verify-time=TIME)"
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
	return refusal(file, "either it was renamed, or another file is served under this name",
		"%q has the sum of %q and of nothing else", s.from, s.all[0].Name)
}

func errSumDisagrees(file string, sum []byte, from string, want checksum.Sum) error {
	return refusal(file, "it is damaged or another file: do not use it, download it again",
		"its SHA-256 sum is %x, %q has %x for %q", sum, from, want.Digest, want.Name)
}

// isPlain says whether a name needs no quotes to be told from what stands around
// it. A regular expression would be a twentieth of the program.
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
