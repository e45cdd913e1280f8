// Command hapgent-verify checks files against their SSH signatures, as
// ssh-keygen -Y verify does, and against their SHA-256 sums, in one read of
// each.
package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"slices"
)

// version is set when a release is built.
var version = "(devel)"

// Exit statuses.
const (
	exitGood    = 0
	exitBad     = 1 // tried, and not good
	exitUntried = 2 // could not be tried
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command; it returns its exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opts, err := parseOptions(args)
	if errors.Is(err, flag.ErrHelp) {
		sayHelp(stdout)
		return exitGood
	}
	if err != nil {
		sayUsage(stderr, err)
		return exitUntried
	}
	if opts.version {
		sayVersion(stdout)
		return exitGood
	}
	check, err := newCheck(opts, stdin)
	if err != nil {
		sayErrors(stderr, err)
		return exitUntried
	}
	return runAll(check, opts.files, stdout, stderr)
}

// check checks one file and returns the line that says what is good about it.
type check func(file string) (good string, err error)

func newCheck(opts *options, stdin io.Reader) (check, error) {
	if opts.bundle != "" {
		return newBundleCheck(opts, stdin)
	}
	return newSignatureCheck(opts, stdin)
}

// runAll checks every file, and returns the worst exit status.
func runAll(check check, files []string, stdout, stderr io.Writer) int {
	worst := exitGood
	for _, file := range files {
		good, err := check(file)
		if err != nil {
			sayErrors(stderr, err)
			worst = max(worst, status(err))
			continue
		}
		if err := sayGood(stdout, good, file, len(files) > 1); err != nil {
			sayErrors(stderr, err)
			worst = max(worst, exitUntried)
		}
	}
	return worst
}

// bad is the error of a check that was made, and whose answer is no.
type bad struct{ error }

func (b bad) Unwrap() error { return b.error }

func status(err error) int {
	if errors.As(err, new(bad)) {
		return exitBad
	}
	return exitUntried
}

// failures are several errors about one file.
type failures []error

// fail returns those of errs that are errors, nil if none is.
func fail(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	return failures(errs)
}

func (f failures) Error() string { return errors.Join(f...).Error() }

func (f failures) Unwrap() []error { return f }
