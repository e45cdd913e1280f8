// Package allowedsigners says whether a key may sign, by the allowed_signers
// file of ssh-keygen(1) and by lists of revoked keys.
//
// The files are the user's own and trusted; the key in a query comes from a
// signature that anyone may have made. The package guarantees that Find names a
// signer only if ssh-keygen would with the same file, time, namespace and
// identity, and that Check never returns "not revoked" from a list that it
// cannot read to its end, or that has an unknown part.
package allowedsigners

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

// Why a key is not accepted; Find's errors wrap one of these or
// pubkey.ErrCertificate.
var (
	ErrUnknown     = errors.New("no line lists the key")
	ErrIdentity    = errors.New("the key is another signer's")
	ErrNamespace   = errors.New("the key may not sign for this purpose")
	ErrNotYetValid = errors.New("the key is valid only from")
	ErrExpired     = errors.New("the key expired on")
)

// MaxSize is the largest allowed_signers file to read, in bytes.
const MaxSize = 16 << 20

// List is an allowed_signers file.
type List struct {
	lines []*line
	// Malformed has an error for each line that could not be read. As with
	// ssh-keygen such a line allows nothing, and hides no other.
	Malformed []error
}

// Parse reads an allowed_signers file.
func Parse(data []byte) *List {
	list, number := &List{}, 0
	for text := range strings.Lines(string(data)) {
		number++
		l, err := parseLine(strings.TrimSuffix(text, "\n"))
		if err != nil {
			list.Malformed = append(list.Malformed, fmt.Errorf("line %d: %w", number, err))
		} else if l != nil {
			l.number = number
			list.lines = append(list.lines, l)
		}
	}
	return list
}

// Signer is a line of a List: who may sign, as patterns, and by which key.
type Signer struct {
	Principals string
	Key        *pubkey.Key
}

// Signers are those of every line that could be read, in order.
func (list *List) Signers() (all []Signer) {
	for _, l := range list.lines {
		all = append(all, Signer{l.principals, l.key})
	}
	return all
}

// Query is a question to a List.
type Query struct {
	Key       *pubkey.Key
	Namespace string
	Time      time.Time
	// Identity is the name of the signer, taken literally. With AnyIdentity
	// every signer with the key is accepted.
	Identity    string
	AnyIdentity bool
}

// Find returns the identity under which the key may sign: the first line that
// allows it decides. If none does, the error says why the first line about the
// key does not.
func (list *List) Find(q Query) (identity string, err error) {
	var refused error
	for _, l := range list.lines {
		if !l.has(q.Key) {
			continue
		}
		if identity, err = l.check(q); err == nil {
			return identity, nil
		}
		if refused == nil {
			refused = fmt.Errorf("line %d: %w", l.number, err)
		}
	}
	if refused == nil {
		return "", ErrUnknown
	}
	return "", refused
}
