// Package console is about the person at the terminal: the options that were typed,
// text that is safe to show, and a passphrase.
//
// File names, principals and namespaces may come from whoever wants a bad file
// believed: a newline in one could show a line that the program never wrote, an
// escape sequence could recolour, move or erase what it did write. Safe lets
// neither through, nor the invisible characters that turn the direction of text
// around.
//
// A passphrase is asked for the way ssh does: at the controlling terminal with the
// echo off, or by the program that SSH_ASKPASS names. Which of the two is ruled by
// DISPLAY, WAYLAND_DISPLAY and SSH_ASKPASS_REQUIRE as described in ssh(1),
// ENVIRONMENT. Standard input is never read and standard output never written, so
// both stay free for data.
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
