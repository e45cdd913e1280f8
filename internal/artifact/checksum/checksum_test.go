package checksum

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
)

var (
	one = Sum{sha256.Sum256([]byte("one")), "one"}
	two = Sum{sha256.Sum256([]byte("two")), "two"}
)

const oneHex = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       []Sum
	}{
		{"text mode", oneHex + "  one\n", []Sum{one}},
		{"binary mode", oneHex + " *one\n", []Sum{one}},
		{"tagged", "SHA256 (one) = " + oneHex + "\n", []Sum{one}},
		{"no newline at the end", oneHex + "  one", []Sum{one}},
		{"CRLF", oneHex + "  one\r\n", []Sum{one}},
		{"upper case", strings.ToUpper(oneHex) + "  one\n", []Sum{one}},
		{"many, comments and empty lines", "# sums\n\n" + one.String() + two.String(), []Sum{one, two}},
		{"a name with spaces", oneHex + "   a b ", []Sum{{one.Digest, " a b "}}},
		{"an escaped name", `\` + oneHex + `  a\nb\\c`, []Sum{{one.Digest, "a\nb\\c"}}},
		{"a backslash not escaped", oneHex + `  a\nb`, []Sum{{one.Digest, `a\nb`}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.data))
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("Parse(%q) = %v, %v; want %v", tt.data, got, err, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"an empty file", "", "no sum in it"},
		{"comments alone", "# none\n", "no sum in it"},
		{"a sum without a name", oneHex + "\n", "line 1"},
		{"one space", oneHex + " one\n", "line 1"},
		{"a short sum", oneHex[2:] + "  one\n", "64 digits"},
		{"a SHA-512 sum", oneHex + oneHex + "  one\n", "64 digits"},
		{"letters that are no digits", strings.Repeat("g", 64) + "  one\n", "hexadecimal"},
		{"a bad line after a good one", one.String() + "<html>\n", "line 2"},
		{"binary data", "\x7fELF\x02\x01\x01\x00", "line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sums, err := Parse([]byte(tt.data))
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse(%q) = %v, %v; want an error with %q", tt.data, sums, err, tt.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	inner := Sum{two.Digest, "apt/one"}
	sums := []Sum{one, two, inner}
	for _, tt := range []struct {
		name, sums, file string
		want             []Sum
	}{
		{"beside it", "SHA256SUMS", "one", []Sum{one}},
		{"both elsewhere", "dist/SHA256SUMS", "dist/one", []Sum{one}},
		{"a path below it", "dist/SHA256SUMS", "dist/apt/one", []Sum{inner}},
		{"the file moved", "SHA256SUMS", "/opt/two", []Sum{two}},
		{"not listed", "SHA256SUMS", "three", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Find(sums, tt.sums, tt.file); !slices.Equal(got, tt.want) {
				t.Errorf("Find(%q, %q) = %v, want %v", tt.sums, tt.file, got, tt.want)
			}
		})
	}
}

func TestStringIsReadBack(t *testing.T) {
	for _, name := range []string{"one", "a b", " a", `a\b`, "a\nb", "*a", "\\", "a) = b"} {
		line := Sum{one.Digest, name}.String()
		if sums, err := Parse([]byte(line)); err != nil || len(sums) != 1 || sums[0].Name != name {
			t.Errorf("%q reads as %v, %v", line, sums, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(one.String() + two.String()))
	f.Add([]byte("SHA256 (one) = " + oneHex + "\n"))
	f.Add([]byte(`\` + oneHex + ` *a\nb\\`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sums, err := Parse(data)
		if (err == nil) != (len(sums) > 0) {
			t.Fatalf("Parse(%q) = %v, %v", data, sums, err)
		}
		for _, sum := range sums {
			again, err := Parse([]byte(sum.String()))
			if err != nil || !slices.Equal(again, []Sum{sum}) {
				t.Errorf("%q reads as %v, %v", sum.String(), again, err)
			}
		}
	})
}
