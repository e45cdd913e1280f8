package pubkey

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// Errors that Verify wraps.
var (
	// ErrSignature is a signature that the key did not make over the message.
	ErrSignature = errors.New("the signature does not match")
	// ErrAlgorithm is a signature by an algorithm that its key does not support.
	ErrAlgorithm = errors.New("signature algorithm does not fit the key")
)

// SignatureFormat returns the algorithm that an SSH signature names.
func SignatureFormat(signature []byte) (string, error) {
	r := wire.NewReader(signature)
	name := r.Name()
	return name, r.Err()
}

// Verify checks that signature, an SSH signature in the wire format, was made
// by the key over message. For RSA it accepts every hash that OpenSSH accepts for
// some purpose, also SHA-1, with which an authority may have signed a
// certificate; a caller that accepts less looks at SignatureFormat.
func (k *Key) Verify(message, signature []byte) error {
	r := wire.NewReader(signature)
	format, blob := r.Name(), r.Bytes()
	var fido fidoFields
	if isSecurityKey(k.plain.Type()) {
		fido.read(r, format)
	}
	if err := r.End(); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if !slices.Contains(k.formats(), format) {
		return fmt.Errorf("%w: %q for a key of type %s", ErrAlgorithm, format, k.Type())
	}
	if isSecurityKey(k.plain.Type()) {
		return k.verifyFIDO(message, format, blob, fido)
	}
	return k.verifyPlain(message, format, blob)
}

// formats returns the signature algorithms of the key.
func (k *Key) formats() []string {
	switch name := k.plain.Type(); name {
	case ssh.KeyAlgoRSA:
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, name}
	case ssh.KeyAlgoSKECDSA256:
		return []string{name, webauthn, webauthnCertificate}
	default:
		return []string{name}
	}
}

func (k *Key) verifyPlain(message []byte, format string, blob []byte) error {
	if _, ok := k.crypto().(*ecdsa.PublicKey); ok {
		// x/crypto/ssh would take a negative r or s as far as the curve.
		if _, _, err := readECDSA(blob); err != nil {
			return err
		}
	}
	if err := k.plain.Verify(message, &ssh.Signature{Format: format, Blob: blob}); err != nil {
		return ErrSignature
	}
	return nil
}

func readECDSA(blob []byte) (r, s *big.Int, err error) {
	fields := wire.NewReader(blob)
	r = new(big.Int).SetBytes(fields.Integer())
	s = new(big.Int).SetBytes(fields.Integer())
	if err := fields.End(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return r, s, nil
}

// fidoFields is what a token signs besides the message (OpenSSH's
// PROTOCOL.u2f), and for a signature made in a browser what the browser adds.
type fidoFields struct {
	flags              byte
	counter            uint32
	origin             string
	client, extensions []byte
}

// isWebauthn reports whether a browser requested the signature. OpenSSH since
// 10.3 accepts the certificates' name as the signature's, too.
func isWebauthn(format string) bool { return format == webauthn || format == webauthnCertificate }

func (f *fidoFields) read(r *wire.Reader, format string) {
	f.flags, f.counter = r.Byte(), r.Uint32()
	if isWebauthn(format) {
		f.origin, f.client, f.extensions = r.Name(), r.Bytes(), r.Bytes()
	}
}

// The flags of a token's answer (W3C Web Authentication, section 6.1).
const (
	flagAttested   = 0x40
	flagExtensions = 0x80
)

// verifyFIDO checks a token's signature. It does not require a touch of the token,
// as ssh-keygen does not.
func (k *Key) verifyFIDO(message []byte, format string, blob []byte, f fidoFields) error {
	hash := sha256.Sum256(message)
	if isWebauthn(format) {
		if err := f.checkClient(message); err != nil {
			return err
		}
		hash = sha256.Sum256(f.client)
	}
	application := sha256.Sum256(k.application)
	signed := append(application[:], f.flags)
	signed = binary.BigEndian.AppendUint32(signed, f.counter)
	signed = append(append(signed, f.extensions...), hash[:]...)
	return k.verifyToken(signed, blob)
}

func (k *Key) verifyToken(signed, blob []byte) error {
	switch key := k.crypto().(type) {
	case ed25519.PublicKey:
		if ed25519.Verify(key, signed, blob) {
			return nil
		}
	case *ecdsa.PublicKey:
		r, s, err := readECDSA(blob)
		if err != nil {
			return err
		}
		if digest := sha256.Sum256(signed); ecdsa.Verify(key, digest[:], r, s) {
			return nil
		}
	}
	return ErrSignature
}

// checkClient checks that the client data, a JSON text of fixed beginning, is
// about this message and origin. What follows the origin is not looked at.
func (f *fidoFields) checkClient(message []byte) error {
	if strings.Contains(f.origin, `"`) || f.flags&flagAttested != 0 ||
		(f.flags&flagExtensions != 0) != (len(f.extensions) > 0) {
		return fmt.Errorf("%w: webauthn flags %#02x or origin %q", ErrSignature, f.flags, f.origin)
	}
	want := `{"type":"webauthn.get","challenge":"` + base64.RawURLEncoding.EncodeToString(message) +
		`","origin":"` + f.origin + `"`
	if !strings.HasPrefix(string(f.client), want) {
		return fmt.Errorf("%w: its webauthn client data is about something else", ErrSignature)
	}
	return nil
}
