// Package checksum reads and writes the files of SHA-256 sums that sha256sum
// writes: FILE.sha256 of one line and SHA256SUMS of many.
//
// A sum guards against a broken download, not against an attacker, who can
// replace the sum along with the file: the signature guards against attackers.
// The package guarantees only that a file of sums is read whole or refused;
// sha256sum skips lines that it cannot read.
package checksum

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// ErrFormat is wrapped by the error of a file that has no valid sums.
var ErrFormat = errors.New("not a SHA-256 checksum file")

// Suffix is added to the name of a file for the name of its sum.
const Suffix = ".sha256"

// MaxSize is the largest checksum file to read, in bytes: some 100,000 lines.
const MaxSize = 16 << 20

// Sum is the sum of one file.
type Sum struct {
	Digest [sha256.Size]byte
	Name   string
}

// Read returns the sum of all of r, which it streams, under the name.
func Read(r io.Reader, name string) (Sum, error) {
	digest := sha256.New()
	_, err := io.Copy(digest, r)
	return Sum{[sha256.Size]byte(digest.Sum(nil)), name}, err
}

// String returns the line that sha256sum writes, with its newline.
func (s Sum) String() string {
	name := escape.Replace(s.Name)
	mark := ""
	if name != s.Name {
		mark = `\`
	}
	return fmt.Sprintf("%s%x  %s\n", mark, s.Digest, name)
}

// sha256sum begins a line with a backslash if it had to escape the name.
var (
	escape   = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

// Parse reads a checksum file. Empty lines and those that begin with # are
// skipped; a file with no sum in it is an error, as is any other line that
// is neither `HEX  NAME`, `HEX *NAME` nor `SHA256 (NAME) = HEX`.
func Parse(data []byte) ([]Sum, error) {
	var sums []Sum
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		sum, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrFormat, number, err)
		}
		sums = append(sums, sum)
	}
	if len(sums) == 0 {
		return nil, fmt.Errorf("%w: no sum in it", ErrFormat)
	}
	return sums, nil
}

func parseLine(line string) (Sum, error) {
	line, escaped := strings.CutPrefix(line, `\`)
	digest, name, err := fields(line)
	if err != nil {
		return Sum{}, err
	}
	if escaped {
		name = unescape.Replace(name)
	}
	sum := Sum{Name: name}
	if n, err := hex.Decode(sum.Digest[:], digest); err != nil || n != sha256.Size {
		return Sum{}, fmt.Errorf("%q is not the hexadecimal of a SHA-256 sum", digest)
	}
	return sum, nil
}

// fields takes the sum and the name from a line of either form.
func fields(line string) (digest []byte, name string, err error) {
	if tagged, ok := strings.CutPrefix(line, "SHA256 ("); ok {
		if i := strings.LastIndex(tagged, ") = "); i > 0 {
			return sized(tagged[i+len(") = "):], tagged[:i])
		}
	}
	digits, name, _ := strings.Cut(line, " ")
	if len(name) < 2 || name[0] != ' ' && name[0] != '*' {
		return nil, "", fmt.Errorf("expected %q, found %.100q", "HEX  NAME", line)
	}
	return sized(digits, name[1:])
}

func sized(digits, name string) ([]byte, string, error) {
	if len(digits) != hex.EncodedLen(sha256.Size) {
		return nil, "", fmt.Errorf("a SHA-256 sum has 64 digits, found %.100q", digits)
	}
	return []byte(digits), name, nil
}

// Find returns those of sums, read from the file sumsPath, that are of filePath:
// those with its path from the directory of sumsPath, else those with its base
// name.
func Find(sums []Sum, sumsPath, filePath string) []Sum {
	if relative, err := filepath.Rel(filepath.Dir(sumsPath), filePath); err == nil {
		if found := named(sums, relative); found != nil {
			return found
		}
	}
	return named(sums, filepath.Base(filePath))
}

func named(sums []Sum, name string) (found []Sum) {
	for _, sum := range sums {
		if filepath.Clean(sum.Name) == name {
			found = append(found, sum)
		}
	}
	return found
}
