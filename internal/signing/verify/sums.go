package verify

import (
	"crypto/sha256"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
)

// Sums are those that a checksum file has.
type Sums struct {
	from string
	all  []checksum.Sum
}

// ReadSums reads a checksum file.
func ReadSums(name string) (*Sums, error) {
	data, err := readFile(name, checksum.MaxSize, "checksum file", "-c")
	if err != nil {
		return nil, err
	}
	all, err := checksum.Parse(data)
	if err != nil {
		return nil, errMalformed(name, err)
	}
	return &Sums{name, all}, nil
}

// of returns the sums of one file. The one line of a .sha256 file is about the
// file whatever name it has there; of many lines, one must name the file.
func (s *Sums) of(file string) (*Sums, error) {
	if len(s.all) == 1 {
		return s, nil
	}
	found := checksum.Find(s.all, s.from, file)
	if len(found) == 0 {
		return nil, errNotListed(file, s.from)
	}
	return &Sums{s.from, found}, nil
}

// check compares the sum of the file with every one there is.
func (s *Sums) check(file string, sum []byte) error {
	if s == nil {
		return nil
	}
	for _, want := range s.all {
		if [sha256.Size]byte(sum) != want.Digest {
			return errSumDisagrees(file, sum, s.from, want)
		}
	}
	return nil
}
