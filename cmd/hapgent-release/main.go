// Command hapgent-release builds what a release consists of: see the package
// internal/release. It is for the Makefile and for releasers.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/epicfilemcnulty/hapgent/internal/release"
)

const usage = `Usage: hapgent-release build [-o FILE] PROGRAM
       hapgent-release cross [-o DIRECTORY]

  build   build a program for this machine's architecture, into run/PROGRAM
  cross   vet and build every program for every architecture, into run/cross

Example:
  hapgent-release build -o /tmp/hapgent hapgent
`

// errUsage is for what the user asked for wrongly.
var errUsage = errors.New("wrong usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "hapgent-release: %v\n\n%s", err, usage)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "hapgent-release: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: no command", errUsage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	output := flags.String("o", "", "")
	if args[0] == "-h" || args[0] == "--help" {
		return flag.ErrHelp
	}
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %v", errUsage, err)
	}
	root, err := release.Root()
	if err != nil {
		return err
	}
	switch n := flags.NArg(); args[0] {
	case "build":
		if n != 1 {
			return fmt.Errorf("%w: build takes one program, found %d", errUsage, n)
		}
		name := flags.Arg(0)
		return release.BuildHere(ctx, root, name, cmp.Or(*output, filepath.Join(root, "run", name)))
	case "cross":
		if n != 0 {
			return fmt.Errorf("%w: cross takes no program, found %d", errUsage, n)
		}
		return cross(ctx, root, cmp.Or(*output, filepath.Join(root, "run", "cross")))
	}
	return fmt.Errorf("%w: unknown command %q, expected build or cross", errUsage, args[0])
}

// cross proves that every program builds everywhere.
func cross(ctx context.Context, root, output string) error {
	for _, t := range release.Targets {
		for _, p := range release.Programs {
			if err := release.Vet(ctx, root, p, t); err != nil {
				return err
			}
			if err := release.Build(ctx, root, p, t, filepath.Join(output, p.Name+"-"+t.Debian)); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%d programs vetted and built for %d architectures\n", len(release.Programs), len(release.Targets))
	return nil
}
