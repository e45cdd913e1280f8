package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/openssh/allowedsigners"
)

// standardInput as FILE stands for standard input.
const standardInput = "-"

type options struct {
	version     bool
	signers     string
	identity    string
	anyIdentity bool
	namespace   string
	signature   string
	checksum    string
	revocation  string
	at          time.Time
	bundle, key string
	files       []string
}

// parseOptions reads the command line; flag.ErrHelp asks for the usage.
func parseOptions(args []string) (*options, error) {
	o := &options{anyIdentity: true, at: time.Now()}
	flags := flag.NewFlagSet("hapgent-verify", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.version, "version", false, "")
	flags.StringVar(&o.signers, "f", "", "")
	flags.Func("I", "", func(name string) error {
		o.identity, o.anyIdentity = name, false
		return nil
	})
	flags.StringVar(&o.namespace, "n", "file", "")
	flags.StringVar(&o.signature, "s", "", "")
	flags.StringVar(&o.checksum, "c", "", "")
	flags.StringVar(&o.revocation, "r", "", "")
	flags.Func("O", "", o.setOption)
	flags.StringVar(&o.bundle, "bundle", "", "")
	flags.StringVar(&o.key, "key", "", "")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.files = flags.Args()
	if o.version {
		return o, nil
	}
	return o, o.complete(flags)
}

func (o *options) setOption(text string) (err error) {
	name, value, _ := strings.Cut(text, "=")
	if !strings.EqualFold(name, "verify-time") {
		return fmt.Errorf("expected %q, found %q", "verify-time=TIME", text)
	}
	o.at, err = allowedsigners.ParseTime(value)
	return err
}

// complete checks that the options fit together, and sets those that depend on
// others.
func (o *options) complete(flags *flag.FlagSet) error {
	if len(o.files) == 0 && (o.signature != "" || o.bundle != "") {
		o.files = []string{standardInput}
	}
	switch {
	case len(o.files) == 0:
		return errors.New("expected a file to verify")
	case o.namespace == "":
		return errors.New("the namespace (-n) must not be empty")
	case (o.bundle == "") != (o.key == ""):
		return errors.New("--bundle and --key belong together")
	case o.bundle != "":
		return o.completeBundle(flags)
	case o.signature != "" && len(o.files) > 1:
		return fmt.Errorf("-s names the signature of one file, found %d files", len(o.files))
	}
	for _, file := range o.files {
		if file == standardInput && o.signature == "" {
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
		if !strings.Contains(" bundle key c ", " "+f.Name+" ") {
			foreign = fmt.Errorf("-%s has no meaning with --bundle, which knows one key and no list of signers", f.Name)
		}
	})
	return foreign
}

func (o *options) findSigners() error {
	if o.signers != "" {
		return nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return errors.New("HOME is not set: name the allowed signers (-f)")
	}
	o.signers = filepath.Join(home, ".ssh", "allowed_signers")
	return nil
}
