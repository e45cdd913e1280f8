package verify

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
)

// StandardInput as File.Name stands for standard input.
const StandardInput = "-"

// File is a file to check, and what stands beside it.
type File struct {
	Name      string
	Input     io.Reader // what StandardInput is
	Signature string    // "": Name.sig
	Sums      *Sums     // nil: Name.sha256, if that is there
}

func (f File) signature() string {
	if f.Signature != "" {
		return f.Signature
	}
	return f.Name + sshsig.Suffix
}

// sums returns what the file's sum must be, nil if nothing says.
func (f File) sums() (*Sums, error) {
	sums := f.Sums
	if sums == nil {
		beside := f.Name + checksum.Suffix
		if f.Name == StandardInput || !exists(beside) {
			return nil, nil
		}
		var err error
		if sums, err = ReadSums(beside); err != nil {
			return nil, err
		}
	}
	return sums.of(f.Name)
}

// open opens a file to verify.
func (f File) open() (io.ReadCloser, error) {
	if f.Name == StandardInput {
		return io.NopCloser(f.Input), nil
	}
	file, err := os.Open(f.Name)
	if err != nil {
		return nil, errRead(err)
	}
	return file, nil
}

// readFile reads what is small: a signature, a key, a list. what says which,
// option how to name another.
func readFile(name string, limit int64, what, option string) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errMissing(name, what, option)
	}
	if err != nil {
		return nil, errUnreadable(what, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, errUnreadable(what, err)
	}
	if int64(len(data)) > limit {
		return nil, errTooLarge(name, limit, what)
	}
	return data, nil
}

// exists reports whether there is a file of a name, readable or not.
func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
