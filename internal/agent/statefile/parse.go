package statefile

import (
	"strconv"
	"unicode/utf8"
)

// ParseError says where a state file is wrong, and what was expected there.
type ParseError struct {
	Line, Column int // from 1; columns count bytes
	Message      string
}

func (e *ParseError) Error() string {
	return strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Column) + ": " + e.Message
}

// ParseState reads a state as RFC 8259 writes an object, and takes nothing
// that could be a mistake: each key is one of the three and stands there once,
// numbers are integers in their range, and nothing follows the object. A
// weight or maxconn of null counts as unset. Errors are of type *ParseError.
// ParseState changes data.
func ParseState(data []byte) (State, error) {
	p := parser{data: data}
	s, err := p.state()
	if err != nil {
		return State{}, err
	}
	return s, nil
}

type parser struct {
	data []byte
	pos  int
	seen [len(keys)]bool
}

// keys are those that a state file may have.
var keys = [...]string{"status", "weight", "maxconn"}

const (
	keyList    = "status, weight or maxconn"
	statusList = "UP, DOWN, READY, DRAIN, FAIL, MAINT or STOPPED"
)

// token is a JSON value, or the punctuation or end in its place.
type token struct {
	kind tokenKind
	at   int    // offset of its first byte
	text []byte // a string's content; anything else as written
}

type tokenKind byte

const (
	stringToken tokenKind = iota
	numberToken
	nullToken
	boolToken
	objectToken
	arrayToken
)

func (p *parser) state() (State, error) {
	var s State
	p.space()
	start := p.pos
	if err := p.expect('{', `"{"`); err != nil {
		return s, err
	}
	for more := !p.accept('}'); more; {
		key, err := p.key()
		if err != nil {
			return s, err
		}
		if err := p.field(&s, key); err != nil {
			return s, err
		}
		if more = p.accept(','); !more {
			if err := p.expect('}', `"," or "}"`); err != nil {
				return s, err
			}
		}
	}
	p.space()
	if p.pos < len(p.data) {
		return s, p.unexpected("the end of the file")
	}
	if s.Status == "" {
		return s, p.fail(start, "status is missing, expected "+statusList)
	}
	return s, nil
}

// key reads a key and its colon, and returns which of keys it is.
func (p *parser) key() (int, error) {
	p.space()
	if p.peek() != '"' {
		return 0, p.unexpected("a key: " + keyList)
	}
	t, err := p.token()
	if err != nil {
		return 0, err
	}
	for i, key := range keys {
		if string(t.text) != key {
			continue
		}
		if p.seen[i] {
			return 0, p.fail(t.at, "key "+strconv.Quote(key)+" stands here a second time")
		}
		p.seen[i] = true
		return i, p.expect(':', `":"`)
	}
	return 0, p.fail(t.at, "unknown key "+t.found()+", expected "+keyList)
}

func (p *parser) field(s *State, key int) error {
	p.space()
	t, err := p.token()
	if err != nil {
		return err
	}
	switch keys[key] {
	case "status":
		s.Status, err = p.status(t)
	case "weight":
		s.Weight, err = p.number(t, "weight", MaxWeight)
	case "maxconn":
		s.Maxconn, err = p.number(t, "maxconn", MaxMaxconn)
	}
	return err
}

func (p *parser) status(t token) (Status, error) {
	if t.kind == stringToken {
		for _, s := range Statuses {
			if string(t.text) == string(s) {
				return s, nil
			}
		}
	}
	return "", p.fail(t.at, "status must be "+statusList+", found "+t.found())
}

func (p *parser) number(t token, key string, limit uint64) (Number, error) {
	if t.kind == nullToken {
		return Number{}, nil
	}
	if t.kind == numberToken {
		if n, ok := integer(t.text); ok && n <= limit {
			return Number{Value: uint16(n), Set: true}, nil
		}
	}
	return Number{}, p.fail(t.at, key+" must be an integer from 0 to "+strconv.FormatUint(limit, 10)+", found "+t.found())
}

// integer reads a number as written if it is an integer of at most five digits.
func integer(text []byte) (n uint64, ok bool) {
	if string(text) == "-0" { // which is 0
		return 0, true
	}
	for _, c := range text {
		if c < '0' || c > '9' || n > 9999 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// found is how an error shows the token.
func (t token) found() string {
	const limit = 40 // bytes; more would hide the rest of the line
	text := string(t.text)
	if len(text) > limit {
		text = text[:limit] + "..."
	}
	switch t.kind {
	case stringToken:
		return strconv.Quote(text)
	case objectToken:
		return "an object"
	case arrayToken:
		return "an array"
	}
	return text
}

// token reads the value that starts at this byte.
func (p *parser) token() (token, error) {
	at := p.pos
	switch c := p.peek(); {
	case c == '"':
		text, err := p.str()
		return token{stringToken, at, text}, err
	case c == '-' || '0' <= c && c <= '9':
		text, err := p.num()
		return token{numberToken, at, text}, err
	case p.word("null"):
		return token{nullToken, at, p.data[at:p.pos]}, nil
	case p.word("true"), p.word("false"):
		return token{boolToken, at, p.data[at:p.pos]}, nil
	case c == '{':
		return token{kind: objectToken, at: at}, nil
	case c == '[':
		return token{kind: arrayToken, at: at}, nil
	}
	return token{}, p.unexpected("a value")
}

// num reads a number by the grammar of RFC 8259, section 6.
func (p *parser) num() ([]byte, error) {
	start := p.pos
	p.take('-')
	if !p.take('0') && p.digits() == 0 {
		return nil, p.unexpected("a digit")
	}
	if p.take('.') && p.digits() == 0 {
		return nil, p.unexpected("a digit")
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		if p.digits() == 0 {
			return nil, p.unexpected("a digit")
		}
	}
	return p.data[start:p.pos], nil
}

func (p *parser) digits() (n int) {
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.pos++
		n++
	}
	return n
}

// str reads a string by the grammar of RFC 8259, section 7, and takes the
// escapes out of it in place.
func (p *parser) str() ([]byte, error) {
	p.pos++
	b := p.data[p.pos:p.pos]
	for ; p.pos < len(p.data); p.pos++ {
		switch c := p.data[p.pos]; {
		case c == '"':
			p.pos++
			return b, nil
		case c < ' ':
			return nil, p.unexpected("a string without control characters")
		case c == '\\':
			p.pos++
			r, err := p.escape()
			if err != nil {
				return nil, err
			}
			b = utf8.AppendRune(b, r) // shorter than its escape
		default:
			b = append(b, c)
		}
	}
	return nil, p.unexpected(`the string's closing "`)
}

// escape reads what follows a backslash, up to its last byte. Halves of a
// surrogate pair come out as U+FFFD: no key or status has any.
func (p *parser) escape() (rune, error) {
	const plain, means = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	c := p.peek()
	for i := range len(plain) {
		if c == plain[i] {
			return rune(means[i]), nil
		}
	}
	if c != 'u' {
		return 0, p.unexpected(`one of "\/bfnrtu after \`)
	}
	if p.pos+5 > len(p.data) {
		p.pos = len(p.data)
		return 0, p.unexpected(`four hexadecimal digits after \u`)
	}
	n, err := strconv.ParseUint(string(p.data[p.pos+1:p.pos+5]), 16, 32)
	if err != nil {
		return 0, p.unexpected(`four hexadecimal digits after \u`)
	}
	p.pos += 4
	return rune(n), nil
}

func (p *parser) space() {
	for c := p.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = p.peek() {
		p.pos++
	}
}

// peek is the byte at hand, or 0 at the end: a 0 in the file is nowhere
// allowed, so the two need no telling apart.
func (p *parser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.pos++
	return true
}

// accept takes c, and white space before it.
func (p *parser) accept(c byte) bool {
	p.space()
	return p.take(c)
}

func (p *parser) expect(c byte, what string) error {
	if !p.accept(c) {
		return p.unexpected(what)
	}
	return nil
}

func (p *parser) word(w string) bool {
	end := p.pos + len(w)
	if end > len(p.data) || string(p.data[p.pos:end]) != w {
		return false
	}
	p.pos = end
	return true
}

// unexpected says what stands here in place of what was expected.
func (p *parser) unexpected(expected string) error {
	found := "the end of the file"
	if p.pos < len(p.data) {
		found = strconv.Quote(string(p.data[p.pos : p.pos+1]))
	}
	return p.fail(p.pos, "expected "+expected+", found "+found)
}

func (p *parser) fail(at int, message string) error {
	line, column := 1, 1
	for _, c := range p.data[:at] {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return &ParseError{line, column, message}
}
