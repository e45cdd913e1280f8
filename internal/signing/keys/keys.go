// Package keys opens the private key that a release is signed with,
// wherever it lives: in a file, in the ssh-agent (and behind it on a FIDO
// token), or in a key management service.
//
// It guarantees that a private key file that others can read is not used, and
// that the key that signs is the one that the caller named, never another one of
// the agent. Answers of an agent, a plugin or a service are not trusted: the
// caller verifies each signature before it is used.
package keys

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/composite"
)

// Key signs with a private key, which may be elsewhere.
type Key struct {
	ssh.AlgorithmSigner
	// signDigest makes a bare signature, ASN.1 for ECDSA and PKCS #1 v1.5 for
	// RSA, of a message with the given digest. It is nil if the holder of the
	// key takes whole messages only, as the ssh-agent does.
	signDigest func(digest []byte, hash crypto.Hash) ([]byte, error)
	// maxMessage is the longest message the holder takes, in bytes.
	maxMessage int
}

// MaxMessage is the longest message, in bytes, that the key signs.
func (k *Key) MaxMessage() int { return k.maxMessage }

// Passphrases asks the user for the passphrase of a key; see passphrase.Ask.
type Passphrases func(prompt string) ([]byte, error)

// Open returns the key that ref names: a private key file, a public key file
// whose private half is in the ssh-agent or beside it, or NAME://REFERENCE in
// the key management service that the program sigstore-kms-NAME speaks to.
func Open(ref string, ask Passphrases) (*Key, error) {
	key, err := open(ref, ask)
	if err != nil {
		return nil, err
	}
	return key, checkLength(key.PublicKey())
}

func open(ref string, ask Passphrases) (*Key, error) {
	if isKMS(ref) {
		return openKMS(ref)
	}
	file, err := readKeyFile(ref)
	if err != nil {
		return nil, err
	}
	if file.private {
		return file.openPrivate(ask)
	}
	return file.openPublic(ask)
}

// minRSA is the shortest RSA key, in bits, that makes signatures here. ssh-keygen
// accepts half of that.
const minRSA = 2048

func checkLength(key ssh.PublicKey) error {
	plain, ok := plainKey(key).(ssh.CryptoPublicKey)
	if !ok {
		return nil
	}
	if rsa, ok := plain.CryptoPublicKey().(*rsa.PublicKey); ok && rsa.N.BitLen() < minRSA {
		return fmt.Errorf("an RSA key of %d bits is too weak to sign with, expected at least %d", rsa.N.BitLen(), minRSA)
	}
	return nil
}

// PublicKey returns the public key of the key that ref names. It does not ask for
// a passphrase if the file has the public half in the clear.
func PublicKey(ref string, ask Passphrases) (ssh.PublicKey, error) {
	if !isKMS(ref) {
		file, err := readKeyFile(ref)
		if err != nil {
			return nil, err
		}
		if file.public != nil {
			return file.public, nil
		}
	}
	key, err := Open(ref, ask)
	if err != nil {
		return nil, err
	}
	return key.PublicKey(), nil
}

// PlainKey returns the key without certificate and SSH encoding, as other software
// takes it. FIDO keys have no such form, since they never sign a message as it is,
// nor have keys of ML-DSA-44 and Ed25519.
func PlainKey(key ssh.PublicKey) (crypto.PublicKey, error) {
	key = plainKey(key)
	plain, ok := key.(ssh.CryptoPublicKey)
	if !ok || IsFIDO(key) || composite.IsName(key.Type()) {
		return nil, fmt.Errorf("a key of type %q has no form outside of SSH", key.Type())
	}
	return plain.CryptoPublicKey(), nil
}

// IsFIDO says whether the private half is on a FIDO token, which may want to
// be touched for each signature.
func IsFIDO(key ssh.PublicKey) bool { return strings.HasPrefix(key.Type(), "sk-") }

// Sign makes an SSH signature of data by the algorithm that ssh-keygen uses
// for the key, which for RSA is rsa-sha2-512.
func (k *Key) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(rand, data, algorithm(k.PublicKey()))
}

// algorithm is the algorithm that ssh-keygen -Y sign uses for a key.
func algorithm(key ssh.PublicKey) string {
	if name := plainKey(key).Type(); name != ssh.KeyAlgoRSA {
		return name
	}
	return ssh.KeyAlgoRSASHA512
}
