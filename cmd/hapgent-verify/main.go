// Command hapgent-verify checks files against their SSH signatures, as
// ssh-keygen -Y verify does, and against their SHA-256 sums, in one read of
// each.
//
// # Against whom
//
// The command guards against whoever can replace a file, its signature, its sum and
// the list of sums, at their source or on the way. It trusts this machine, its
// clock, and what is the user's own: the command line and the lists of allowed
// signers and of revoked keys. A user who fetches these lists from the same place
// as the file trusts that place entirely.
//
// # What Good means
//
// A signer whom the list allows to sign for this purpose at this time, and whose
// key is not revoked, signed these bytes.
//
// Who: with -I the named signer. Without -I any signer in the list; the answer names
// the signer, and a note says that there are others.
//
// Which file: the signature does not say, since names are not signed. A sum must
// name the file, but FILE.sha256 has no signature of its own and may be missing.
// A signed list (-c) binds the names, and the version if the names contain it.
//
// How old: the signature does not say. Whoever can serve files can serve old ones,
// which are still good. Look at the version, and revoke a key (-r) that signed files
// that must no longer be used.
//
// How long: until the file can be changed again. In a place that others can write
// to, use -o, which keeps the bytes that were verified.
//
// An option that gets lost would turn off a check: an option that is empty, given
// twice or behind a file is an error, and a list that is missing or cannot be read
// never counts as empty.
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

// run runs the command and returns its exit status.
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

// checker checks files against what the options name.
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
