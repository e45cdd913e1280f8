package keys

import (
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/ssh"
)

// SignsDigests reports whether the key signs digests, and so files of any size.
// Ed25519 does not, nor does the ssh-agent.
func (k *Key) SignsDigests() bool {
	return k.signDigest != nil && plainKey(k.PublicKey()).Type() != ssh.KeyAlgoED25519
}

// SignDigest makes the bare signature of a message whose digest by hash is
// given: ASN.1 for ECDSA, PKCS #1 v1.5 for RSA.
func (k *Key) SignDigest(digest []byte, hash crypto.Hash) ([]byte, error) {
	return k.signDigest(digest, hash)
}

// SignMessage makes the bare signature of a message of at most MaxMessage
// bytes, of the hash that SSH binds to the key and SHA-256 for RSA.
func (k *Key) SignMessage(message []byte) ([]byte, error) {
	plain := plainKey(k.PublicKey())
	name := plain.Type()
	if name == ssh.KeyAlgoRSA {
		name = ssh.KeyAlgoRSASHA256
	}
	signature, err := k.SignWithAlgorithm(rand.Reader, message, name)
	if err != nil {
		return nil, err
	}
	return bareBlob(plain, signature.Blob)
}

// ecdsaPair is an ECDSA signature: in a sequence by ASN.1 outside of SSH, as
// two mpints within it (RFC 5656, section 3.1.2).
type ecdsaPair struct{ R, S *big.Int }

func isECDSA(key ssh.PublicKey) bool { return strings.HasPrefix(key.Type(), "ecdsa-sha2-") }

// sshBlob converts a bare signature to the blob of an SSH signature.
func sshBlob(key ssh.PublicKey, bare []byte) ([]byte, error) {
	if !isECDSA(key) {
		return bare, nil
	}
	var pair ecdsaPair
	rest, err := asn1.Unmarshal(bare, &pair)
	if err != nil || len(rest) > 0 {
		return nil, errors.New("the service did not return an ASN.1 ECDSA signature")
	}
	return ssh.Marshal(pair), nil
}

// bareBlob is the inverse of sshBlob.
func bareBlob(key ssh.PublicKey, blob []byte) ([]byte, error) {
	if !isECDSA(key) {
		return blob, nil
	}
	var pair ecdsaPair
	if err := ssh.Unmarshal(blob, &pair); err != nil {
		return nil, fmt.Errorf("ECDSA signature: %w", err)
	}
	return asn1.Marshal(pair)
}
