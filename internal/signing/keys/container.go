package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/composite"
)

// container is OpenSSH's format of private keys (PROTOCOL.key). x/crypto/ssh
// opens it for the types of key that it knows.
type container struct {
	Cipher, KDF string
	KDFOptions  []byte
	Keys        uint32
	Public      []byte
	Private     []byte
	Rest        []byte `ssh:"rest"`
}

func readContainer(data []byte) (*container, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not in PEM")
	}
	body, ok := bytes.CutPrefix(block.Bytes, []byte("openssh-key-v1\x00"))
	if !ok {
		return nil, errors.New("not in OpenSSH's own format")
	}
	var c container
	return &c, ssh.Unmarshal(body, &c)
}

func (c *container) locked() bool { return c.Cipher != "none" }

// composite returns the private key. For a wrong passphrase the error is
// x509.IncorrectPasswordError, as with x/crypto/ssh.
func (c *container) composite(passphrase []byte) (*composite.PrivateKey, error) {
	plain := c.Private
	if c.locked() {
		var err error
		if plain, err = c.decrypt(passphrase); err != nil {
			return nil, err
		}
	}
	var key struct {
		Check1, Check2 uint32
		Type           string
		Public, Seeds  []byte
		Comment        string
		Padding        []byte `ssh:"rest"`
	}
	err := ssh.Unmarshal(plain, &key)
	if c.locked() && (err != nil || key.Check1 != key.Check2) {
		return nil, x509.IncorrectPasswordError
	}
	if err != nil {
		return nil, err
	}
	private, err := composite.NewPrivateKey(key.Type, key.Seeds)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(private.PublicKey().Marshal(), c.Public) {
		return nil, errors.New("its halves do not fit")
	}
	return private, nil
}

// decrypt supports ssh-keygen's default cipher and KDF.
func (c *container) decrypt(passphrase []byte) ([]byte, error) {
	const keySize = 32
	if c.Cipher != "aes256-ctr" {
		return nil, fmt.Errorf("unknown cipher %q", c.Cipher)
	}
	if c.KDF != "bcrypt" {
		return nil, fmt.Errorf("unknown KDF %q", c.KDF)
	}
	var options struct {
		Salt   []byte
		Rounds uint32
	}
	if err := ssh.Unmarshal(c.KDFOptions, &options); err != nil {
		return nil, err
	}
	derived, err := bcryptPBKDF(passphrase, options.Salt, options.Rounds, keySize+aes.BlockSize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived[:keySize])
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(c.Private))
	cipher.NewCTR(block, derived[keySize:]).XORKeyStream(plain, c.Private)
	return plain, nil
}
