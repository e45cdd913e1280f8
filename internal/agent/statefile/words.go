package statefile

import (
	"errors"
	"strconv"
)

// Change is what a line says of a state. What it does not name stays as it is.
type Change struct {
	status                Status // none: ""
	weight, maxconn       Number // which may be named as unset
	hasWeight, hasMaxconn bool
}

// ParseChange reads a line as an answer is written, "DRAIN 50% maxconn:300", but
// in any order and letter case, and any part of it; "weight:-" and "maxconn:-"
// unset a number. An error quotes the word that is wrong and says what is
// allowed.
func ParseChange(line string) (c Change, err error) {
	for rest := line; ; {
		var word string
		if word, rest = cutWord(rest); word == "" {
			break
		}
		if err := c.add(word); err != nil {
			return c, err
		}
	}
	if c == (Change{}) {
		return c, errors.New("expected " + wordList + ", found nothing")
	}
	return c, nil
}

const wordList = "words of an answer: " + statusList + "; a weight from 0% to 255%, or weight:-; maxconn:0 to maxconn:65535, or maxconn:-"

// cutWord splits off the first word between spaces; "" if there is none.
func cutWord(s string) (word, rest string) {
	start := 0
	for start < len(s) && isSpace(s[start]) {
		start++
	}
	end := start
	for end < len(s) && !isSpace(s[end]) {
		end++
	}
	return s[start:end], s[end:]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// add adds a word to the change.
func (c *Change) add(word string) error {
	ok, second := true, false
	upper := upperCase(word)
	switch end := len(upper) - 1; {
	case upper[end] == '%':
		second, c.hasWeight = c.hasWeight, true
		ok = c.weight.parse(upper[:end], MaxWeight)
	case upper == "WEIGHT:-":
		second, c.hasWeight = c.hasWeight, true
	case len(upper) > len(maxconnWord) && upper[:len(maxconnWord)] == maxconnWord:
		second, c.hasMaxconn = c.hasMaxconn, true
		value := upper[len(maxconnWord):]
		ok = value == "-" || c.maxconn.parse(value, MaxMaxconn)
	default:
		second, ok = c.status != "", false
		for _, s := range Statuses {
			if upper == string(s) {
				c.status, ok = s, true
			}
		}
	}
	if !ok {
		return errors.New("unknown word " + strconv.Quote(word) + ", expected " + wordList)
	}
	if second {
		return errors.New("expected one status, one weight and one maxconn at the most, found a second one, " + strconv.Quote(word))
	}
	return nil
}

const maxconnWord = "MAXCONN:"

// upperCase is strings.ToUpper for ASCII, without that package's tables.
func upperCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// parse accepts the numbers of an answer: decimal digits without a sign or leading zeros.
func (n *Number) parse(digits string, most uint64) bool {
	v, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || v > most || len(digits) > 1 && digits[0] == '0' {
		return false
	}
	*n = Number{Value: uint16(v), Set: true}
	return true
}

// all reports whether the change names all of a state.
func (c Change) all() bool { return c.status != "" && c.hasWeight && c.hasMaxconn }

// apply changes a state.
func (c Change) apply(s *State) {
	if c.status != "" {
		s.Status = c.status
	}
	if c.hasWeight {
		s.Weight = c.weight
	}
	if c.hasMaxconn {
		s.Maxconn = c.maxconn
	}
}
