package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// open opens a file to verify.
func open(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == standardInput {
		return io.NopCloser(stdin), nil
	}
	return os.Open(name)
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
