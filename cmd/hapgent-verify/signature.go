package main

import (
	"crypto/sha256"
	"hash"
	"io"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/allowedsigners"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/signing/fanout"
)

// signatureCheck checks files against SSH signatures.
type signatureCheck struct {
	*options
	stdin       io.Reader
	allowed     *allowedsigners.List
	revocations *allowedsigners.Revocations // nil: no list
}

func newSignatureCheck(o *options, stdin io.Reader) (check, error) {
	c := &signatureCheck{options: o, stdin: stdin}
	data, err := readFile(o.signers, allowedsigners.MaxSize, "list of allowed signers", "-f")
	if err != nil {
		return nil, err
	}
	c.allowed = allowedsigners.Parse(data)
	if o.revocation != "" {
		data, err := readFile(o.revocation, allowedsigners.MaxRevocationSize, "list of revoked keys", "-r")
		if err != nil {
			return nil, err
		}
		c.revocations = allowedsigners.NewRevocations(data)
	}
	return c.file, nil
}

// file checks one file. A sum that disagrees does not hide what is wrong with
// the signature, nor the other way around.
func (c *signatureCheck) file(name string) (good string, err error) {
	sigName := c.signature
	if sigName == "" {
		sigName = name + sshsig.Suffix
	}
	sig, err := readSignature(sigName)
	if err != nil {
		return "", err
	}
	sums, err := readSums(c.options, name)
	if err != nil {
		return "", err
	}
	digest, sum, err := c.read(name, sig.Hash, sums != nil)
	if err != nil {
		return "", err
	}
	identity, err := c.verify(sig, sigName, name, digest)
	if err := fail(sums.check(name, sum), err); err != nil {
		return "", err
	}
	return goodSignature(sig, identity), nil
}

func readSignature(name string) (*sshsig.Signature, error) {
	armored, err := readFile(name, sshsig.MaxSize, "signature", "-s")
	if err != nil {
		return nil, err
	}
	sig, err := sshsig.Parse(armored)
	if err != nil {
		return nil, errBadSignatureFile(name, err)
	}
	return sig, nil
}

// read reads the file once, for both of its sums.
func (c *signatureCheck) read(name string, h sshsig.Hash, wantSum bool) (digest, sum []byte, err error) {
	f, err := open(name, c.stdin)
	if err != nil {
		return nil, nil, errUnreadable("file to verify", err)
	}
	defer f.Close()
	hashes := []hash.Hash{h.New()}
	if wantSum && h != sshsig.SHA256 {
		hashes = append(hashes, sha256.New())
	}
	if err := fanout.Hash(f, hashes...); err != nil {
		return nil, nil, errUnreadable("file to verify", err)
	}
	return hashes[0].Sum(nil), hashes[len(hashes)-1].Sum(nil), nil
}

// verify returns the identity of an allowed signer who made the signature over
// the file, and whose key is not revoked.
func (c *signatureCheck) verify(sig *sshsig.Signature, sigName, name string, digest []byte) (identity string, err error) {
	if err := sig.Verify(c.namespace, digest); err != nil {
		return "", errBadSignature(sigName, name, err)
	}
	if c.revocations != nil {
		if err := c.revocations.Check(sig.Key); err != nil {
			return "", errRevoked(sig, sigName, c.revocation, err)
		}
	}
	identity, err = c.allowed.Find(allowedsigners.Query{
		Key: sig.Key, Namespace: c.namespace, Time: c.at,
		Identity: c.identity, AnyIdentity: c.anyIdentity,
	})
	if err != nil {
		return "", errNotAllowed(sig, sigName, c.signers, err, c.allowed.Malformed)
	}
	return identity, nil
}
