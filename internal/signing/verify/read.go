package verify

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/epicfilemcnulty/hapgent/internal/artifact/checksum"
	"github.com/epicfilemcnulty/hapgent/internal/openssh/sshsig"
	"github.com/epicfilemcnulty/hapgent/internal/signing/atomicfile"
)

// StandardInput as File.Name stands for standard input.
const StandardInput = "-"

// File is a file to check, and what stands beside it.
type File struct {
	Name      string
	Input     io.Reader // what StandardInput is
	Signature string    // "": Name.sig
	Sums      *Sums     // nil: Name.sha256, if that is there
	Output    string    // what was read goes here if it is good; "": nowhere
}

func (f File) signature() string {
	if f.Signature != "" {
		return f.Signature
	}
	return f.Name + sshsig.Suffix
}

// sums returns the expected sums of the file, nil if there are none.
func (f File) sums() (*Sums, error) {
	beside := f.Name + checksum.Suffix
	if f.Sums != nil || f.Name == StandardInput || !exists(beside) {
		return f.Sums, nil
	}
	return ReadSums(beside)
}

// input is a file that is read and copied to its output.
type input struct {
	io.Reader
	file   io.Closer
	output *atomicfile.File // nil: none
}

// open opens a file to verify.
func (f File) open() (*input, error) {
	in := &input{f.Input, io.NopCloser(nil), nil}
	if f.Name != StandardInput {
		file, err := os.Open(f.Name)
		if err != nil {
			return nil, errRead(err)
		}
		in.Reader, in.file = file, file
	}
	if f.Output == "" {
		return in, nil
	}
	// a link may be /dev/stdout, which must not be replaced
	if info, err := os.Lstat(f.Output); err == nil && !info.Mode().IsRegular() {
		in.file.Close()
		return nil, errNotReplaceable(f.Output)
	}
	output, err := atomicfile.Create(f.Output)
	if err != nil {
		in.file.Close()
		return nil, err
	}
	in.Reader, in.output = io.TeeReader(in.Reader, output), output
	return in, nil
}

// keep gives the output its name.
func (in *input) keep() error {
	if in.output == nil {
		return nil
	}
	if err := in.output.Finish(); err != nil {
		return err
	}
	return in.output.Replace()
}

// Close also removes an output that was not kept.
func (in *input) Close() {
	in.file.Close()
	if in.output != nil {
		in.output.Discard()
	}
}

// readFile reads a small file: a signature, a key, a list. what says which it is,
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
