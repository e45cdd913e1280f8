// Package console is the interface to the user at the terminal: options, text that is
// safe to show, and a passphrase.
//
// File names, principals and namespaces may come from an attacker: a newline could
// show a line that the program never wrote, an escape sequence could recolour, move
// or erase what it did write. Safe escapes both, and the invisible characters that
// reverse the direction of text.
//
// Ask asks for a passphrase as ssh does: at the controlling terminal with the echo
// off, or by the program that SSH_ASKPASS names. DISPLAY, WAYLAND_DISPLAY and
// SSH_ASKPASS_REQUIRE decide which, as ssh(1), ENVIRONMENT, describes. It never reads
// standard input and never writes standard output, so both stay free for data.
package console

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Safe escapes every character that does not print, and every byte that is not
// UTF-8, as in a string of Go: \n, \x1b, \u202e. Text that prints is returned as it
// is.
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
