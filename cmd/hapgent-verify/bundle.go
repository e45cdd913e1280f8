package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/sigstore"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

// maxKeySize is the largest public key file to read, in bytes; an RSA key of
// 16,384 bits has 3,000.
const maxKeySize = 64 << 10

// bundleCheck checks a file against a sigstore bundle and the key it was made
// with.
type bundleCheck struct {
	*options
	stdin  io.Reader
	key    ssh.PublicKey
	bundle *sigstore.Bundle
}

func newBundleCheck(o *options, stdin io.Reader) (check, error) {
	c := &bundleCheck{options: o, stdin: stdin}
	data, err := readFile(o.key, maxKeySize, "public key", "--key")
	if err != nil {
		return nil, err
	}
	if c.key, err = parsePublicKey(data); err != nil {
		return nil, errBadKey(o.key, err)
	}
	if data, err = readFile(o.bundle, sigstore.MaxSize, "bundle", "--bundle"); err != nil {
		return nil, err
	}
	if c.bundle, err = sigstore.Read(bytes.NewReader(data)); err != nil {
		return nil, errMalformed(o.bundle, err)
	}
	return c.file, nil
}

// parsePublicKey reads a key as OpenSSH writes it, or as cosign does in PEM.
func parsePublicKey(data []byte) (ssh.PublicKey, error) {
	if block, _ := pem.Decode(data); block != nil {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		return ssh.NewPublicKey(key)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	key, _, err := pubkey.ParseLine(string(line))
	if err != nil {
		return nil, err
	}
	return key.Plain(), nil
}

// file checks one file, of which it takes the SHA-256 sum in the same read.
func (c *bundleCheck) file(name string) (good string, err error) {
	sums, err := readSums(c.options, name)
	if err != nil {
		return "", err
	}
	f, err := open(name, c.stdin)
	if err != nil {
		return "", errUnreadable("file to verify", err)
	}
	defer f.Close()
	sum := sha256.New()
	err = c.bundle.Verify(c.crypto(), io.TeeReader(f, sum))
	if err != nil && !errors.Is(err, sigstore.ErrBad) {
		return "", errBundleUntried(c.options.bundle, name, err)
	}
	if err != nil {
		err = errBadBundle(c.options.bundle, name, err)
	}
	if err := fail(sums.check(name, sum.Sum(nil)), err); err != nil {
		return "", err
	}
	return goodBundle(c.key, c.bundle), nil
}

func (c *bundleCheck) crypto() crypto.PublicKey {
	return c.key.(ssh.CryptoPublicKey).CryptoPublicKey()
}
