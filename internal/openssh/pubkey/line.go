package pubkey

import (
	"fmt"
	"strings"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/wire"
)

// ParseLine reads a key or certificate in the form of a public key file, type
// and base64, and returns the text behind it: the comment. The type must be that
// of the key.
func ParseLine(text string) (key *Key, comment string, err error) {
	label, rest := CutBlank(text)
	encoded, comment := CutBlank(rest)
	name, known := typeNames[label]
	if encoded == "" {
		return nil, "", fmt.Errorf("%w: expected %q, found %.100q", ErrKey, "TYPE BASE64", text)
	}
	if !known {
		return nil, "", fmt.Errorf("%w: %.100q", ErrType, label)
	}
	blob, err := wire.DecodeBase64([]byte(encoded))
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrKey, err)
	}
	if key, err = Parse(blob); err != nil {
		return nil, "", err
	}
	if name.plain != key.plain.Type() || name.certificate != (key.Certificate != nil) {
		return nil, "", fmt.Errorf("%w: %s key called %q", ErrKey, key.Type(), label)
	}
	return key, comment, nil
}

// CutBlank cuts text before its first run of spaces and tabs, and returns what
// stands before and after that.
func CutBlank(text string) (before, after string) {
	i := strings.IndexAny(text, " \t")
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimLeft(text[i:], " \t")
}
