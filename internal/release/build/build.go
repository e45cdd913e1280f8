// Package build builds what a release of hapgent consists of.
//
// It guarantees, to whoever rebuilds a release, that the same source gives the
// same bytes: it is built by the release of Go that go.mod names, and nothing of the
// clock, the directory, the user, the host or the environment gets into the result.
package build

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

// Programs are all programs. The agent has an entry point of its own: see
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

// Agent is the program that runs on servers.
var Agent = Programs[0]

func names[T any](all []T, name func(T) string) string {
	var list []string
	for _, one := range all {
		list = append(list, name(one))
	}
	return strings.Join(list, ", ")
}

// Build builds the program for the architecture, into output.
func (s Source) Build(ctx context.Context, p Program, a Architecture, output string) error {
	output, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	ldflags := strings.TrimSpace("-s -w -buildid= -X main.version=" + s.Version + " " + p.ldflags)
	_, err = s.goCommand(ctx, a, "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", output, "./cmd/"+p.Name)
	return err
}

// BuildHere builds a program, by its name, for the machine that this runs on.
func (s Source) BuildHere(ctx context.Context, name, output string) error {
	program, err := ProgramOf(name)
	if err != nil {
		return err
	}
	a, err := ArchitectureOf(runtime.GOARCH)
	if err != nil {
		return err
	}
	return s.Build(ctx, program, a, output)
}

// Vet runs go vet on the program as it is built for the architecture.
func (s Source) Vet(ctx context.Context, p Program, a Architecture) error {
	_, err := s.goCommand(ctx, a, "vet", "./cmd/"+p.Name)
	return err
}

// goCommand runs the go command for the architecture, and returns what it prints.
func (s Source) goCommand(ctx context.Context, a Architecture, args ...string) (string, error) {
	toolchain, err := s.Toolchain()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.Root
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain, "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+a.GOARCH, "GOARM="+a.GOARM)
	cmd.Env = append(cmd.Env, defaults...)
	out, err := cmd.Output()
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		err = fmt.Errorf("go %s for %s: %w\n%s", args[0], a.GOARCH, err, bytes.TrimSpace(failed.Stderr))
	}
	return string(out), err
}

// defaults override the environment's settings for builds. Most are not empty, since
// with an empty variable the setting of `go env -w` counts.
var defaults = []string{
	"GOFLAGS=-buildvcs=false", "GOWORK=off", "GOFIPS140=off", "GOEXPERIMENT=",
	"GOAMD64=v1", "GO386=sse2", "GOARM64=v8.0", "GORISCV64=rva20u64", "GOPPC64=power8",
}
