package console

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// Exit statuses of the commands.
const (
	ExitDone    = 0
	ExitFailed  = 1 // the check or the signing was made and failed
	ExitUntried = 2 // it was not made
)

// Parse reads the options at the beginning of args into flags, and returns the
// files that follow. The error is flag.ErrHelp if the user asks for help.
//
// Scripts build command lines from variables, and an option that gets lost turns
// off its check: so an option that is empty, given twice, or behind a file is an
// error. After "--" every word is a file.
func Parse(flags *flag.FlagSet, args []string) (files []string, err error) {
	flags.SetOutput(io.Discard)
	flags.VisitAll(func(f *flag.Flag) { f.Value = &once{Value: f.Value} })
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	files = flags.Args()
	if options := args[:len(args)-len(files)]; len(options) > 0 && options[len(options)-1] == "--" {
		return files, nil
	}
	for _, file := range files {
		if strings.HasPrefix(file, "-") && file != "-" {
			return nil, fmt.Errorf("options come before the files, found %q after one (./%s for a file of this name)", file, file)
		}
	}
	return files, nil
}

// once is an option's value that may be set once, and not to an empty text.
type once struct {
	flag.Value
	set bool
}

func (o *once) Set(text string) error {
	switch {
	case o.set:
		return errors.New("it is given twice")
	case text == "":
		return errors.New("it is empty (is a variable unset?)")
	}
	o.set = true
	return o.Value.Set(text)
}

// IsBoolFlag reports whether the option has no value.
func (o *once) IsBoolFlag() bool {
	b, ok := o.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}
