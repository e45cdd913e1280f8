package main

import (
	"crypto/sha256"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
)

// sums are what a checksum file says of a file; none if there is no such file.
type sums struct {
	from string
	want []checksum.Sum
}

// readSums reads the checksum file that -c names, or else that stands beside
// the file. The one line of a .sha256 file is about the file whatever name it
// has there; of many lines, one must name the file.
func readSums(o *options, file string) (*sums, error) {
	from := o.checksum
	if from == "" {
		from = file + checksum.Suffix
		if file == standardInput || !exists(from) {
			return nil, nil
		}
	}
	data, err := readFile(from, checksum.MaxSize, "checksum file", "-c")
	if err != nil {
		return nil, err
	}
	want, err := checksum.Parse(data)
	if err != nil {
		return nil, errMalformed(from, err)
	}
	if len(want) > 1 {
		want = checksum.Find(want, from, file)
	}
	if len(want) == 0 {
		return nil, errNotListed(file, from)
	}
	return &sums{from, want}, nil
}

// check compares the sum of the file with every one the checksum file has.
func (s *sums) check(file string, sum []byte) error {
	if s == nil {
		return nil
	}
	for _, want := range s.want {
		if [sha256.Size]byte(sum) != want.Digest {
			return errSumDisagrees(file, sum, s.from, want)
		}
	}
	return nil
}
