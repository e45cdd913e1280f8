// Package sigstore writes, reads and verifies sigstore bundles of version 0.3
// that hold the signature of a file by a plain key, as defined by
// sigstore_bundle.proto and written by cosign sign-blob --key.
//
// It guarantees that a bundle that Verify accepts has a signature by the given
// key over the bytes that were read, whatever else is in it. It does not check
// entries of transparency logs and timestamps, and Unchecked says so. It refuses
// bundles made with a certificate, and DSSE envelopes. The reader is strict, so
// that no other program can see another signature in the same bytes: every field
// must be known and occur once, in one of the forms of proto3's JSON.
package sigstore

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MediaType is the media type of a bundle of version 0.3.
const MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// mediaTypeOfDrafts is the older spelling of the same version.
const mediaTypeOfDrafts = "application/vnd.dev.sigstore.bundle+json;version=0.3"

// Suffix is added to the name of a file for the name of its bundle.
const Suffix = ".sigstore.json"

// MaxSize is the most that Read takes, in bytes. Bundles with log entries
// have a few KiB.
const MaxSize = 1 << 20

// Bundle is the signature of one file by a plain key.
type Bundle struct {
	// Hint says which key made the signature; it proves nothing.
	Hint string
	// Hash and Digest name the file: its SHA-256, SHA-384 or SHA-512. Hash is
	// 0 where the bundle does not have them.
	Hash   crypto.Hash
	Digest []byte
	// Signature is over the file: of its digest for RSA (PKCS #1 v1.5) and
	// ECDSA (ASN.1), of its bytes for Ed25519.
	Signature []byte

	logEntries, timestamps int
}

// New returns the bundle of a file with the given digest, signed by key.
func New(key crypto.PublicKey, hash crypto.Hash, digest, signature []byte) (*Bundle, error) {
	hint, err := Hint(key)
	if err != nil {
		return nil, err
	}
	return &Bundle{Hint: hint, Hash: hash, Digest: digest, Signature: signature}, nil
}

// Hint returns what cosign writes for a key: the SHA-256 of its DER form.
func Hint(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

// Unchecked names the parts of the bundle that Verify does not check.
func (b *Bundle) Unchecked() []string {
	var names []string
	if b.logEntries > 0 {
		names = append(names, fmt.Sprintf("transparency log entries: %d", b.logEntries))
	}
	if b.timestamps > 0 {
		names = append(names, fmt.Sprintf("signed timestamps: %d", b.timestamps))
	}
	return names
}

// MarshalText returns the bundle as JSON on one line.
func (b *Bundle) MarshalText() ([]byte, error) {
	name, ok := hashNames[b.Hash]
	if !ok {
		return nil, fmt.Errorf("a bundle cannot name the hash %v", b.Hash)
	}
	text, err := json.Marshal(document{
		MediaType: MediaType,
		Material:  material{PublicKey: &publicKey{Hint: b.Hint}},
		Message: &messageSignature{
			Digest:    &messageDigest{Algorithm: algorithm(name), Digest: b.Digest},
			Signature: b.Signature,
		},
	})
	return append(text, '\n'), err
}

// Read reads a bundle. The error says what is wrong with it, or which kind of
// bundle it is, if this package does not verify that kind.
func Read(r io.Reader) (*Bundle, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("a bundle has at most %d bytes, this has more", MaxSize)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("not a sigstore bundle: %w", err)
	}
	return d.bundle()
}

func (d *document) bundle() (*Bundle, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	b := &Bundle{
		Hint:       d.Material.PublicKey.Hint,
		Signature:  d.Message.Signature,
		logEntries: len(d.Material.LogEntries),
	}
	if d.Material.Timestamps != nil {
		b.timestamps = len(d.Material.Timestamps.RFC3161)
	}
	if d.Message.Digest == nil || d.Message.Digest.empty() {
		return b, nil
	}
	for hash, name := range hashNames {
		if name == string(d.Message.Digest.Algorithm) && hash.Size() == len(d.Message.Digest.Digest) {
			b.Hash, b.Digest = hash, d.Message.Digest.Digest
			return b, nil
		}
	}
	return nil, fmt.Errorf("message digest %q of %d bytes: expected SHA2_256, SHA2_384 or SHA2_512 of its size", d.Message.Digest.Algorithm, len(d.Message.Digest.Digest))
}

func (d *document) check() error {
	switch {
	case d.MediaType != MediaType && d.MediaType != mediaTypeOfDrafts:
		return fmt.Errorf("bundle of media type %q, expected %q", d.MediaType, MediaType)
	case d.Envelope != nil:
		return errors.New("the bundle holds a DSSE envelope (an attestation), expected the signature of a file")
	case d.Material.Certificate != nil || d.Material.Chain != nil:
		return errors.New("the bundle was made with a certificate, expected one made with a plain key: verify it with cosign")
	case d.Material.PublicKey == nil:
		return errors.New("the bundle names no public key")
	case strings.ContainsRune(d.Material.PublicKey.Hint, utf8.RuneError):
		// encoding/json writes this for invalid text, such as half a pair
		// of surrogates.
		return errors.New("the hint at the public key is not valid text")
	case d.Message == nil || len(d.Message.Signature) == 0:
		return errors.New("the bundle has no signature")
	}
	return nil
}
