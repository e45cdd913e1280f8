package sigstore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha512" // registers SHA-384 and SHA-512
	"errors"
	"fmt"
	"io"
)

// MaxEd25519 is the largest file, in bytes, that Ed25519 signs and verifies
// here: it does not sign a digest but the file, which has to be in memory.
const MaxEd25519 = 256 << 20

// ErrBad is wrapped if the bundle is not a signature of the file, but not if the
// file could not be read or the key not be used.
var ErrBad = errors.New("verification failed")

// SigningHash returns the hash that a key signs files by in a bundle, and 0
// for Ed25519, which takes the file as it is. See the registry of algorithms
// in sigstore_common.proto, PublicKeyDetails.
func SigningHash(key crypto.PublicKey) (crypto.Hash, error) {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return 0, nil
	case *rsa.PublicKey:
		return crypto.SHA256, nil
	case *ecdsa.PublicKey:
		switch key.Curve.Params().BitSize {
		case 256:
			return crypto.SHA256, nil
		case 384:
			return crypto.SHA384, nil
		case 521:
			return crypto.SHA512, nil
		}
	}
	return 0, fmt.Errorf("a key of type %T signs no bundles: expected Ed25519, RSA or ECDSA P-256, P-384, P-521", key)
}

// Verify reports whether the bundle has a signature by key over artifact,
// which is read once to its end. The error wraps ErrBad if it has not.
func (b *Bundle) Verify(key crypto.PublicKey, artifact io.Reader) error {
	signing, err := SigningHash(key)
	if err != nil {
		return err
	}
	if signing == 0 {
		return b.verifyEd25519(key.(ed25519.PublicKey), artifact)
	}
	if b.Hash != 0 {
		signing = b.Hash
	}
	digest := signing.New()
	if _, err := io.Copy(digest, artifact); err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	return b.VerifyDigest(key, digest.Sum(nil))
}

// VerifyDigest is Verify for an RSA or ECDSA key and a file whose digest, by
// the bundle's Hash or else the key's SigningHash, is known already.
func (b *Bundle) VerifyDigest(key crypto.PublicKey, digest []byte) error {
	if err := b.checkDigest(digest); err != nil {
		return err
	}
	good := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		good = rsa.VerifyPKCS1v15(key, b.rsaHash(), digest, b.Signature) == nil
	case *ecdsa.PublicKey:
		good = ecdsa.VerifyASN1(key, digest, b.Signature)
	}
	return b.judge(good, key)
}

func (b *Bundle) rsaHash() crypto.Hash {
	if b.Hash == 0 {
		return crypto.SHA256
	}
	return b.Hash
}

func (b *Bundle) verifyEd25519(key ed25519.PublicKey, artifact io.Reader) error {
	message, err := readWhole(artifact, MaxEd25519)
	if err != nil {
		return err
	}
	return b.VerifyMessage(key, message)
}

func readWhole(artifact io.Reader, limit int64) ([]byte, error) {
	message, err := io.ReadAll(io.LimitReader(artifact, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	if int64(len(message)) > limit {
		return nil, fmt.Errorf("the file is over %d MiB, the most that an Ed25519 bundle is verified for: use its .sig", limit>>20)
	}
	return message, nil
}

// VerifyMessage is Verify for an Ed25519 key and a file that is in memory.
func (b *Bundle) VerifyMessage(key ed25519.PublicKey, message []byte) error {
	if b.Hash != 0 {
		digest := b.Hash.New()
		digest.Write(message)
		if err := b.checkDigest(digest.Sum(nil)); err != nil {
			return err
		}
	}
	return b.judge(ed25519.Verify(key, message, b.Signature), key)
}

func (b *Bundle) checkDigest(digest []byte) error {
	if b.Hash != 0 && !bytes.Equal(digest, b.Digest) {
		return fmt.Errorf("%w: the bundle is of a file with %v %x, this one has %x", ErrBad, b.Hash, b.Digest, digest)
	}
	return nil
}

func (b *Bundle) judge(good bool, key crypto.PublicKey) error {
	if good {
		return nil
	}
	if hint, err := Hint(key); err == nil && b.Hint != "" && b.Hint != hint {
		return fmt.Errorf("%w: the signature is not by this key: the bundle names key %q, this is %q", ErrBad, b.Hint, hint)
	}
	return fmt.Errorf("%w: the signature is not by this key over this file", ErrBad)
}
