package pubkey

import (
	"errors"
	"fmt"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// ErrCertificate is wrapped by the errors of Authorizes.
var ErrCertificate = errors.New("the certificate is not good")

// maxPrincipals is SSHKEY_CERT_MAX_PRINCIPALS.
const maxPrincipals = 256

// Kinds of certificate (OpenSSH's PROTOCOL.certkeys).
const (
	userCertificate = 1
	hostCertificate = 2
)

// Certificate is what an authority certifies of a key. Its critical options are
// not kept: ssh-keygen does not look at them either.
type Certificate struct {
	Serial     uint64
	KeyID      string
	Principals []string
	Authority  *Key

	kind                    uint32
	validAfter, validBefore uint64 // seconds since 1970
}

// readCertificate reads what follows the key in a certificate, and checks the
// authority's signature over the bytes as they came.
func (k *Key) readCertificate(r *wire.Reader) error {
	c := &Certificate{Serial: r.Uint64(), kind: r.Uint32(), KeyID: r.Name()}
	principals := r.Nested()
	c.validAfter, c.validBefore = r.Uint64(), r.Uint64()
	critical, extensions := r.Nested(), r.Nested()
	r.Bytes() // reserved
	authority := r.Bytes()
	signed := k.blob[:len(k.blob)-r.Len()]
	signature := r.Bytes()
	for _, err := range []error{r.Err(), c.readPrincipals(principals),
		skipOptions(critical), skipOptions(extensions)} {
		if err != nil {
			return fmt.Errorf("%w: certificate: %w", ErrKey, err)
		}
	}
	if c.kind != userCertificate && c.kind != hostCertificate {
		return fmt.Errorf("%w: certificate of kind %d", ErrKey, c.kind)
	}
	k.Certificate = c
	return c.readAuthority(authority, signed, signature)
}

func (c *Certificate) readPrincipals(r *wire.Reader) error {
	for r.Len() > 0 {
		c.Principals = append(c.Principals, r.Name())
	}
	if len(c.Principals) > maxPrincipals {
		return fmt.Errorf("%d principals, the limit is %d", len(c.Principals), maxPrincipals)
	}
	return r.Err()
}

func skipOptions(r *wire.Reader) error {
	for r.Len() > 0 {
		r.Bytes()
		r.Bytes()
	}
	return r.Err()
}

func (c *Certificate) readAuthority(blob, signed, signature []byte) (err error) {
	if c.Authority, err = parse(blob, false); err != nil {
		return fmt.Errorf("%w: certificate authority: %w", ErrKey, err)
	}
	if err := c.Authority.Verify(signed, signature); err != nil {
		return fmt.Errorf("%w: certificate authority's signature: %w", ErrKey, err)
	}
	return nil
}

// InDate checks that the certificate is a user's, has principals and is valid at
// a time: from the first second of its validity up to, not including, the last.
func (c *Certificate) InDate(at time.Time) error {
	now := uint64(at.Unix())
	switch {
	case c.kind != userCertificate:
		return fmt.Errorf("%w: it is a host certificate, not a user certificate", ErrCertificate)
	case now < c.validAfter:
		return fmt.Errorf("%w: it is valid only from %s", ErrCertificate, day(c.validAfter))
	case now >= c.validBefore:
		return fmt.Errorf("%w: it expired on %s", ErrCertificate, day(c.validBefore))
	case len(c.Principals) == 0:
		return fmt.Errorf("%w: it names no principal", ErrCertificate)
	}
	return nil
}

// day formats the time of a certificate; a time beyond the calendar as its number
// of seconds.
func day(seconds uint64) string {
	const year9999 = 253402300799
	if seconds > year9999 {
		return fmt.Sprintf("second %d", seconds)
	}
	return time.Unix(int64(seconds), 0).UTC().Format("2006-01-02 15:04:05 UTC")
}
