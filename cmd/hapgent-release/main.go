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
	"runtime"

	"github.com/epicfilemcnulty/hapgent/internal/packages"
	"github.com/epicfilemcnulty/hapgent/internal/release"
)

const usage = `Usage: hapgent-release build [-o FILE] PROGRAM
       hapgent-release cross [-o DIRECTORY]
       hapgent-release packages [-o DIRECTORY]

  build     build a program for this machine's architecture, into run/PROGRAM
  cross     vet and build every program for every architecture, into run/cross
  packages  make .deb and .rpm packages for this machine's architecture, in dist

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
	source, err := release.Here()
	if err != nil {
		return err
	}
	command, err := commandOf(args[0], flags.Args())
	if err != nil {
		return err
	}
	return command(ctx, source, *output)
}

// command does one thing with the source tree. The output is "" where the user
// named none.
type command func(ctx context.Context, s release.Source, output string) error

func commandOf(name string, args []string) (command, error) {
	if name == "build" {
		if len(args) != 1 {
			return nil, fmt.Errorf("%w: build takes one program, found %d", errUsage, len(args))
		}
		return func(ctx context.Context, s release.Source, output string) error {
			return s.BuildHere(ctx, args[0], cmp.Or(output, filepath.Join(s.Root, "run", args[0])))
		}, nil
	}
	command, ok := map[string]command{"cross": cross, "packages": makePackages}[name]
	if !ok {
		return nil, fmt.Errorf("%w: unknown command %q, expected build, cross or packages", errUsage, name)
	}
	if len(args) != 0 {
		return nil, fmt.Errorf("%w: %s takes no argument, found %q", errUsage, name, args[0])
	}
	return command, nil
}

// cross proves that every program builds everywhere.
func cross(ctx context.Context, s release.Source, output string) error {
	output = cmp.Or(output, filepath.Join(s.Root, "run", "cross"))
	for _, a := range release.Architectures {
		for _, p := range release.Programs {
			if err := s.Vet(ctx, p, a); err != nil {
				return err
			}
			if err := s.Build(ctx, p, a, filepath.Join(output, p.Name+"-"+a.Debian)); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%d programs vetted and built for %d architectures\n", len(release.Programs), len(release.Architectures))
	return nil
}

// makePackages makes those of this machine's architecture.
func makePackages(ctx context.Context, s release.Source, output string) error {
	a, err := release.ArchitectureOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	targets, err := packages.Targets(s, a)
	if err != nil {
		return err
	}
	w, err := release.NewWorkshop(ctx, s)
	if err != nil {
		return err
	}
	defer w.Close()
	return w.BuildAll(ctx, targets, cmp.Or(output, filepath.Join(s.Root, "dist")))
}
