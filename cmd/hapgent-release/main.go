// Command hapgent-release builds programs, packages and whole releases, and
// verifies a release that others have made: see the package
// internal/release and its parts for what they guarantee. It is for the
// Makefile and for releasers.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/epicfilemcnulty/hapgent/internal/console"
	"github.com/epicfilemcnulty/hapgent/internal/release"
	"github.com/epicfilemcnulty/hapgent/internal/release/build"
	"github.com/epicfilemcnulty/hapgent/internal/release/packages"
)

const usage = `Usage: hapgent-release COMMAND

  build PROGRAM     build a program for this machine's architecture, into run/PROGRAM
  cross             vet and build every program for every architecture, into run/cross
  packages          make .deb and .rpm packages for this machine's architecture, in dist
  release           make a whole release, in dist
  image             make a container image of the agent, an OCI layout, in run/image
  verify DIRECTORY  check a published release, and that the source builds the same
  role-checksum     write the checksum of the agent for amd64 into the Ansible role
  keys              write the keyring of GPG_KEY, and the copies of all keys in the tree
  notes             print the changelog's entry for the version

A release is signed with two keys. Without them a snapshot is made, signed with
throw-away keys in run/snapshot-keys:
  SIGNING_KEY  for files: a key file, a public key whose private half is in the
               ssh-agent, or NAME://REFERENCE, as hapgent-sign -f takes it
  GPG_KEY      for repositories: the key's name for gpg; of several, separated by
               blanks, all sign the index for apt, the first signs the rest

POOL is a folder with what was published before, a release or a whole site: its
packages stay in the repositories.

Example:
  SIGNING_KEY=release GPG_KEY=0123456789ABCDEF hapgent-release release
`

// misuse is an error of the command line.
type misuse struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	switch err := run(ctx, os.Args[1:]); {
	case errors.As(err, new(misuse)):
		fmt.Fprintf(os.Stderr, "hapgent-release: %v\ntry hapgent-release --help\n", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "hapgent-release: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	names := strings.Join(slices.Sorted(maps.Keys(commands)), ", ")
	if len(args) == 0 {
		return misuse{fmt.Errorf("expected a command, one of %s", names)}
	}
	if slices.Contains(args, "-h") || slices.Contains(args, "--help") {
		fmt.Print(usage)
		return nil
	}
	c, ok := commands[args[0]]
	if !ok {
		return misuse{fmt.Errorf("unknown command %q, expected one of %s", args[0], names)}
	}
	if found := len(args) - 1; found != c.arguments {
		return misuse{fmt.Errorf("%s takes %s, found %d", args[0], [...]string{"no argument", "one argument"}[c.arguments], found)}
	}
	source, err := build.Here()
	if err != nil {
		return err
	}
	return c.run(ctx, source, strings.Join(args[1:], ""))
}

// command does one thing with the source tree.
type command struct {
	arguments int
	run       func(ctx context.Context, s build.Source, argument string) error
}

var commands = map[string]command{
	"build":         {1, buildProgram},
	"cross":         {0, cross},
	"packages":      {0, makePackages},
	"release":       {0, makeRelease},
	"image":         {0, makeImage},
	"verify":        {1, verify},
	"role-checksum": {0, roleChecksum},
	"keys":          {0, writeKeys},
	"notes":         {0, notes},
}

func buildProgram(ctx context.Context, s build.Source, program string) error {
	return s.BuildHere(ctx, program, filepath.Join(s.Root, "run", program))
}

// cross checks that every program builds for every architecture.
func cross(ctx context.Context, s build.Source, _ string) error {
	for _, a := range build.Architectures {
		for _, p := range build.Programs {
			if err := s.Vet(ctx, p, a); err != nil {
				return err
			}
			if err := s.Build(ctx, p, a, filepath.Join(s.Root, "run", "cross", p.Name+"-"+a.Debian)); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%d programs vetted and built for %d architectures\n", len(build.Programs), len(build.Architectures))
	return nil
}

// makePackages makes the packages for this machine's architecture.
func makePackages(ctx context.Context, s build.Source, _ string) error {
	a, err := build.ArchitectureOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	targets, err := packages.Targets(s, a)
	if err != nil {
		return err
	}
	w, err := build.NewWorkshop(ctx, s)
	if err != nil {
		return err
	}
	defer w.Close()
	return w.BuildAll(ctx, targets, filepath.Join(s.Root, "dist"))
}

// makeRelease makes a release if the environment names keys, else a snapshot.
func makeRelease(ctx context.Context, s build.Source, _ string) error {
	keys, err := openKeys(ctx, s)
	if err != nil {
		return err
	}
	defer keys.Close()
	if keys.Touches() {
		fmt.Println("touch the token when it blinks, for each file")
	}
	output := filepath.Join(s.Root, "dist")
	if err := release.Build(ctx, s, keys, os.Getenv("POOL"), output); err != nil {
		return err
	}
	kind := "release"
	if keys.Snapshot() {
		kind = "snapshot, signed with throw-away keys and no release,"
	}
	fmt.Printf("%s of hapgent %s is in %s\n", kind, s.Version, output)
	return nil
}

func openKeys(ctx context.Context, s build.Source) (*release.Keys, error) {
	key, pgp := os.Getenv("SIGNING_KEY"), os.Getenv("GPG_KEY")
	if key == "" && pgp == "" {
		return release.OpenSnapshot(ctx, s)
	}
	return release.Open(ctx, s, key, pgp, console.Ask)
}

func makeImage(ctx context.Context, s build.Source, _ string) error {
	return release.Image(ctx, s, filepath.Join(s.Root, "run", "image"))
}

func verify(ctx context.Context, s build.Source, published string) error {
	return release.Verify(ctx, s, os.Getenv("POOL"), published, os.Stdout)
}

func roleChecksum(ctx context.Context, s build.Source, _ string) error {
	sum, err := release.RoleChecksum(ctx, s)
	if err == nil {
		fmt.Println(sum)
	}
	return err
}

func writeKeys(ctx context.Context, s build.Source, _ string) error {
	return release.WriteKeys(ctx, s, os.Getenv("GPG_KEY"))
}

func notes(_ context.Context, s build.Source, _ string) error {
	entries, err := s.Changelog()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Version == s.Version {
			fmt.Println(e.Text)
			return nil
		}
	}
	return fmt.Errorf("CHANGELOG.md must have an entry for version %s, found none", s.Version)
}
