package sshsig

import (
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

// Sign makes the signature of the file whose hash by h is digest (h.Digest).
// The signer's public key may be a certificate, which the signature then
// contains. RSA keys sign with rsa-sha2-512 and so must implement
// ssh.AlgorithmSigner; with RSA and Ed25519 keys the signature is that of
// ssh-keygen, byte for byte.
//
// The signature is verified with the public key before it is returned.
func Sign(signer ssh.Signer, namespace string, h Hash, digest []byte) (*Signature, error) {
	if !h.known() {
		return nil, fmt.Errorf("%w: %q, known are %q and %q", ErrHash, h, SHA256, SHA512)
	}
	if namespace == "" {
		return nil, fmt.Errorf("%w %q, which must not be empty", ErrNamespace, namespace)
	}
	key, err := pubkey.Parse(signer.PublicKey().Marshal())
	if err != nil {
		return nil, err
	}
	made, err := sign(signer, key, signedData(namespace, h, digest))
	if err != nil {
		return nil, fmt.Errorf("signing with %s key %s: %w", key.Type(), key.Fingerprint(), err)
	}
	s := &Signature{Key: key, Namespace: namespace, Hash: h, signature: ssh.Marshal(made)}
	if err := s.Verify(namespace, digest); err != nil {
		return nil, fmt.Errorf("%s key %s made a signature that is not good: %w", key.Type(), key.Fingerprint(), err)
	}
	return s, nil
}

func sign(signer ssh.Signer, key *pubkey.Key, data []byte) (*ssh.Signature, error) {
	if key.Plain().Type() != ssh.KeyAlgoRSA {
		return signer.Sign(rand.Reader, data)
	}
	rsa, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("the signer does not support %s", ssh.KeyAlgoRSASHA512)
	}
	return rsa.SignWithAlgorithm(rand.Reader, data, ssh.KeyAlgoRSASHA512)
}
