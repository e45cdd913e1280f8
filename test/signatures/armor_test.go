package signatures

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// damagedArmor exchanges, takes out and adds a byte at each place.
func damagedArmor(t *testing.T) (questions []question) {
	s := newEd25519(t)
	good := newParts(s, "file", "sha512").armored()
	others := []byte("\n= A/\x00-\xff\r")
	for i := range good {
		other := others[i%len(others)]
		for name, armored := range map[string][]byte{
			"exchanged": cat(good[:i], []byte{other}, good[i+1:]),
			"taken out": cat(good[:i], good[i+1:]),
			"added":     cat(good[:i], []byte{other}, good[i:]),
		} {
			q := question{name: fmt.Sprintf("%q %s at %d", other, name, i), armored: armored, signers: allow(s.key)}
			questions = append(questions, q)
		}
	}
	return questions
}

func armorQuestions(t *testing.T) (questions []question) {
	s := newEd25519(t)
	p := newParts(s, "file", "sha512")
	blob := p.blob()
	body := lines(blob, 70, "\n")
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	for name, text := range map[string]string{
		"as it is":                    begin + body + end,
		"no newline at the end":       begin + body + strings.TrimSuffix(end, "\n"),
		"CRLF below the first line":   begin + crlf(body+end),
		"CRLF everywhere":             crlf(begin + body + end),
		"CR alone":                    strings.ReplaceAll(begin+body+end, "\n", "\r"),
		"one line":                    begin + lines(blob, 1<<20, "\n") + end,
		"lines of one":                begin + lines(blob, 1, "\n") + end,
		"lines of 76":                 begin + lines(blob, 76, "\n") + end,
		"empty lines":                 begin + "\n\n" + lines(blob, 20, "\n\n") + "\n" + end,
		"tabs and blanks":             begin + lines(blob, 20, " \t \v\f\n") + end,
		"blanks in front of lines":    begin + " " + lines(blob, 20, "\n  ") + "\n" + end,
		"a blank in front":            " " + begin + body + end,
		"an empty line in front":      "\n" + begin + body + end,
		"a byte order mark":           "\ufeff" + begin + body + end,
		"text after it":               begin + body + end + "text\n",
		"another signature after it":  begin + body + end + begin + body + end,
		"text on the last line":       begin + body + strings.TrimSuffix(end, "\n") + " text\n",
		"text on the first line":      strings.TrimSuffix(begin, "\n") + " text\n" + body + end,
		"blanks on the first line":    strings.TrimSuffix(begin, "\n") + "  \n" + body + end,
		"a blank before the end":      begin + body + " " + end,
		"no last line":                begin + body,
		"no first line":               body + end,
		"no newline before the end":   begin + strings.TrimSuffix(body, "\n") + end,
		"nothing in it":               begin + end,
		"empty lines in it":           begin + "\n\n" + end,
		"the end at once":             begin + "\n" + end,
		"empty":                       "",
		"base64 alone":                body,
		"a NUL at the end":            begin + strings.TrimSuffix(body, "\n") + "\x00\n" + end,
		"two NULs at the end":         begin + strings.TrimSuffix(body, "\n") + "\x00\x00\n" + end,
		"a NUL within":                begin + body[:30] + "\x00" + body[30:] + end,
		"a NUL after it":              begin + body + end + "\x00",
		"padding left out":            begin + strings.ReplaceAll(body, "=", "") + end,
		"more padding":                begin + strings.TrimSuffix(body, "\n") + "=\n" + end,
		"padding apart":               begin + strings.ReplaceAll(body, "=", "\n=\n") + end,
		"text after the padding":      begin + strings.TrimSuffix(body, "\n") + "A\n" + end,
		"URL alphabet":                begin + strings.NewReplacer("+", "-", "/", "_").Replace(body) + end,
		"headers as in PEM":           begin + "Hash: sha512\n\n" + body + end,
		"lower case":                  strings.ToLower(begin) + body + strings.ToLower(end),
		"an OpenPGP signature":        "-----BEGIN PGP SIGNATURE-----\n" + body + "-----END PGP SIGNATURE-----\n",
		"a non-breaking space":        begin + body[:30] + "\u00a0" + body[30:] + end,
		"the end line within a line":  begin + body[:30] + "-----END SSH SIGNATURE-----" + body[30:] + end,
		"a first end within the body": begin + body[:60] + "\n" + end + body[60:] + end,
	} {
		questions = append(questions, question{name: name, armored: []byte(text), signers: allow(s.key)})
	}
	return append(questions, paddings(s)...)
}

// paddings are about blobs of each length modulo three, and about bits that the
// last character has too many.
func paddings(s signer) (questions []question) {
	for extra := range 3 {
		p := newParts(s, strings.Repeat("n", 10+extra), "sha512")
		armored := p.armored()
		questions = append(questions, question{name: fmt.Sprint("padding ", extra), armored: armored,
			signers: allow(s.key), namespace: p.namespace})
		end := bytes.LastIndexByte(bytes.TrimRight(armored[:bytes.Index(armored, []byte("\n-----END"))], "="), '\n')
		text := bytes.TrimRight(armored[:bytes.Index(armored, []byte("\n-----END"))], "=")
		last := len(text) - 1
		if end < 0 || last < 0 {
			continue
		}
		for bit := range 6 {
			const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
			changed := bytes.Clone(armored)
			changed[last] = alphabet[strings.IndexByte(alphabet, armored[last])^1<<bit]
			questions = append(questions, question{name: fmt.Sprint("padding ", extra, " with bit ", bit, " of the last changed"),
				armored: changed, signers: allow(s.key), namespace: p.namespace})
		}
	}
	return questions
}
