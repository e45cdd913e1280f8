package signing

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"

	"golang.org/x/crypto/ssh"
)

// parsePrivate turns a private key of OpenSSH's format into PKCS #8, which
// ssh-keygen does not write for every type.
func parsePrivate(text []byte) ([]byte, error) {
	private, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		return nil, err
	}
	if key, ok := private.(*ed25519.PrivateKey); ok {
		private = *key
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}
