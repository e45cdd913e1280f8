package testagent

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math/big"

	"golang.org/x/crypto/ssh"
)

const application = "ssh:"

// Token is a software authenticator that was touched: it makes the signatures
// of OpenSSH's PROTOCOL.u2f.
type Token struct {
	public  ssh.PublicKey
	sign    func(data []byte) ([]byte, error)
	counter uint32
}

// NewEd25519Token returns a token with a new sk-ssh-ed25519 key.
func NewEd25519Token() (*Token, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Name        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, public, application}))
	return &Token{public: key, sign: func(data []byte) ([]byte, error) {
		return ed25519.Sign(private, data), nil
	}}, err
}

// NewECDSAToken returns a token with a new sk-ecdsa-sha2-nistp256 key.
func NewECDSAToken() (*Token, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Name, Curve string
		Point       []byte
		Application string
	}{ssh.KeyAlgoSKECDSA256, "nistp256", point, application}))
	return &Token{public: key, sign: func(data []byte) ([]byte, error) {
		digest := sha256.Sum256(data)
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		return ssh.Marshal(struct{ R, S *big.Int }{r, s}), err
	}}, err
}

// PublicKey returns the public half.
func (t *Token) PublicKey() ssh.PublicKey { return t.public }

// Sign makes a signature of data, with the flag of a touch.
func (t *Token) Sign(data []byte) (*ssh.Signature, error) {
	t.counter++
	tail := binary.BigEndian.AppendUint32([]byte{1}, t.counter)
	digest := sha256.Sum256(data)
	id := sha256.Sum256([]byte(application))
	blob, err := t.sign(append(append(id[:], tail...), digest[:]...))
	return &ssh.Signature{Format: t.public.Type(), Blob: blob, Rest: tail}, err
}
