package allowedsigners

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

var (
	// ErrRevoked is wrapped by the error of a key that is revoked.
	ErrRevoked = errors.New("the key is revoked")
	// ErrRevocationList is wrapped by the error of a list that cannot be read.
	ErrRevocationList = errors.New("neither a list of public keys nor a KRL")
)

// MaxRevocationSize is the largest list of revoked keys to read, in bytes.
const MaxRevocationSize = 64 << 20

// Revocations is a list of revoked keys: a file of public keys, or a KRL in
// OpenSSH's binary format (PROTOCOL.krl).
type Revocations struct{ data []byte }

// NewRevocations returns the list in data. Check parses it.
func NewRevocations(data []byte) *Revocations { return &Revocations{data} }

// Check returns nil only if the list can be read and does not contain the key
// or, for a certificate, its authority, its serial number or its key ID.
func (r *Revocations) Check(key *pubkey.Key) error {
	if bytes.HasPrefix(r.data, []byte(krlMagic)) {
		return checkKRL(r.data, key)
	}
	return r.checkKeys(key)
}

func (r *Revocations) checkKeys(key *pubkey.Key) error {
	number := 0
	for text := range strings.Lines(string(r.data)) {
		number++
		text, _, _ = strings.Cut(strings.TrimSuffix(text, "\n"), "\x00")
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == '#' {
			continue
		}
		revoked, _, err := pubkey.ParseLine(text)
		if errors.Is(err, pubkey.ErrKeyLength) {
			continue // no signature by it is accepted anyway
		}
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrRevocationList, number, err)
		}
		if key.EqualPlain(revoked) {
			return fmt.Errorf("%w: line %d", ErrRevoked, number)
		}
		if key.Certificate != nil && key.Certificate.Authority.EqualPlain(revoked) {
			return fmt.Errorf("%w: its authority is: line %d", ErrRevoked, number)
		}
	}
	return nil
}
