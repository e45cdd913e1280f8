package verify

import (
	"crypto/sha256"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

// Sums are the sums of a checksum file.
type Sums struct {
	from            string
	data            []byte
	all             []checksum.Sum
	signed, checked bool // its signature is beside it, and is good
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
	return &Sums{from: name, data: data, all: all, signed: exists(name + sshsig.Suffix)}, nil
}

// remark says that the list is not signed, or not checked.
func (s *Sums) remark() string {
	switch {
	case s == nil || s.checked:
		return ""
	case s.signed:
		return "(list's signature not checked)"
	}
	return "(list not signed)"
}

// check compares the sum of the file with every sum that the checksum file has for
// it. There must be one: otherwise another signed file could be given this name.
func (s *Sums) check(file string, sum []byte) error {
	if s == nil {
		return nil
	}
	found := checksum.Find(s.all, s.from, file)
	if file == StandardInput && len(s.all) == 1 {
		found = s.all
	}
	for _, want := range found {
		if [sha256.Size]byte(sum) != want.Digest {
			return errSumDisagrees(file, sum, s.from, want)
		}
	}
	if len(found) == 0 {
		return errNotListed(file, s)
	}
	return nil
}
