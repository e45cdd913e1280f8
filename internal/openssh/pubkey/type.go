package pubkey

import (
	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/composite"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// Names of the signatures that a FIDO token makes in a browser.
const (
	webauthn            = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
	webauthnCertificate = "webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"
)

// keyType is what tells one type of key from another when it is read: the
// fields after its name, which are all that can be known of the key's length
// inside a certificate.
type keyType struct {
	short       string // as ssh-keygen prints it
	certificate string // the name of its certificates
	fields      []field
}

// A field reads one part of a key and appends it in its one canonical form.
type field func(r *wire.Reader, canonical []byte) []byte

func bytesField(r *wire.Reader, canonical []byte) []byte {
	return wire.AppendBytes(canonical, r.Bytes())
}

func nameField(r *wire.Reader, canonical []byte) []byte {
	return wire.AppendBytes(canonical, r.Name())
}

func integerField(r *wire.Reader, canonical []byte) []byte {
	return wire.AppendInteger(canonical, r.Integer())
}

// keyTypes has every accepted type: those of OpenSSH 10, without DSA, which
// OpenSSH 9 still had.
var keyTypes = map[string]keyType{
	ssh.KeyAlgoED25519:    {"ED25519", ssh.CertAlgoED25519v01, []field{bytesField}},
	ssh.KeyAlgoRSA:        {"RSA", ssh.CertAlgoRSAv01, []field{integerField, integerField}},
	ssh.KeyAlgoECDSA256:   {"ECDSA", ssh.CertAlgoECDSA256v01, []field{nameField, bytesField}},
	ssh.KeyAlgoECDSA384:   {"ECDSA", ssh.CertAlgoECDSA384v01, []field{nameField, bytesField}},
	ssh.KeyAlgoECDSA521:   {"ECDSA", ssh.CertAlgoECDSA521v01, []field{nameField, bytesField}},
	ssh.KeyAlgoSKED25519:  {"ED25519-SK", ssh.CertAlgoSKED25519v01, []field{bytesField, nameField}},
	ssh.KeyAlgoSKECDSA256: {"ECDSA-SK", ssh.CertAlgoSKECDSA256v01, []field{nameField, bytesField, nameField}},
	composite.Name:        {"MLDSA44-ED25519", "ssh-mldsa44-ed25519-cert", []field{bytesField}},
	composite.FirstName:   {"MLDSA44-ED25519", "ssh-mldsa44-ed25519-cert-v01@openssh.com", []field{bytesField}},
}

// parsePlain reads a plain key in its canonical form.
func parsePlain(name string, canonical []byte) (ssh.PublicKey, error) {
	if composite.IsName(name) {
		return composite.ParsePublicKey(canonical)
	}
	return ssh.ParsePublicKey(canonical)
}

// typeName is the meaning of a type's name.
type typeName struct {
	plain       string
	certificate bool
}

// typeNames are the names that a key may have: the names of its type, and names
// of signature algorithms, which OpenSSH accepts as well.
var typeNames = map[string]typeName{
	ssh.KeyAlgoRSASHA256:     {ssh.KeyAlgoRSA, false},
	ssh.KeyAlgoRSASHA512:     {ssh.KeyAlgoRSA, false},
	ssh.CertAlgoRSASHA256v01: {ssh.KeyAlgoRSA, true},
	ssh.CertAlgoRSASHA512v01: {ssh.KeyAlgoRSA, true},
	webauthn:                 {ssh.KeyAlgoSKECDSA256, false},
	webauthnCertificate:      {ssh.KeyAlgoSKECDSA256, true},
}

func init() {
	for name, typ := range keyTypes {
		typeNames[name] = typeName{name, false}
		typeNames[typ.certificate] = typeName{name, true}
	}
}
