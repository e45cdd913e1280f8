package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/epicfilemcnulty/hapgent/internal/signing/files"
)

type options struct {
	key            string
	signing        files.Options
	publicKey, pem bool
	help, version  bool
	files          []string
}

func parse(arguments []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("hapgent-sign", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.key, "f", "", "")
	flags.StringVar(&o.signing.Namespace, "n", "file", "")
	flags.BoolVar(&o.signing.Bundle, "bundle", false, "")
	flags.BoolVar(&o.signing.Force, "force", false, "")
	flags.BoolVar(&o.publicKey, "public-key", false, "")
	flags.BoolVar(&o.pem, "pem", false, "")
	flags.BoolVar(&o.version, "version", false, "")
	flags.BoolVar(&o.help, "help", false, "")
	err := flags.Parse(arguments)
	if errors.Is(err, flag.ErrHelp) { // -h
		o.help, err = true, nil
	}
	if err != nil {
		return nil, err
	}
	o.files = flags.Args()
	return o, o.check()
}

func (o *options) check() error {
	switch {
	case o.help, o.version:
		return nil
	case o.key == "":
		return errors.New("expected a key (-f KEY)")
	case o.pem && !o.publicKey:
		return errors.New("--pem goes with --public-key")
	case o.publicKey && len(o.files) > 0:
		return fmt.Errorf("--public-key takes no file, found %q", o.files[0])
	case o.publicKey:
		return nil
	case o.signing.Namespace == "":
		return errors.New("-n is empty, expected a namespace such as \"file\"")
	case len(o.files) == 0:
		return errors.New("expected a file to sign")
	}
	return checkFiles(o.files)
}

func checkFiles(paths []string) error {
	for _, path := range paths {
		if path == "-" {
			return errors.New("standard input cannot be signed here, expected a file (./- for one of this name): the signature is written beside it")
		}
		if strings.HasPrefix(path, "-") {
			return fmt.Errorf("options stand before the files, found %q after one (./%s for a file of this name)", path, path)
		}
	}
	return nil
}
