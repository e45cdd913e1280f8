package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"
)

func TestReaderReadsFieldsInOrder(t *testing.T) {
	r := NewReader([]byte("\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02" +
		"\x00\x00\x00\x03a\x00b\x00\x00\x00\x05name\x00\x00\x00\x00\x03\x00\x00\x80raw"))
	if b, n, m := r.Byte(), r.Uint32(), r.Uint64(); b != 7 || n != 1 || m != 2 {
		t.Errorf("read %d, %d, %d", b, n, m)
	}
	if b := r.Bytes(); string(b) != "a\x00b" {
		t.Errorf("Bytes is %q", b)
	}
	if name := r.Name(); name != "name" {
		t.Errorf("Name is %q", name)
	}
	if n := r.Integer(); !bytes.Equal(n, []byte{0x80}) {
		t.Errorf("Integer is %x", n)
	}
	if r.Len() != 3 || string(r.Raw(3)) != "raw" || r.End() != nil {
		t.Errorf("the end is %v with %d left", r.Err(), r.Len())
	}
}

func TestReaderRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		read       func(*Reader)
	}{
		{"a byte of nothing", "", func(r *Reader) { r.Byte() }},
		{"a short uint32", "\x00\x00\x00", func(r *Reader) { r.Uint32() }},
		{"a short uint64", "\x00\x00\x00\x00", func(r *Reader) { r.Uint64() }},
		{"a string longer than the rest", "\x00\x00\x00\x02a", func(r *Reader) { r.Bytes() }},
		{"a string of 4 GiB", "\xff\xff\xff\xffa", func(r *Reader) { r.Bytes() }},
		{"a NUL within a name", "\x00\x00\x00\x03a\x00b", func(r *Reader) { r.Name() }},
		{"two NULs at the end of a name", "\x00\x00\x00\x03a\x00\x00", func(r *Reader) { r.Name() }},
		{"a negative integer", "\x00\x00\x00\x01\x80", func(r *Reader) { r.Integer() }},
		{"too long an integer", "\x00\x00\x08\x02" + string(make([]byte, 2050)), func(r *Reader) { r.Integer() }},
		{"bytes after the last field", "\x00", func(r *Reader) { r.End() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader([]byte(tt.data))
			tt.read(r)
			if !errors.Is(r.Err(), ErrMalformed) {
				t.Errorf("the error is %v", r.Err())
			}
			if r.Len() != 0 || r.Byte() != 0 || r.Uint64() != 0 || len(r.Bytes()) != 0 {
				t.Error("something is read after the error")
			}
		})
	}
}

func TestAppendIsReadBack(t *testing.T) {
	data := AppendInteger(AppendInteger(AppendBytes(nil, "text"), []byte{0x80, 1}), nil)
	r := NewReader(data)
	if text, n, zero := r.Name(), r.Integer(), r.Integer(); text != "text" ||
		!bytes.Equal(n, []byte{0x80, 1}) || len(zero) != 0 || r.End() != nil {
		t.Errorf("read %q, %x, %x, %v", text, n, zero, r.Err())
	}
}

func TestDecodeBase64(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "YQ==": "a", " Y\tQ\n=\v\f\r=": "a", "YWI=\x00": "ab", "YWJj": "abc",
	} {
		if got, err := DecodeBase64([]byte(text)); err != nil || string(got) != want {
			t.Errorf("DecodeBase64(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"Y", "YQ", "YQ=", "YR==", "YQ==YQ==", "YQ==\x00\x00", "Y\u00a0Q==", "-_-_"} {
		if got, err := DecodeBase64([]byte(text)); !errors.As(err, new(base64.CorruptInputError)) {
			t.Errorf("DecodeBase64(%q) = %q, %v; want an error", text, got, err)
		}
	}
}
