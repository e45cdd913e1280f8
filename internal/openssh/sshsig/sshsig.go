// Package sshsig makes and checks SSH signatures of files, in the SSHSIG format
// of OpenSSH's PROTOCOL.sshsig, and does both as ssh-keygen -Y does.
//
// It guards against whoever can replace a file, its signature or both on their
// way to the user. It guarantees that Verify returns nil only if the holder of
// the key that the signature names signed these contents for this namespace:
// not another file, not the same file for another purpose, not the file's hash
// taken for the file, and not with SHA-1 or a hash that the format does not
// have. It does not say whether that key is trusted: ask package
// allowedsigners about Signature.Key.
//
// Sign guarantees that the signature has been verified with the public key: if
// an agent, a token or a key service signs something else without an error, Sign
// returns an error and never a bad signature.
package sshsig

import (
	"errors"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

// Errors that the errors of Parse, Verify and Sign wrap. The error of a
// signature that does not match wraps pubkey.ErrSignature or
// pubkey.ErrAlgorithm.
var (
	// ErrArmor is text that is not an armored SSH signature.
	ErrArmor = errors.New("not an SSH signature")
	// ErrBlob is armor around something that is not a signature.
	ErrBlob = errors.New("malformed SSH signature")
	// ErrHash is a hash that is neither sha256 nor sha512.
	ErrHash = errors.New("unsupported hash algorithm")
	// ErrNamespace is a signature made for another purpose.
	ErrNamespace = errors.New("signed in namespace")
)

// Suffix is added to the name of a file for the name of its signature.
const Suffix = ".sig"

// MaxSize is the largest armored signature to read, in bytes. That of the
// largest RSA key with a certificate of 256 long names takes a tenth of it.
const MaxSize = 1 << 20

// Signature is the signature of a file.
type Signature struct {
	// Key is the key, or certificate, that the signature says made it.
	Key *pubkey.Key
	// Namespace is what the signature is for; "file" for files.
	Namespace string
	// Hash is the algorithm by which the file is hashed before it is signed.
	Hash Hash

	reserved  []byte
	signature []byte // the key's SSH signature over signedData
}
