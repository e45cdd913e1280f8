package statefile

import "strconv"

// parse reads a state, a JSON object by RFC 8259, and refuses everything that may
// be a mistake: each key is one of the three and occurs once, numbers are integers
// in their range, and nothing follows the object. A weight or maxconn of null
// counts as unset. It changes data. If data is no state, parse appends position and
// reason to the message, "LINE:COLUMN: …", counted from 1 and in bytes; else it
// returns nil.
func parse(data, message []byte) (State, []byte) {
	p := parser{data: data, message: message}
	if !p.object() {
		return State{}, p.message
	}
	return p.state, nil
}

// The methods of parser return false once they have appended the error.
type parser struct {
	data    []byte
	pos     int
	seen    [len(keys)]bool
	state   State
	message []byte
}

// keys are those that a state file may have.
var keys = [...]string{"status", "weight", "maxconn"}

const (
	keyList    = "status, weight or maxconn"
	statusList = "UP, DOWN, READY, DRAIN, FAIL, MAINT or STOPPED"
)

// token is a string's content, or any other value as it is written.
type token struct {
	text   []byte
	quoted bool
	at     int // offset of its first byte
}

func (p *parser) object() bool {
	p.space()
	start := p.pos
	if !p.expect('{', `"{"`) {
		return false
	}
	for more := !p.take('}'); more; {
		if !p.member() {
			return false
		}
		if more = p.take(','); !more && !p.expect('}', `"," or "}"`) {
			return false
		}
	}
	p.space()
	if p.pos < len(p.data) {
		return p.unexpected("the end of the file")
	}
	if p.state.Status == "" {
		return p.fail(start, "status is missing, expected "+statusList)
	}
	return true
}

// member reads a key and its value.
func (p *parser) member() bool {
	if p.space(); p.peek() != '"' {
		return p.unexpected("a key: " + keyList)
	}
	key, ok := p.value()
	if !ok {
		return false
	}
	for i, name := range keys {
		if string(key.text) != name {
			continue
		}
		if p.seen[i] {
			return p.fail(key.at, `key "`, name, `" is a duplicate`)
		}
		p.seen[i] = true
		return p.expect(':', `":"`) && p.field(name)
	}
	p.fail(key.at, "unknown key ")
	p.show(key)
	p.message = append(p.message, ", expected "+keyList...)
	return false
}

func (p *parser) field(key string) bool {
	t, ok := p.value()
	switch {
	case !ok:
		return false
	case key == "weight":
		return p.number(&p.state.Weight, t, MaxWeight, "weight must be an integer from 0 to 255, found ")
	case key == "maxconn":
		return p.number(&p.state.Maxconn, t, MaxMaxconn, "maxconn must be an integer from 0 to 65535, found ")
	}
	for _, s := range Statuses {
		if t.quoted && string(t.text) == string(s) {
			p.state.Status = s
			return true
		}
	}
	p.fail(t.at, "status must be "+statusList+", found ")
	return p.show(t)
}

func (p *parser) number(n *Number, t token, limit int, expected string) bool {
	if !t.quoted && string(t.text) == "null" {
		return true
	}
	value := integer(t.text)
	if t.quoted || value < 0 || value > limit {
		p.fail(t.at, expected)
		return p.show(t)
	}
	*n = Number{Value: uint16(value), Set: true}
	return true
}

// integer reads a number of at most five digits as JSON writes it; else -1.
func integer(text []byte) (n int) {
	if string(text) == "-0" { // which is 0
		return 0
	}
	for _, c := range text {
		if c < '0' || c > '9' || n > 9999 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	if len(text) > 1 && text[0] == '0' {
		return -1
	}
	return n
}

// value reads a string, or a word of anything but white space and punctuation; of
// an object or array it reads only the first character.
func (p *parser) value() (t token, ok bool) {
	p.space()
	t.at = p.pos
	switch p.peek() {
	case '"':
		t.quoted = true
		t.text, ok = p.str()
		return t, ok
	case '{':
		t.text = []byte("an object")
	case '[':
		t.text = []byte("an array")
	default:
		for p.inWord() {
			p.pos++
		}
		t.text = p.data[t.at:p.pos]
	}
	return t, len(t.text) > 0 || p.unexpected("a value")
}

func (p *parser) inWord() bool {
	switch c := p.peek(); c {
	case '"', ',', ':', '{', '}', '[', ']':
		return false
	default:
		return '!' <= c && c <= '~'
	}
}

// str reads a string by the grammar of RFC 8259, section 7, and takes the
// escapes out of it in place.
func (p *parser) str() ([]byte, bool) {
	p.pos++
	b := p.data[p.pos:p.pos]
	for ; p.pos < len(p.data); p.pos++ {
		switch c := p.data[p.pos]; {
		case c == '"':
			p.pos++
			return b, true
		case c < ' ':
			return nil, p.unexpected("a string without control characters")
		case c == '\\':
			c, ok := p.escape()
			if !ok {
				return nil, false
			}
			b = append(b, c)
		default:
			b = append(b, c)
		}
	}
	return nil, p.unexpected(`the string's closing "`)
}

// escape reads an escape, up to its last byte. What is not of ASCII comes out as
// "?": no key or status has any.
func (p *parser) escape() (byte, bool) {
	p.pos++
	c := p.peek()
	const plain, means = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for i := range len(plain) {
		if c == plain[i] {
			return means[i], true
		}
	}
	if c != 'u' {
		return 0, p.unexpected(`one of "\/bfnrtu after \`)
	}
	value := 0
	for range 4 {
		p.pos++
		digit := -1
		for n := range len(hexadecimal) {
			if c := p.peek(); c >= '0' && c|0x20 == hexadecimal[n] { // in either letter case
				digit = n
			}
		}
		if digit < 0 {
			return 0, p.unexpected(`four hexadecimal digits after \u`)
		}
		value = value<<4 | digit
	}
	if value >= 0x80 {
		value = '?'
	}
	return byte(value), true
}

const hexadecimal = "0123456789abcdef"

func (p *parser) space() {
	for c := p.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = p.peek() {
		p.pos++
	}
}

// peek is the next byte, or 0 at the end: a 0 is not allowed anywhere in the
// file, so the two need not be distinguished.
func (p *parser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

// take takes c, and white space before it.
func (p *parser) take(c byte) bool {
	p.space()
	if p.peek() != c {
		return false
	}
	p.pos++
	return true
}

func (p *parser) expect(c byte, what string) bool { return p.take(c) || p.unexpected(what) }

// unexpected says what was expected here, and what was found.
func (p *parser) unexpected(expected string) bool {
	if p.pos >= len(p.data) {
		return p.fail(p.pos, "expected ", expected, ", found the end of the file")
	}
	p.fail(p.pos, "expected ", expected, ", found ")
	return p.show(token{p.data[p.pos : p.pos+1], true, p.pos})
}

// fail appends the position of the error, and the beginning of the message.
func (p *parser) fail(at int, message ...string) bool {
	line, column := 1, 1
	for _, c := range p.data[:at] {
		if column++; c == '\n' {
			line, column = line+1, 1
		}
	}
	p.message = append(strconv.AppendInt(p.message, int64(line), 10), ':')
	p.message = append(strconv.AppendInt(p.message, int64(column), 10), ": "...)
	for _, part := range message {
		p.message = append(p.message, part...)
	}
	return false
}

// show ends the message with a token, and allocates nothing: a text of up to 32
// bytes becomes a string on the stack.
func (p *parser) show(t token) bool {
	const limit = 29 // bytes; more would hide the rest of the line
	var short [limit + 3]byte
	n := copy(short[:limit], t.text)
	if len(t.text) > limit {
		n += copy(short[n:], "...")
	}
	if t.quoted {
		p.message = strconv.AppendQuote(p.message, string(short[:n]))
	} else {
		p.message = append(p.message, short[:n]...)
	}
	return false
}
