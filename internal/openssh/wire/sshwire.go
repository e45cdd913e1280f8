// Package wire reads the data types of the SSH protocols (RFC 4251,
// section 5) as OpenSSH reads them, where that is more or less strict than the
// RFC: a name may end in one NUL byte and hold no other, and an integer may
// have any number of leading zeros but must not be negative.
//
// Its input comes from strangers. Every length is checked against the bytes that
// are left before any are read, nothing is copied or allocated by a length that
// was only claimed, and no input makes it panic.
package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by the error of every field that could not be read.
var ErrMalformed = errors.New("malformed data")

// maxInteger is the longest integer OpenSSH reads, in bytes (SSHBUF_MAX_BIGNUM,
// 16,384 bits); one zero byte more may stand before it.
const maxInteger = 16384 / 8

// Reader reads fields from the front of a buffer. After the first field that
// cannot be read, the error stays and every later field reads as zero: so read a
// whole record, then call Err once.
type Reader struct {
	rest []byte
	err  error
}

// NewReader returns a Reader of data, which it does not copy.
func NewReader(data []byte) *Reader { return &Reader{rest: data} }

// Err returns why reading stopped, nil if every field was there.
func (r *Reader) Err() error { return r.err }

// Len returns how many bytes are left to read, 0 after an error.
func (r *Reader) Len() int { return len(r.rest) }

// End returns Err, or an error if anything is left after the last field.
func (r *Reader) End() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("%d bytes after the last field", len(r.rest))
	}
	return r.err
}

func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	r.rest = nil
}

func (r *Reader) take(n uint64) []byte {
	if uint64(len(r.rest)) < n {
		r.fail("a field of %d bytes with %d left", n, len(r.rest))
		return nil
	}
	field := r.rest[:n:n]
	r.rest = r.rest[n:]
	return field
}

// Raw reads n bytes that have no length of their own.
func (r *Reader) Raw(n int) []byte { return r.take(uint64(n)) }

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if field := r.take(1); field != nil {
		return field[0]
	}
	return 0
}

// Uint32 reads a uint32.
func (r *Reader) Uint32() uint32 {
	if field := r.take(4); field != nil {
		return binary.BigEndian.Uint32(field)
	}
	return 0
}

// Uint64 reads a uint64.
func (r *Reader) Uint64() uint64 {
	if field := r.take(8); field != nil {
		return binary.BigEndian.Uint64(field)
	}
	return 0
}

// Bytes reads a string of any bytes, as part of the Reader's own buffer.
func (r *Reader) Bytes() []byte { return r.take(uint64(r.Uint32())) }

// Nested reads a string that is a record of its own.
func (r *Reader) Nested() *Reader {
	field := r.Bytes()
	return &Reader{rest: field, err: r.err}
}

// Name reads a string that holds text: a NUL byte may only be its last byte,
// which is then dropped.
func (r *Reader) Name() string {
	field := r.Bytes()
	text := bytes.TrimSuffix(field, []byte{0})
	if bytes.IndexByte(text, 0) >= 0 {
		r.fail("a NUL byte within the text %q", field)
		return ""
	}
	return string(text)
}

// Integer reads an mpint of zero or more as its bytes, most significant first,
// without leading zeros.
func (r *Reader) Integer() []byte {
	field := r.Bytes()
	if len(field) > 0 && field[0]&0x80 != 0 {
		r.fail("a negative integer")
		return nil
	}
	if len(field) > maxInteger+1 || len(field) == maxInteger+1 && field[0] != 0 {
		r.fail("an integer of %d bytes", len(field))
		return nil
	}
	return bytes.TrimLeft(field, "\x00")
}

// AppendBytes appends field as a string.
func AppendBytes[T ~string | ~[]byte](data []byte, field T) []byte {
	data = binary.BigEndian.AppendUint32(data, uint32(len(field)))
	return append(data, field...)
}

// AppendInteger appends an mpint that Integer read.
func AppendInteger(data, integer []byte) []byte {
	if len(integer) > 0 && integer[0]&0x80 != 0 {
		data = binary.BigEndian.AppendUint32(data, uint32(len(integer)+1))
		return append(append(data, 0), integer...)
	}
	return AppendBytes(data, integer)
}
