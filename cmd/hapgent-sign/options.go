package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
)

type options struct {
	version        bool
	key            string
	signing        files.Options
	publicKey, pem bool
	files          []string
}

// parse reads the command line; flag.ErrHelp asks for the usage.
func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("hapgent-sign", flag.ContinueOnError)
	flags.BoolVar(&o.version, "version", false, "")
	flags.StringVar(&o.key, "f", "", "")
	flags.StringVar(&o.signing.Namespace, "n", "file", "")
	flags.BoolVar(&o.signing.Bundle, "bundle", false, "")
	flags.BoolVar(&o.signing.Force, "force", false, "")
	flags.BoolVar(&o.publicKey, "public-key", false, "")
	flags.BoolVar(&o.pem, "pem", false, "")
	var err error
	if o.files, err = console.Parse(flags, args); err != nil || o.version {
		return o, err
	}
	return o, o.complete()
}

// complete checks that the options fit together.
func (o *options) complete() error {
	switch {
	case o.key == "":
		return errors.New("expected a key (-f KEY)")
	case o.pem && !o.publicKey:
		return errors.New("--pem goes with --public-key")
	case o.publicKey && len(o.files) > 0:
		return fmt.Errorf("--public-key takes no file, found %q", o.files[0])
	case o.publicKey:
		return nil
	case len(o.files) == 0:
		return errors.New("expected a file to sign")
	case slices.Contains(o.files, "-"):
		return errors.New("standard input cannot be signed here, expected a file (./- for one of this name): the signature is written beside it")
	}
	return nil
}
