// Package pubkey reads OpenSSH public keys and certificates and checks the
// signatures they made, accepting exactly what OpenSSH accepts.
//
// A key, a certificate and a signature may all come from an attacker. The package
// guarantees that a key that is returned is one that OpenSSH would load, too (its point on its curve, its modulus of 1,024 bits or
// more, its certificate signed by the authority that it names), that two keys
// are Equal only if they are the same key however each was encoded, and that
// Verify returns nil only for a signature that the key's holder made over that
// message. Whether the key is trusted is for package allowedsigners to say.
//
// The arithmetic of plain keys is that of golang.org/x/crypto/ssh and of package
// composite. Certificates and FIDO signatures are read here: x/crypto/ssh encodes
// a certificate anew before it checks the authority's signature, and it requires a
// touch of the token, which ssh-keygen does not.
package pubkey

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// Errors that Parse and ParseLine wrap.
var (
	// ErrKey is a blob or a line that is no key OpenSSH would load.
	ErrKey = errors.New("not a public key")
	// ErrType is a key of an unknown type, which other versions of OpenSSH may
	// know.
	ErrType = errors.New("a key type that this version does not know")
	// ErrKeyLength is an RSA key of fewer than 1,024 bits.
	ErrKeyLength = errors.New("an RSA key of fewer than 1,024 bits")
)

// minRSABits is SSH_RSA_MINIMUM_MODULUS_SIZE.
const minRSABits = 1024

// Key is a public key or a certificate.
type Key struct {
	// Certificate is nil for a plain key.
	Certificate *Certificate

	plain       ssh.PublicKey
	short       string
	application []byte // of a FIDO key
	blob        []byte
}

// Parse reads a public key or a certificate in SSH's wire format. It checks the
// authority's signature of a certificate.
func Parse(blob []byte) (*Key, error) {
	return parse(blob, true)
}

func parse(blob []byte, certificates bool) (*Key, error) {
	r := wire.NewReader(blob)
	text := r.Name()
	name, known := typeNames[text]
	switch {
	case r.Err() != nil:
		return nil, fmt.Errorf("%w: %w", ErrKey, r.Err())
	case !known:
		return nil, fmt.Errorf("%w: %.100q", ErrType, text)
	case name.certificate && !certificates:
		return nil, fmt.Errorf("%w: type %q", ErrKey, text)
	case name.certificate:
		r.Bytes() // the nonce
	}
	key := &Key{short: keyTypes[name.plain].short, blob: blob}
	if err := key.readPlain(r, name.plain); err != nil {
		return nil, err
	}
	if name.certificate {
		if err := key.readCertificate(r); err != nil {
			return nil, err
		}
	}
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return key, nil
}

func (k *Key) readPlain(r *wire.Reader, plain string) (err error) {
	canonical := wire.AppendBytes(nil, plain)
	var last int
	for _, read := range keyTypes[plain].fields {
		last = len(canonical)
		canonical = read(r, canonical)
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	if k.plain, err = parsePlain(plain, canonical); err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	if isSecurityKey(plain) {
		k.application = canonical[last+4:]
	}
	return k.checkLength()
}

func (k *Key) checkLength() error {
	if key, ok := k.crypto().(*rsa.PublicKey); ok && key.N.BitLen() < minRSABits {
		return fmt.Errorf("%w: %w: %d bits", ErrKey, ErrKeyLength, key.N.BitLen())
	}
	return nil
}

func isSecurityKey(plain string) bool {
	return plain == ssh.KeyAlgoSKED25519 || plain == ssh.KeyAlgoSKECDSA256
}

// crypto returns the key as package crypto has it.
func (k *Key) crypto() any {
	return k.plain.(ssh.CryptoPublicKey).CryptoPublicKey()
}

// Type returns the type of the key as ssh-keygen prints it, such as ED25519,
// ECDSA-SK or RSA-CERT.
func (k *Key) Type() string {
	if k.Certificate != nil {
		return k.short + "-CERT"
	}
	return k.short
}

// Fingerprint returns "SHA256:" and the fingerprint of the key, which for a
// certificate is that of the key it certifies.
func (k *Key) Fingerprint() string { return ssh.FingerprintSHA256(k.plain) }

// Plain returns the key itself, without its certificate.
func (k *Key) Plain() ssh.PublicKey { return k.plain }

// Marshal returns the key or certificate in the wire format, as it was read.
func (k *Key) Marshal() []byte { return k.blob }

// EqualPlain reports whether two keys are the same, whatever certificates
// either has.
func (k *Key) EqualPlain(other *Key) bool {
	return bytes.Equal(k.plain.Marshal(), other.plain.Marshal())
}

// Equal reports whether two keys are the same and have the same certificate or
// none.
func (k *Key) Equal(other *Key) bool {
	if (k.Certificate == nil) != (other.Certificate == nil) {
		return false
	}
	if k.Certificate != nil && !bytes.Equal(k.blob, other.blob) {
		return false
	}
	return k.EqualPlain(other)
}
