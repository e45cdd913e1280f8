package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/signing/verify"
)

type options struct {
	version     bool
	signers     verify.Options
	file        verify.File // without its name
	checksum    string
	bundle, key string
	files       []string
}

// parse reads the command line; flag.ErrHelp asks for the usage.
func parse(args []string) (*options, error) {
	o := &options{}
	o.signers.Time = time.Now()
	flags := flag.NewFlagSet("hapgent-verify", flag.ContinueOnError)
	flags.BoolVar(&o.version, "version", false, "")
	flags.StringVar(&o.signers.Allowed, "f", "", "")
	flags.StringVar(&o.signers.Identity, "I", "", "")
	flags.StringVar(&o.signers.Namespace, "n", "file", "")
	flags.StringVar(&o.file.Signature, "s", "", "")
	flags.StringVar(&o.checksum, "c", "", "")
	flags.StringVar(&o.signers.Revoked, "r", "", "")
	flags.Func("O", "", o.setOption)
	flags.StringVar(&o.file.Output, "o", "", "")
	flags.StringVar(&o.bundle, "bundle", "", "")
	flags.StringVar(&o.key, "key", "", "")
	var err error
	if o.files, err = console.Parse(flags, args); err != nil || o.version {
		return o, err
	}
	return o, o.complete(flags)
}

func (o *options) setOption(text string) error {
	name, value, _ := strings.Cut(text, "=")
	if !strings.EqualFold(name, "verify-time") {
		return fmt.Errorf("expected %q, found %q", "verify-time=TIME", text)
	}
	return o.signers.SetTime(value)
}

// complete checks that the options fit together, and sets those that depend on
// others.
func (o *options) complete(flags *flag.FlagSet) error {
	if len(o.files) == 0 && (o.file.Signature != "" || o.bundle != "") {
		o.files = []string{verify.StandardInput}
	}
	switch {
	case len(o.files) == 0:
		return errors.New("expected a file to verify")
	case (o.bundle == "") != (o.key == ""):
		return errors.New("--bundle and --key belong together")
	case o.bundle != "":
		return o.completeBundle(flags)
	case o.file.Output != "" && len(o.files) > 1:
		return fmt.Errorf("-o is for one file, found %d files", len(o.files))
	case o.file.Signature != "" && len(o.files) > 1:
		return fmt.Errorf("-s names the signature of one file, found %d files", len(o.files))
	}
	for _, file := range o.files {
		if file == verify.StandardInput && o.file.Signature == "" {
			return errors.New("standard input needs its signature named (-s)")
		}
	}
	return o.findSigners()
}

func (o *options) completeBundle(flags *flag.FlagSet) error {
	if len(o.files) > 1 {
		return fmt.Errorf("--bundle is the signature of one file, found %d files", len(o.files))
	}
	var foreign error
	flags.Visit(func(f *flag.Flag) {
		if !strings.Contains(" bundle key c o ", " "+f.Name+" ") {
			foreign = fmt.Errorf("-%s has no meaning with --bundle, which takes one key and no list of signers", f.Name)
		}
	})
	return foreign
}

func (o *options) findSigners() error {
	if o.signers.Allowed != "" {
		return nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return errors.New("HOME is not set: name the allowed signers (-f)")
	}
	o.signers.Allowed = filepath.Join(home, ".ssh", "allowed_signers")
	return nil
}
