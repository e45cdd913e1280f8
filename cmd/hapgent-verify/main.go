// Command hapgent-verify checks files against their SSH signatures, as
// ssh-keygen -Y verify does, and against their SHA-256 sums, in one read of
// each.
//
// # Against whom
//
// Whoever can replace a file, its signature, its sum and the list of sums, at
// their source or on the way. Trusted are this machine and its clock, and what is
// the user's own: the command line, the list of allowed signers and that of revoked
// keys. Whoever fetches those from where the file is trusts that place with all.
//
// # What Good means
//
// One whom the list allows to sign for this purpose at this time, and whose key is
// not revoked, signed these bytes.
//
// Who it was: with -I the one who is named. Without it anyone whom the list has;
// the answer names them, and a note says that there are others.
//
// Which file it is: not by the signature, since names are not signed. A sum must
// name the file, but FILE.sha256 has no signature of its own and may be left out. A
// signed list (-c) is what binds names, and a version as far as the names have it.
//
// How old it is: not. Whoever can serve files can serve old ones, which were good
// and are. Look at the version, and list a key as revoked (-r) that signed what is
// not to be used any more.
//
// For how long: until the file can be changed again. Who verifies in a place that
// others can write to takes -o, which keeps the bytes that were verified.
//
// An option that is lost would turn a check off: one that is empty, given twice or
// after a file is an error, and a list that is missing or cannot be understood
// never means that there is nothing in it.
package main

import (
	"errors"
	"flag"
	"io"
	"os"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/signing/verify"
)

// version is set when a release is built.
var version = "(devel)"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command; it returns its exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		sayHelp(stdout)
		return console.ExitDone
	case err != nil:
		sayUsageError(stderr, err)
		return console.ExitUntried
	case o.version:
		sayVersion(stdout)
		return console.ExitDone
	}
	against, err := o.read()
	if err != nil {
		sayErrors(stderr, err)
		return status(err)
	}
	return o.verify(against, stdin, stdout, stderr)
}

// checker is what files are checked against.
type checker interface {
	File(verify.File) (*verify.Good, error)
}

// read reads what the options name.
func (o *options) read() (against checker, err error) {
	defer console.RecoverFIPS(&err)
	readSums := verify.ReadSums
	if o.bundle != "" {
		against, err = verify.ReadBundle(o.bundle, o.key)
	} else {
		var signers *verify.Signers
		if signers, err = verify.ReadSigners(o.signers); err == nil {
			against, readSums = signers, signers.ReadList
		}
	}
	if err == nil && o.checksum != "" {
		o.file.Sums, err = readSums(o.checksum)
	}
	return against, err
}

// verify checks every file, and returns the worst exit status.
func (o *options) verify(against checker, stdin io.Reader, stdout, stderr io.Writer) int {
	worst := console.ExitDone
	for _, name := range o.files {
		file := o.file
		file.Name, file.Input = name, stdin
		good, err := check(against, file)
		if err == nil {
			err = sayGood(stdout, stderr, good, name, len(o.files) > 1)
		}
		if err != nil {
			sayErrors(stderr, err)
			worst = max(worst, status(err))
		}
	}
	return worst
}

func check(against checker, file verify.File) (good *verify.Good, err error) {
	defer console.RecoverFIPS(&err)
	return against.File(file)
}

func status(err error) int {
	if errors.As(err, new(*verify.Refusal)) {
		return console.ExitFailed
	}
	return console.ExitUntried
}
