// Package console makes text safe to show. File names, principals and
// namespaces may come from whoever wants a bad file believed: a newline in one
// could show a line that the program never wrote, an escape sequence could
// recolour, move or erase what it did write. Safe lets neither through, nor the
// invisible characters that turn the direction of text around.
package console

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Safe returns text with every character that does not print, and every byte
// that is not UTF-8, written as Go writes it in a string: \n, \x1b, \u202e.
// Text that prints is returned as it is.
func Safe(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			out.WriteString(text[:size])
		} else {
			quoted := strconv.Quote(text[:size])
			out.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return out.String()
}
