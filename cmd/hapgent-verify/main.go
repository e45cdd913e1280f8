// Command hapgent-verify checks files against their SSH signatures, as
// ssh-keygen -Y verify does, and against their SHA-256 sums, in one read of
// each.
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
	if o.checksum != "" {
		if o.file.Sums, err = verify.ReadSums(o.checksum); err != nil {
			return nil, err
		}
	}
	if o.bundle != "" {
		return verify.ReadBundle(o.bundle, o.key)
	}
	return verify.ReadSigners(o.signers)
}

// verify checks every file, and returns the worst exit status.
func (o *options) verify(against checker, stdin io.Reader, stdout, stderr io.Writer) int {
	worst := console.ExitDone
	for _, name := range o.files {
		file := o.file
		file.Name, file.Input = name, stdin
		good, err := against.File(file)
		if err == nil {
			err = sayGood(stdout, good.Text, name, len(o.files) > 1)
		}
		if err != nil {
			sayErrors(stderr, err)
			worst = max(worst, status(err))
		}
	}
	return worst
}

func status(err error) int {
	if errors.As(err, new(*verify.Refusal)) {
		return console.ExitFailed
	}
	return console.ExitUntried
}
