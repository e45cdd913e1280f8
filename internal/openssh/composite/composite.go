// Package composite has the post-quantum keys of OpenSSH 10.4 and later, which
// sign by ML-DSA-44 and by Ed25519 at once: ssh-keygen -t mldsa44-ed25519.
//
// A public key may come from an attacker. Verify guarantees that both halves of
// the key signed the message, for this construction and for no other: to break
// one of the two algorithms is not enough for a signature, and a signature of
// either half over something else is not accepted.
//
// The construction is that of draft-ietf-lamps-pq-composite-sigs, with an empty
// context, as OpenSSH's ssh-mldsa-eddsa.c has it. golang.org/x/crypto/ssh knows
// keys of ML-DSA alone, which OpenSSH does not.
package composite

import (
	"crypto"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// Names of the type. As in OpenSSH, keys of different names are different keys.
const (
	// Name is the name since OpenSSH 10.6.
	Name = "ssh-mldsa44-ed25519"
	// FirstName is the name in OpenSSH 10.4 and 10.5.
	FirstName = "ssh-mldsa44-ed25519@openssh.com"
)

// The parts of a message that both halves sign; the label is also the context of
// ML-DSA.
const (
	prefix = "CompositeAlgorithmSignatures2025"
	label  = "COMPSIG-MLDSA44-Ed25519-SHA512"
)

// ErrKey is wrapped by the errors of ParsePublicKey and NewPrivateKey.
var ErrKey = errors.New("not a key of ML-DSA-44 and Ed25519")

var errSignature = errors.New("the signature does not match")

var parameters = mldsa.MLDSA44()

// IsName says whether a type's name is one of these keys'.
func IsName(name string) bool { return name == Name || name == FirstName }

// PublicKey is a public key; it is an ssh.PublicKey.
type PublicKey struct {
	name    string
	encoded []byte // the ML-DSA key, and then the Ed25519 key
	first   *mldsa.PublicKey
	second  ed25519.PublicKey
}

// ParsePublicKey reads a key in SSH's wire format.
func ParsePublicKey(blob []byte) (*PublicKey, error) {
	r := wire.NewReader(blob)
	name, encoded := r.Name(), r.Bytes()
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return newPublicKey(name, encoded)
}

func newPublicKey(name string, encoded []byte) (*PublicKey, error) {
	size := parameters.PublicKeySize()
	if !IsName(name) || len(encoded) != size+ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: type %q of %d bytes", ErrKey, name, len(encoded))
	}
	first, err := mldsa.NewPublicKey(parameters, encoded[:size])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &PublicKey{name, encoded, first, encoded[size:]}, nil
}

// Type returns the name of the key's type.
func (k *PublicKey) Type() string { return k.name }

// Marshal returns the key in the wire format.
func (k *PublicKey) Marshal() []byte {
	return wire.AppendBytes(wire.AppendBytes(nil, k.name), k.encoded)
}

// CryptoPublicKey returns the key itself: package crypto has no such key.
func (k *PublicKey) CryptoPublicKey() crypto.PublicKey { return k }

// Verify returns nil if both halves of the key signed data.
func (k *PublicKey) Verify(data []byte, signature *ssh.Signature) error {
	size := parameters.SignatureSize()
	if signature.Format != k.name || len(signature.Rest) > 0 || len(signature.Blob) != size+ed25519.SignatureSize {
		return errSignature
	}
	signed := message(data)
	if err := mldsa.Verify(k.first, signed, signature.Blob[:size], &mldsa.Options{Context: label}); err != nil {
		return errSignature
	}
	if !ed25519.Verify(k.second, signed, signature.Blob[size:]) {
		return errSignature
	}
	return nil
}

// message is what both halves sign. The byte is the length of the context.
func message(data []byte) []byte {
	digest := sha512.Sum512(data)
	return append([]byte(prefix+label+"\x00"), digest[:]...)
}

// PrivateKey is a private key; it is an ssh.AlgorithmSigner.
type PrivateKey struct {
	public *PublicKey
	first  *mldsa.PrivateKey
	second ed25519.PrivateKey
}

// NewPrivateKey returns the key of two seeds, that of ML-DSA first, as OpenSSH
// stores them.
func NewPrivateKey(name string, seeds []byte) (*PrivateKey, error) {
	if len(seeds) != mldsa.PrivateKeySize+ed25519.SeedSize {
		return nil, fmt.Errorf("%w: seeds of %d bytes", ErrKey, len(seeds))
	}
	first, err := mldsa.NewPrivateKey(parameters, seeds[:mldsa.PrivateKeySize])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	second := ed25519.NewKeyFromSeed(seeds[mldsa.PrivateKeySize:])
	public, err := newPublicKey(name, append(first.PublicKey().Bytes(), second[ed25519.SeedSize:]...))
	if err != nil {
		return nil, err
	}
	return &PrivateKey{public, first, second}, nil
}

// PublicKey returns the public half.
func (k *PrivateKey) PublicKey() ssh.PublicKey { return k.public }

// Sign signs data; it does not use the given source of randomness.
func (k *PrivateKey) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	signed := message(data)
	first, err := k.first.Sign(nil, signed, &mldsa.Options{Context: label})
	if err != nil {
		return nil, err
	}
	return &ssh.Signature{Format: k.public.name, Blob: append(first, ed25519.Sign(k.second, signed)...)}, nil
}

// SignWithAlgorithm is Sign, which knows the key's own algorithm alone.
func (k *PrivateKey) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if algorithm != k.public.name {
		return nil, fmt.Errorf("a key of type %q does not sign by %q", k.public.name, algorithm)
	}
	return k.Sign(rand, data)
}
