package files

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ed25519"
	"fmt"
	"hash"
	"io"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/sigstore"
	"github.com/epicfilemcnulty/hapgent/internal/signing/keys"
)

// bundler makes the bundle of a file.
type bundler struct {
	key     *keys.Key
	plain   crypto.PublicKey
	hash    crypto.Hash
	digest  hash.Hash
	message *bytes.Buffer // the file itself, for keys that sign no digests
}

func newBundler(key *keys.Key) (*bundler, error) {
	plain, err := keys.PlainKey(key.PublicKey())
	if err != nil {
		return nil, fmt.Errorf("no bundle: %w", err)
	}
	algorithm, err := sigstore.SigningHash(plain)
	if err != nil {
		return nil, fmt.Errorf("no bundle: %w", err)
	}
	if algorithm == 0 { // Ed25519: the digest only names the file
		algorithm = crypto.SHA256
	}
	b := &bundler{key: key, plain: plain, hash: algorithm, digest: algorithm.New()}
	if !key.SignsDigests() {
		b.message = new(bytes.Buffer)
	}
	return b, nil
}

// tee returns a reader of the file that keeps the bytes if the key needs them all.
func (b *bundler) tee(file io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(file, headSize)
	head, _ := buffered.Peek(headSize) // an error comes again when the file is read
	if err := checkNoMessage(head); err != nil {
		return nil, err
	}
	if b.message == nil {
		return buffered, nil
	}
	return io.TeeReader(buffered, b), nil
}

// Write keeps the next bytes of the file.
func (b *bundler) Write(p []byte) (int, error) {
	if limit := min(b.key.MaxMessage(), sigstore.MaxEd25519); b.message.Len()+len(p) > limit {
		return 0, fmt.Errorf("no bundle: this key signs whole files, of at most %d bytes (an ECDSA or RSA key in a file or a KMS has no such limit)", limit)
	}
	return b.message.Write(p)
}

// sign returns the bundle, verified.
func (b *bundler) sign() ([]byte, error) {
	digest := b.digest.Sum(nil)
	signature, err := b.bareSignature(digest)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	made, err := sigstore.New(b.plain, b.hash, digest, signature)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if err := b.verify(made, digest); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return made.MarshalText()
}

func (b *bundler) bareSignature(digest []byte) ([]byte, error) {
	if b.message == nil {
		return b.key.SignDigest(digest, b.hash)
	}
	return b.key.SignMessage(b.message.Bytes())
}

func (b *bundler) verify(made *sigstore.Bundle, digest []byte) error {
	if key, ok := b.plain.(ed25519.PublicKey); ok {
		return made.VerifyMessage(key, b.message.Bytes())
	}
	return made.VerifyDigest(b.plain, digest)
}
