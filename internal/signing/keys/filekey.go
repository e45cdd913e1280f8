package keys

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/composite"
)

// maxPassphrases is how often ssh asks before it gives up.
const maxPassphrases = 3

// decrypt asks for the passphrase until it is right; an empty answer ends it.
func (f *keyFile) decrypt(ask Passphrases) (any, error) {
	prompt := fmt.Sprintf("Enter passphrase for key '%s': ", f.path)
	for range maxPassphrases {
		answer, err := ask(prompt)
		if err != nil {
			return nil, err
		}
		if len(answer) == 0 {
			break
		}
		private, err := f.parse(answer)
		if !errors.Is(err, x509.IncorrectPasswordError) {
			return private, err
		}
	}
	return nil, errors.New("wrong passphrase")
}

// parse reads the private key, locked or not. If it needs a passphrase and has none,
// the error is a *ssh.PassphraseMissingError.
func (f *keyFile) parse(passphrase []byte) (any, error) {
	if f.public != nil && composite.IsName(f.public.Type()) {
		c, err := readContainer(f.data)
		if err != nil {
			return nil, err
		}
		if c.locked() && passphrase == nil {
			return nil, &ssh.PassphraseMissingError{PublicKey: f.public}
		}
		return c.composite(passphrase)
	}
	if passphrase == nil {
		return ssh.ParseRawPrivateKey(f.data)
	}
	return ssh.ParseRawPrivateKeyWithPassphrase(f.data, passphrase)
}

// explain adds what a user can do about a form that the parser does not know.
func explain(err error) error {
	for _, unknown := range []string{"unsupported key type", "unknown cipher", "unknown KDF"} {
		if strings.Contains(err.Error(), unknown) {
			return fmt.Errorf("%w (ssh-keygen -p -f KEY converts it to OpenSSH's own format)", err)
		}
	}
	return err
}

// newFileKey makes a Key of the result of parse.
func newFileKey(private any) (*Key, error) {
	if key, ok := private.(*composite.PrivateKey); ok {
		return &Key{AlgorithmSigner: key, maxMessage: math.MaxInt}, nil
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	algorithmSigner, ok := signer.(ssh.AlgorithmSigner)
	bare, bareOK := private.(crypto.Signer)
	if !ok || !bareOK {
		return nil, fmt.Errorf("it is of type %q", signer.PublicKey().Type())
	}
	return &Key{
		AlgorithmSigner: algorithmSigner,
		maxMessage:      math.MaxInt,
		signDigest: func(digest []byte, hash crypto.Hash) ([]byte, error) {
			return bare.Sign(rand.Reader, digest, hash)
		},
	}, nil
}

// as returns the key under the public key that the user named, which may be its
// certificate.
func (k *Key) as(public ssh.PublicKey, path string) (*Key, error) {
	if !bytes.Equal(plainKey(public).Marshal(), k.PublicKey().Marshal()) {
		return nil, fmt.Errorf("private key %q is not the private half of the public key beside it", path)
	}
	certified := *k
	certified.AlgorithmSigner = under{k.AlgorithmSigner, public}
	return &certified, nil
}
