package allowedsigners

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/pubkey"
)

// line is one line of an allowed_signers file.
type line struct {
	number     int
	principals string // a list of patterns
	options
	key *pubkey.Key
}

// blanks separate the principals from what follows them.
const blanks = " \t\r\n"

// parseLine reads `PRINCIPALS [OPTIONS] TYPE BASE64 [COMMENT]`. It returns nil
// for a line that is empty or a comment.
func parseLine(text string) (*line, error) {
	text, _, _ = strings.Cut(text, "\x00") // where C ends it
	text = strings.TrimLeft(text, " \t")
	if strings.Trim(text, blanks) == "" || text[0] == '#' {
		return nil, nil
	}
	principals, text, err := cutPrincipals(text)
	if err != nil {
		return nil, err
	}
	l := &line{principals: principals}
	var noKey error
	if l.key, _, noKey = pubkey.ParseLine(text); noKey == nil {
		return l, nil
	}
	opts, text, err := cutOptions(text)
	if err != nil {
		return nil, err
	}
	var noOptions error
	l.options, noOptions = parseOptions(opts)
	if l.key, _, err = pubkey.ParseLine(text); err == nil {
		return l, noOptions
	}
	if noOptions != nil { // the key cannot be read, with or without options
		return nil, noKey
	}
	return nil, err
}

// cutPrincipals cuts the first field, which ends at a blank or, if a quote
// opens within it, where that closes.
func cutPrincipals(text string) (principals, rest string, err error) {
	i := strings.IndexAny(text, blanks+`"`)
	if i < 0 {
		return "", "", errors.New("a key is missing")
	}
	if text[i] != '"' {
		return text[:i], strings.TrimLeft(text[i:], blanks), nil
	}
	quoted, rest, closed := strings.Cut(text[i+1:], `"`)
	if !closed {
		return "", "", errors.New("a quote is not closed")
	}
	return text[:i] + quoted, strings.TrimLeft(rest, blanks), nil
}

// has reports whether the line is about the key: it lists the key, or the
// authority that certified the key.
func (l *line) has(key *pubkey.Key) bool {
	if l.authority {
		return key.Certificate != nil && key.Certificate.Authority.EqualPlain(l.key)
	}
	return l.key.Equal(key)
}

// check returns the identity that the line gives to the key of the query, which it has.
func (l *line) check(q Query) (identity string, err error) {
	if identity, err = l.identity(q); err != nil {
		return "", err
	}
	if l.namespaces != nil && !matchList(q.Namespace, *l.namespaces) {
		return "", fmt.Errorf("%w: its namespaces are %q, not %q", ErrNamespace, *l.namespaces, q.Namespace)
	}
	now := q.Time.Unix()
	if !l.validAfter.IsZero() && now < l.validAfter.Unix() {
		return "", fmt.Errorf("%w %s", ErrNotYetValid, date(l.validAfter))
	}
	if !l.validBefore.IsZero() && now > l.validBefore.Unix() {
		return "", fmt.Errorf("%w %s", ErrExpired, date(l.validBefore))
	}
	return identity, nil
}

// identity returns the requested identity, or else the first of the line.
func (l *line) identity(q Query) (string, error) {
	if l.authority {
		if err := q.Key.Certificate.InDate(q.Time); err != nil {
			return "", err
		}
	}
	for _, name := range l.candidates(q) {
		certified := !l.authority || slices.Contains(q.Key.Certificate.Principals, name)
		if certified && matchList(name, l.principals) {
			return name, nil
		}
	}
	return "", l.errIdentity(q)
}

// candidates returns the possible names of the key. Without a requested
// identity these are, as with find-principals, the certificate's principals or
// the patterns of the line themselves.
func (l *line) candidates(q Query) []string {
	if !q.AnyIdentity {
		return []string{q.Identity}
	}
	if l.authority {
		return q.Key.Certificate.Principals
	}
	return slices.DeleteFunc(strings.Split(l.principals, ","), func(pattern string) bool {
		return pattern == "" || pattern[0] == '!'
	})
}

func (l *line) errIdentity(q Query) error {
	listed := fmt.Sprintf("it is listed for %q", l.principals)
	if l.authority {
		listed += fmt.Sprintf(" and certified for %q", q.Key.Certificate.Principals)
	}
	if q.AnyIdentity {
		return fmt.Errorf("%w: %s", ErrIdentity, listed)
	}
	return fmt.Errorf("%w: %s, not for %q", ErrIdentity, listed, q.Identity)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
