package allowedsigners

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// options are the restrictions of a line's key.
type options struct {
	authority               bool
	namespaces              *string   // nil: any
	validAfter, validBefore time.Time // zero: not limited
}

// cutOptions cuts a line's text before the first blank outside of quotes.
func cutOptions(text string) (opts, rest string, err error) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && strings.HasPrefix(text[i+1:], `"`):
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return text[:i], strings.TrimLeft(text[i:], " \t"), nil
		}
	}
	if quoted {
		return "", "", errors.New("a quote is not closed")
	}
	return text, "", nil
}

// parseOptions reads options separated by commas. The last one must not be
// empty; others may, as in OpenSSH.
func parseOptions(text string) (o options, err error) {
	for text != "" {
		if text, err = o.parseOne(text); err != nil {
			return o, err
		}
		if text == "" {
			break
		}
		if text[0] != ',' {
			return o, fmt.Errorf("unknown option %q", text)
		}
		if text = text[1:]; text == "" {
			return o, errors.New("an option is missing after the last comma")
		}
	}
	if !o.validAfter.IsZero() && !o.validBefore.IsZero() && !o.validBefore.After(o.validAfter) {
		return o, errors.New("valid-before is not after valid-after")
	}
	return o, nil
}

// parseOne reads the option that text begins with, and returns the text behind
// it; of an unknown option it reads nothing.
func (o *options) parseOne(text string) (rest string, err error) {
	if rest, ok := cutFold(text, "cert-authority"); ok {
		o.authority = true
		return rest, nil
	}
	if rest, ok := cutFold(text, "namespaces="); ok {
		if o.namespaces != nil {
			return "", errors.New("duplicate option namespaces")
		}
		namespaces, rest, err := dequote(rest)
		o.namespaces = &namespaces
		return rest, err
	}
	if rest, ok := cutFold(text, "valid-after="); ok {
		return parseLimit(&o.validAfter, rest)
	}
	if rest, ok := cutFold(text, "valid-before="); ok {
		return parseLimit(&o.validBefore, rest)
	}
	return text, nil
}

func parseLimit(limit *time.Time, text string) (rest string, err error) {
	if !limit.IsZero() {
		return "", errors.New("duplicate time")
	}
	value, rest, err := dequote(text)
	if err != nil {
		return "", err
	}
	*limit, err = ParseTime(value)
	return rest, err
}

func cutFold(text, prefix string) (rest string, ok bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// dequote reads a quoted value, in which \" stands for a quote.
func dequote(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", fmt.Errorf("expected a value in quotes, found %.100q", text)
	}
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return out.String(), text[i+1:], nil
		case strings.HasPrefix(text[i:], `\"`):
			i++
		}
		out.WriteByte(text[i])
	}
	return "", "", errors.New("a quote is not closed")
}
