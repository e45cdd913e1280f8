package sshsig

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"io"
)

// Hash names the algorithm by which a file is hashed before it is signed.
type Hash string

// The hashes of the format. ssh-keygen signs with SHA512 unless told otherwise.
const (
	SHA256 Hash = "sha256"
	SHA512 Hash = "sha512"
)

func (h Hash) known() bool { return h == SHA256 || h == SHA512 }

// New returns a new hash, to be written a file to. It panics if h is neither
// SHA256 nor SHA512, which no parsed Signature has.
func (h Hash) New() hash.Hash {
	switch h {
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	}
	panic("sshsig: unknown hash " + string(h))
}

// Digest hashes all of r, which it streams.
func (h Hash) Digest(r io.Reader) ([]byte, error) {
	sum := h.New()
	if _, err := io.Copy(sum, r); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}
