package sshsig

import (
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

// Verify checks that the signature was made by its Key for namespace, over the
// file whose hash by s.Hash is digest. The error wraps ErrNamespace,
// pubkey.ErrAlgorithm or pubkey.ErrSignature.
func (s *Signature) Verify(namespace string, digest []byte) error {
	if s.Namespace != namespace {
		return fmt.Errorf("%w %q, expected %q", ErrNamespace, s.Namespace, namespace)
	}
	if err := s.checkAlgorithm(); err != nil {
		return err
	}
	return s.Key.Verify(signedData(namespace, s.Hash, digest), s.signature)
}

// checkAlgorithm refuses RSA with SHA-1, as ssh-keygen does for files.
func (s *Signature) checkAlgorithm() error {
	if s.Key.Plain().Type() != ssh.KeyAlgoRSA {
		return nil
	}
	format, err := pubkey.SignatureFormat(s.signature)
	if err != nil {
		return fmt.Errorf("%w: %w", pubkey.ErrSignature, err)
	}
	if format != ssh.KeyAlgoRSASHA256 && format != ssh.KeyAlgoRSASHA512 {
		return fmt.Errorf("%w: %q, expected %q or %q", pubkey.ErrAlgorithm,
			format, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
	}
	return nil
}
