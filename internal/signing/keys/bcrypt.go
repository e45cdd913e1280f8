package keys

import (
	"crypto/sha512"
	"encoding/binary"
	"errors"

	//lint:ignore SA1019 it is what OpenSSH has chosen
	"golang.org/x/crypto/blowfish"
)

// bcryptPBKDF is OpenBSD's bcrypt_pbkdf(3), by which OpenSSH derives a key of size
// bytes from a passphrase. x/crypto has it, but does not export it.
func bcryptPBKDF(passphrase, salt []byte, rounds uint32, size int) ([]byte, error) {
	if rounds < 1 || len(salt) == 0 {
		return nil, errors.New("a salt or a number of rounds is missing")
	}
	hashed := sha512.Sum512(passphrase)
	blocks := (size + bcryptSize - 1) / bcryptSize
	key := make([]byte, size)
	for n := range blocks {
		seed := sha512.Sum512(binary.BigEndian.AppendUint32(append([]byte(nil), salt...), uint32(n+1)))
		var sum [bcryptSize]byte
		for range rounds {
			out, err := bcryptHash(hashed[:], seed[:])
			if err != nil {
				return nil, err
			}
			for i := range sum {
				sum[i] ^= out[i]
			}
			seed = sha512.Sum512(out[:])
		}
		for i := n; i < size; i += blocks { // the blocks are interleaved
			key[i] = sum[i/blocks]
		}
	}
	return key, nil
}

const bcryptSize = 32

// bcryptHash is bcrypt with 64 rounds of the key schedule and a text of its own.
func bcryptHash(passphrase, salt []byte) (out [bcryptSize]byte, err error) {
	c, err := blowfish.NewSaltedCipher(passphrase, salt)
	if err != nil {
		return out, err
	}
	for range 64 {
		blowfish.ExpandKey(salt, c)
		blowfish.ExpandKey(passphrase, c)
	}
	copy(out[:], "OxychromaticBlowfishSwatDynamite")
	for i := 0; i < len(out); i += blowfish.BlockSize {
		for range 64 {
			c.Encrypt(out[i:], out[i:i+blowfish.BlockSize])
		}
	}
	for i := 0; i < len(out); i += 4 { // its words are little endian
		binary.BigEndian.PutUint32(out[i:], binary.LittleEndian.Uint32(out[i:]))
	}
	return out, nil
}
