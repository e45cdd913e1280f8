package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"regexp"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"golang.org/x/crypto/ssh"
)

// kmsReference is NAME://REFERENCE. NAME becomes part of the name of a program.
var kmsReference = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_-]*)://`)

func isKMS(ref string) bool { return kmsReference.MatchString(ref) }

// kmsKey signs by a key management service. It hands over the whole message
// and never a digest: sigstore's own crypto.Signer for plugins passes only
// the digest on, which makes an ed25519 key sign the empty message.
type kmsKey struct {
	service kms.SignerVerifier
	public  ssh.PublicKey
}

func openKMS(ref string) (*Key, error) {
	name := kmsReference.FindStringSubmatch(ref)[1]
	service, err := kms.Get(context.Background(), ref, crypto.SHA256)
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("no program %q on PATH to reach the key %q", cliplugin.PluginBinaryPrefix+name, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", ref, err)
	}
	plain, err := servicePublicKey(service)
	if err != nil {
		return nil, fmt.Errorf("key %q: asking for the public key: %w", ref, err)
	}
	public, err := ssh.NewPublicKey(plain)
	if err != nil {
		return nil, fmt.Errorf("key %q has no SSH form (ed25519, ECDSA P-256, P-384, P-521 and RSA do): %w", ref, err)
	}
	key := kmsKey{service, public}
	return &Key{AlgorithmSigner: key, signDigest: key.signDigest, maxMessage: math.MaxInt}, nil
}

func (k kmsKey) PublicKey() ssh.PublicKey { return k.public }

func (k kmsKey) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return k.SignWithAlgorithm(rand, data, algorithm(k.public))
}

// SignWithAlgorithm falls back from rsa-sha2-512 to rsa-sha2-256: some services
// bind an RSA key to one hash.
func (k kmsKey) SignWithAlgorithm(_ io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signature, err := k.sign(data, algorithm)
	if err != nil && algorithm == ssh.KeyAlgoRSASHA512 && !errors.Is(err, context.DeadlineExceeded) {
		weaker, weakerErr := k.sign(data, ssh.KeyAlgoRSASHA256)
		if weakerErr == nil {
			return weaker, nil
		}
		err = fmt.Errorf("by %s: %w; by %s: %w", algorithm, err, ssh.KeyAlgoRSASHA256, weakerErr)
	}
	return signature, err
}

func (k kmsKey) sign(data []byte, algorithm string) (*ssh.Signature, error) {
	raw, err := serviceSign(k.service, bytes.NewReader(data), options.WithCryptoSignerOpts(algorithmHash[algorithm]))
	if err != nil {
		return nil, err
	}
	blob, err := sshBlob(k.public, raw)
	if err != nil {
		return nil, err
	}
	made := &ssh.Signature{Format: algorithm, Blob: blob}
	if err := k.public.Verify(data, made); err != nil {
		return nil, fmt.Errorf("the service returned a signature that its public key does not verify: %w", err)
	}
	return made, nil
}

func (k kmsKey) signDigest(digest []byte, hash crypto.Hash) ([]byte, error) {
	return serviceSign(k.service, nil, options.WithDigest(digest), options.WithCryptoSignerOpts(hash))
}

// algorithmHash is the hash of each algorithm, see RFC 5656, section 6.2.1, and
// RFC 8332, section 3. Ed25519 signs the message as it is.
var algorithmHash = map[string]crypto.Hash{
	ssh.KeyAlgoED25519:   0,
	ssh.KeyAlgoECDSA256:  crypto.SHA256,
	ssh.KeyAlgoECDSA384:  crypto.SHA384,
	ssh.KeyAlgoECDSA521:  crypto.SHA512,
	ssh.KeyAlgoRSASHA256: crypto.SHA256,
	ssh.KeyAlgoRSASHA512: crypto.SHA512,
}

// servicePublicKey returns a key of package crypto; sigstore's client dereferences
// nil if a plugin's answer lacks the requested part.
func servicePublicKey(service kms.SignerVerifier) (crypto.PublicKey, error) {
	key, err := limited(func(limit options.RequestContext) (crypto.PublicKey, error) {
		return service.PublicKey(limit)
	})
	if err != nil {
		return nil, err
	}
	switch key.(type) {
	case ed25519.PublicKey, *ecdsa.PublicKey, *rsa.PublicKey:
		return key, nil
	}
	return nil, fmt.Errorf("it is of type %T, which makes no SSH signatures", key)
}

func serviceSign(service kms.SignerVerifier, message io.Reader, opts ...signature.SignOption) ([]byte, error) {
	return limited(func(limit options.RequestContext) ([]byte, error) {
		return service.SignMessage(message, append(opts, limit)...)
	})
}

// patience is how long a service may take for an answer, in which somebody may have
// to allow it.
var patience = 2 * time.Minute

// limited calls a service's plugin, and waits no longer than patience, not even for
// processes of the plugin that keep its output open.
func limited[T any](call func(limit options.RequestContext) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() { answers <- a }()
		defer recoverAnswer(&a.err)
		a.value, a.err = call(options.WithContext(ctx))
	}()
	select {
	case a := <-answers:
		if ctx.Err() == nil {
			return a.value, a.err
		}
	case <-ctx.Done():
	}
	var none T
	return none, fmt.Errorf("the service did not answer in %v: %w", patience, ctx.Err())
}

func recoverAnswer(err *error) {
	if recover() != nil {
		*err = errors.New("the plugin's answer lacks the requested part")
	}
}
