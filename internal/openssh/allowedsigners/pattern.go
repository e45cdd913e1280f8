package allowedsigners

import "strings"

// maxPattern is the length at which OpenSSH stops reading a pattern: its buffer
// has 1,024 bytes, the last for the end of the text.
const maxPattern = 1023

// matchList reports whether name matches a list of patterns: one of them, and
// none that begins with an exclamation mark (ssh_config(5), PATTERNS). A list
// with a pattern too long to read matches nothing from there on.
func matchList(name, list string) bool {
	matched := false
	for len(list) > 0 {
		pattern, rest, _ := strings.Cut(list, ",")
		list = rest
		pattern, negated := strings.CutPrefix(pattern, "!")
		if len(pattern) >= maxPattern {
			return false
		}
		if !match(name, pattern) {
			continue
		}
		if negated {
			return false
		}
		matched = true
	}
	return matched
}

// match reports whether name matches a pattern in which * stands for any bytes
// and ? for any one. It goes back to the last * only, so that no pattern takes
// more than the product of both lengths.
func match(name, pattern string) bool {
	n, p := 0, 0
	star, resume := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			n, p = n+1, p+1
		case star >= 0:
			resume++
			n, p = resume, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
