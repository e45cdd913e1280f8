package verify

import (
	"bytes"
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

// Bundle is a sigstore bundle, and the key of its signer.
type Bundle struct {
	name   string
	key    ssh.PublicKey
	bundle *sigstore.Bundle
}

// ReadBundle reads a bundle, and a public key as OpenSSH or cosign writes it.
func ReadBundle(bundle, key string) (*Bundle, error) {
	data, err := readFile(key, maxKeySize, "public key", "--key")
	if err != nil {
		return nil, err
	}
	b := &Bundle{name: bundle}
	if b.key, err = parsePublicKey(data); err != nil {
		return nil, errBadKey(key, err)
	}
	if data, err = readFile(bundle, sigstore.MaxSize, "bundle", "--bundle"); err != nil {
		return nil, err
	}
	if b.bundle, err = sigstore.Read(bytes.NewReader(data)); err != nil {
		return nil, errMalformed(bundle, err)
	}
	return b, nil
}

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

// File checks a file against the bundle and its sums.
func (b *Bundle) File(f File) (*Good, error) {
	sums, err := f.sums()
	if err != nil {
		return nil, err
	}
	in, err := f.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	sum := sha256.New()
	err = b.bundle.Verify(b.key.(ssh.CryptoPublicKey).CryptoPublicKey(), io.TeeReader(in, sum))
	if err != nil && !errors.Is(err, sigstore.ErrBad) {
		return nil, errBundleUntried(b.name, f.Name, err)
	}
	if err != nil {
		err = errBadBundle(b.name, f.Name, err)
	}
	if err := errors.Join(sums.check(f.Name, sum.Sum(nil)), err); err != nil {
		return nil, err
	}
	return &Good{Text: goodBundle(b.key, b.bundle), Remark: f.Sums.remark()}, in.keep()
}
