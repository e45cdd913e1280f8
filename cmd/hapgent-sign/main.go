// Command hapgent-sign signs files so that ssh-keygen -Y verify, sha256sum -c
// and hapgent-verify check them. The key may be in a file, in the ssh-agent,
// on a FIDO token or in a key management service.
package main

import (
	"errors"
	"os"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
	"github.com/epicfilemcnulty/hapgent/internal/signing/keys"
)

// version is set when a release is built.
var version = "(devel)"

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1 // the signing was tried and failed
	exitUsage  = 2 // it could not be tried
)

func main() { os.Exit(run(os.Args[1:])) }

func run(arguments []string) int {
	o, err := parse(arguments)
	if err != nil {
		sayUsageError(err)
		return exitUsage
	}
	switch {
	case o.help:
		sayHelp()
	case o.version:
		sayVersion()
	case o.publicKey:
		err = printPublicKey(o)
	default:
		err = sign(o)
	}
	if err == nil {
		return exitDone
	}
	sayError(err)
	if errors.Is(err, files.ErrSigning) {
		return exitFailed
	}
	return exitUsage
}

func printPublicKey(o *options) error {
	key, err := keys.PublicKey(o.key, console.Ask)
	if err != nil {
		return err
	}
	if !o.pem {
		return sayPublicKey(key)
	}
	plain, err := keys.PlainKey(key)
	if err != nil {
		return err
	}
	return sayPEM(plain)
}

// sign signs each file, once all are known to be ready for it; the first
// failure ends it, since the same key would fail at the next one too.
func sign(o *options) error {
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
			sayTouch(path)
		}
		written, err := files.Sign(key, path, o.signing)
		if err != nil {
			return err
		}
		saySigned(path, o.signing.Namespace, key.PublicKey(), written)
	}
	return nil
}
