// Package release builds what a release of hapgent consists of.
//
// It guarantees, to whoever rebuilds a release, that the same source and the
// same release of Go give the same bytes: nothing of the clock, the directory,
// the user, the host or the environment gets into what it makes.
package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Program is a command that is released as a binary.
type Program struct {
	Name    string // of the binary, and of its folder in cmd/
	ldflags string // linker flags besides those of all programs
}

// Programs are all of them. The agent has an entry point of its own: see
// cmd/hapgent/start.h.
var Programs = []Program{
	{Name: "hapgent", ldflags: "-E hapgent_start"},
	{Name: "hapgent-sign"},
	{Name: "hapgent-verify"},
}

// ProgramOf finds a program by its name.
func ProgramOf(name string) (Program, error) {
	i := slices.IndexFunc(Programs, func(p Program) bool { return p.Name == name })
	if i < 0 {
		return Program{}, fmt.Errorf("program %q is not released, expected one of %s", name, names(Programs, func(p Program) string { return p.Name }))
	}
	return Programs[i], nil
}

func names[T any](all []T, name func(T) string) string {
	var list []string
	for _, one := range all {
		list = append(list, name(one))
	}
	return strings.Join(list, ", ")
}

// Root is the folder of the source tree that the working directory is in.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "VERSION")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no file VERSION here or above: not in hapgent's source tree")
		}
		dir = parent
	}
}

// Version is the version in the file VERSION of the tree at root.
func Version(root string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, "VERSION"))
	if err != nil {
		return "", err
	}
	v := strings.TrimSuffix(string(b), "\n")
	if v == "" || strings.ContainsAny(v, " \t\r\n") {
		return "", fmt.Errorf("VERSION must be one word and a newline, found %q", b)
	}
	return v, nil
}

// Build builds the program of the tree at root for the target, into output.
func Build(ctx context.Context, root string, p Program, t Target, output string) error {
	version, err := Version(root)
	if err != nil {
		return err
	}
	output, err = filepath.Abs(output)
	if err != nil {
		return err
	}
	ldflags := strings.TrimSpace("-s -w -buildid= -X main.version=" + version + " " + p.ldflags)
	return goCommand(ctx, root, t, "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", output, "./cmd/"+p.Name)
}

// Vet runs go vet on the program as it is built for the target.
func Vet(ctx context.Context, root string, p Program, t Target) error {
	return goCommand(ctx, root, t, "vet", "./cmd/"+p.Name)
}

// goCommand runs the go command for the target, without what the environment
// says of building.
func goCommand(ctx context.Context, root string, t Target, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+t.GOARCH, "GOARM="+t.GOARM,
		"GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=", "GO386=", "GOARM64=", "GORISCV64=", "GOPPC64=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s for %s: %w\n%s", args[0], t.GOARCH, err, bytes.TrimSpace(out))
	}
	return nil
}

// BuildHere builds a program of the tree at root, by its name, for the machine
// that this runs on.
func BuildHere(ctx context.Context, root, name, output string) error {
	program, err := ProgramOf(name)
	if err != nil {
		return err
	}
	target, err := TargetOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	return Build(ctx, root, program, target, output)
}
