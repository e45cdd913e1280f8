package pubkey

import (
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// certSuffix turns the name of a key type into that of its certificates.
const certSuffix = "-cert-v01@openssh.com"

const webauthn = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"

// keyType is what tells one type of key from another when it is read: the
// fields after its name, which are all that can be known of the key's length
// inside a certificate.
type keyType struct {
	short  string // as ssh-keygen prints it
	fields []field
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

var ecdsaType = keyType{"ECDSA", []field{nameField, bytesField}}

// keyTypes has every type that is accepted: those of OpenSSH 10. DSA, which
// OpenSSH 9 still had, is not one of them.
var keyTypes = map[string]keyType{
	ssh.KeyAlgoED25519:   {"ED25519", []field{bytesField}},
	ssh.KeyAlgoRSA:       {"RSA", []field{integerField, integerField}},
	ssh.KeyAlgoECDSA256:  ecdsaType,
	ssh.KeyAlgoECDSA384:  ecdsaType,
	ssh.KeyAlgoECDSA521:  ecdsaType,
	ssh.KeyAlgoSKED25519: {"ED25519-SK", []field{bytesField, nameField}},
	ssh.KeyAlgoSKECDSA256: {"ECDSA-SK",
		[]field{nameField, bytesField, nameField}},
}

// aliases are names of signature algorithms that OpenSSH also takes as the
// name of the key.
var aliases = map[string]string{
	ssh.KeyAlgoRSASHA256: ssh.KeyAlgoRSA,
	ssh.KeyAlgoRSASHA512: ssh.KeyAlgoRSA,
	webauthn:             ssh.KeyAlgoSKECDSA256,
}

// splitType returns the plain key type that name stands for, and whether it is
// the name of its certificates.
func splitType(name string) (plain string, certificate bool) {
	plain, certificate = strings.CutSuffix(name, certSuffix)
	if full := plain + "@openssh.com"; certificate && strings.HasPrefix(plain, "sk-") {
		plain = full
	}
	if key, ok := aliases[plain]; ok {
		plain = key
	}
	return plain, certificate
}
