package allowedsigners

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// The parts of a KRL (PROTOCOL.krl). A signature section is not among them: no
// ssh-keygen writes one, and it must not be ignored unchecked.
const (
	krlMagic   = "SSHKRL\n\x00"
	krlVersion = 1

	krlCertificates = 1
	krlKeys         = 2
	krlSHA1         = 3
	krlSHA256       = 5
	krlExtension    = 255

	krlSerials         = 0x20
	krlSerialRange     = 0x21
	krlSerialBitmap    = 0x22
	krlKeyIDs          = 0x23
	krlCertsExtensions = 0x39
)

// krlCheck looks for one key in a KRL, which it reads to its end.
type krlCheck struct {
	key     *pubkey.Key
	plain   []byte
	revoked string // by what, or empty
}

// checkKRL is Check for a KRL. It also looks for a certificate's authority.
func checkKRL(data []byte, key *pubkey.Key) error {
	by, err := lookup(data, key)
	if err == nil && by == "" && key.Certificate != nil {
		by, err = lookup(data, key.Certificate.Authority)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRevocationList, err)
	}
	if by != "" {
		return fmt.Errorf("%w: by %s", ErrRevoked, by)
	}
	return nil
}

func lookup(data []byte, key *pubkey.Key) (by string, err error) {
	check := &krlCheck{key: key, plain: key.Plain().Marshal()}
	r := wire.NewReader(data)
	r.Raw(len(krlMagic))
	if version := r.Uint32(); r.Err() == nil && version != krlVersion {
		return "", fmt.Errorf("KRL version %d, known is %d", version, krlVersion)
	}
	r.Raw(3 * 8) // number, date and flags
	r.Bytes()    // reserved
	r.Name()     // comment
	for r.Len() > 0 {
		kind, section := r.Byte(), r.Nested()
		if err := check.section(kind, section); err != nil {
			return "", fmt.Errorf("KRL section %d: %w", kind, err)
		}
	}
	return check.revoked, r.Err()
}

func (c *krlCheck) section(kind byte, r *wire.Reader) error {
	switch kind {
	case krlCertificates:
		return c.certificates(r)
	case krlKeys:
		return c.blobs(r, c.plain, "the key itself", 0)
	case krlSHA1:
		sum := sha1.Sum(c.plain)
		return c.blobs(r, sum[:], "its SHA-1 fingerprint", len(sum))
	case krlSHA256:
		sum := sha256.Sum256(c.plain)
		return c.blobs(r, sum[:], "its SHA-256 fingerprint", len(sum))
	case krlExtension:
		return skipExtension(r)
	}
	return errors.New("unknown")
}

// blobs looks for own among the blobs of a section, each of size bytes unless that is 0.
func (c *krlCheck) blobs(r *wire.Reader, own []byte, by string, size int) error {
	for r.Len() > 0 {
		blob := r.Bytes()
		if size != 0 && len(blob) != size {
			return fmt.Errorf("a fingerprint of %d bytes, expected %d", len(blob), size)
		}
		if r.Err() == nil && bytes.Equal(blob, own) {
			c.revoked = by
		}
	}
	return r.Err()
}

// skipExtension skips an extension, unless it is critical.
func skipExtension(r *wire.Reader) error {
	name, critical := r.Name(), r.Byte()
	r.Bytes()
	if r.Err() == nil && critical != 0 {
		return fmt.Errorf("critical extension %q is unknown", name)
	}
	return r.End()
}

// certificates reads the section of the certificates of one authority or, if it
// names none, of any.
func (c *krlCheck) certificates(r *wire.Reader) error {
	authority := r.Bytes()
	r.Bytes() // reserved
	concerned := c.key.Certificate != nil
	if len(authority) > 0 {
		key, err := pubkey.Parse(authority)
		if err != nil {
			return err
		}
		concerned = concerned && key.Equal(c.key.Certificate.Authority)
	}
	for r.Len() > 0 {
		kind, part := r.Byte(), r.Nested()
		by, err := c.certificatePart(kind, part)
		if err == nil {
			err = part.End()
		}
		if err != nil {
			return fmt.Errorf("part %#x: %w", kind, err)
		}
		if concerned && by != "" {
			c.revoked = by
		}
	}
	return r.Err()
}

// certificatePart reads one part and returns by what it revokes the certificate.
func (c *krlCheck) certificatePart(kind byte, r *wire.Reader) (by string, err error) {
	switch kind {
	case krlSerials:
		return c.serials(r)
	case krlSerialRange:
		return c.serialRange(r.Uint64(), r.Uint64(), r)
	case krlSerialBitmap:
		return c.serialBitmap(r)
	case krlKeyIDs:
		return c.keyIDs(r)
	case krlCertsExtensions:
		return "", skipExtension(r)
	}
	return "", errors.New("unknown")
}

// serial returns the certificate's serial number, 0 if it has none: no KRL revokes 0.
func (c *krlCheck) serial() uint64 {
	if c.key.Certificate == nil {
		return 0
	}
	return c.key.Certificate.Serial
}

func (c *krlCheck) serials(r *wire.Reader) (by string, err error) {
	for r.Len() > 0 && err == nil {
		var found string
		serial := r.Uint64()
		if found, err = c.serialRange(serial, serial, r); found != "" {
			by = found
		}
	}
	return by, err
}

// serialRange reports whether the certificate's serial number is in the range,
// both ends included. As in OpenSSH no range may contain 0.
func (c *krlCheck) serialRange(low, high uint64, r *wire.Reader) (by string, err error) {
	if r.Err() == nil && (low > high || low == 0) {
		return "", fmt.Errorf("serial numbers from %d to %d", low, high)
	}
	if serial := c.serial(); r.Err() == nil && low <= serial && serial <= high && serial != 0 {
		by = fmt.Sprintf("its serial number %d", serial)
	}
	return by, r.Err()
}

// serialBitmap reads a bit for each serial number from the first on.
func (c *krlCheck) serialBitmap(r *wire.Reader) (by string, err error) {
	first, bits := r.Uint64(), new(big.Int).SetBytes(r.Integer())
	last := first + uint64(max(bits.BitLen(), 1)-1)
	if r.Err() != nil {
		return "", r.Err()
	}
	if last < first || first == 0 && bits.Bit(0) != 0 {
		return "", fmt.Errorf("serial numbers of %d bits from %d", bits.BitLen(), first)
	}
	serial := c.serial()
	if first <= serial && serial <= last && bits.Bit(int(serial-first)) != 0 {
		by = fmt.Sprintf("its serial number %d", serial)
	}
	return by, nil
}

func (c *krlCheck) keyIDs(r *wire.Reader) (by string, err error) {
	for r.Len() > 0 {
		if id := r.Name(); r.Err() == nil && c.key.Certificate != nil && id == c.key.Certificate.KeyID {
			by = fmt.Sprintf("its key ID %q", id)
		}
	}
	return by, r.Err()
}
