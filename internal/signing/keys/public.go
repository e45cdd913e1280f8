package keys

import (
	"bytes"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/composite"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// certificate is that of a key whose type x/crypto/ssh does not know.
type certificate struct{ key *pubkey.Key }

func (c certificate) Type() string { return wire.NewReader(c.key.Marshal()).Name() }

func (c certificate) Marshal() []byte { return c.key.Marshal() }

func (c certificate) Verify(data []byte, signature *ssh.Signature) error {
	return c.key.Plain().Verify(data, signature)
}

// parsePublic reads a public key or a certificate in the wire format.
func parsePublic(blob []byte) (ssh.PublicKey, error) {
	key, err := pubkey.Parse(blob)
	if err != nil || !composite.IsName(key.Plain().Type()) {
		return ssh.ParsePublicKey(blob)
	}
	if key.Certificate != nil {
		return certificate{key}, nil
	}
	return key.Plain(), nil
}

// parsePublicFile reads a public key file.
func parsePublicFile(data []byte) (ssh.PublicKey, error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err == nil {
		return public, nil
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	key, _, err := pubkey.ParseLine(strings.TrimSpace(string(line)))
	if err != nil {
		return nil, err
	}
	return parsePublic(key.Marshal())
}

// plainKey is the key below a certificate.
func plainKey(key ssh.PublicKey) ssh.PublicKey {
	switch cert := key.(type) {
	case *ssh.Certificate:
		return cert.Key
	case certificate:
		return cert.key.Plain()
	}
	return key
}

// under is a signer whose key is known by a certificate.
type under struct {
	ssh.AlgorithmSigner
	public ssh.PublicKey
}

func (u under) PublicKey() ssh.PublicKey { return u.public }
