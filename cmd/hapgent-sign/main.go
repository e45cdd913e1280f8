// Command hapgent-sign signs files so that ssh-keygen -Y verify, sha256sum -c
// and hapgent-verify check them. The key may be in a file, in the ssh-agent,
// on a FIDO token or in a key management service.
package main

import (
	"errors"
	"flag"
	"io"
	"os"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
	"github.com/epicfilemcnulty/hapgent/internal/signing/keys"
)

// version is set when a release is built.
var version = "(devel)"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs the command and returns its exit status.
func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
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
	case o.publicKey:
		err = o.printPublicKey(stdout)
	default:
		err = o.sign(stdout, stderr)
	}
	if err != nil {
		sayError(stderr, err)
	}
	return status(err)
}

func status(err error) int {
	switch {
	case err == nil:
		return console.ExitDone
	case errors.Is(err, files.ErrSigning):
		return console.ExitFailed
	}
	return console.ExitUntried
}

func (o *options) printPublicKey(stdout io.Writer) (err error) {
	defer console.RecoverFIPS(&err)
	key, err := keys.PublicKey(o.key, console.Ask)
	if err != nil {
		return err
	}
	if !o.pem {
		return sayPublicKey(stdout, key)
	}
	plain, err := keys.PlainKey(key)
	if err != nil {
		return err
	}
	return sayPEM(stdout, plain)
}

// sign signs each file, after a check that all can be signed. It ends at the first
// failure, since the same key would fail at the next file, too.
func (o *options) sign(stdout, stderr io.Writer) (err error) {
	defer console.RecoverFIPS(&err)
	for _, path := range o.files {
		if err := files.Check(path, o.signing); err != nil {
			return err
		}
	}
	key, err := keys.Open(o.key, console.Ask)
	if err != nil {
		return err
	}
	for _, path := range o.files {
		if keys.IsFIDO(key.PublicKey()) {
			sayTouch(stderr, path)
		}
		signed, err := files.Sign(key, path, o.signing)
		if err != nil {
			return err
		}
		if err := saySigned(stdout, path, o.signing.Namespace, signed); err != nil {
			return err
		}
	}
	return nil
}
