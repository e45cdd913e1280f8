//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// The order of the responders is that of the table's columns.
const (
	agent = iota
	inC
	inPlainGo
)

// build makes the responders' binaries in dir and counts their allocations.
func buildResponders(ctx context.Context, dir, peer string) ([]*responder, error) {
	source, err := build.Here()
	if err != nil {
		return nil, err
	}
	binary := func(name string) string { return filepath.Join(dir, name) }
	if err := source.BuildHere(ctx, "hapgent", binary("hapgent")); err != nil {
		return nil, err
	}
	for _, command := range [][]string{
		{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary("plain"), "./bench/plain"},
		{"cc", "-O2", "-Wall", "-s", "-o", binary("c"), "bench/responder.c"},
	} {
		if _, err := output(ctx, source.Root, command...); err != nil {
			return nil, err
		}
	}
	responders := []*responder{
		agent:     {name: "hapgent", command: []string{binary("hapgent")}},
		inC:       {name: "C", command: []string{binary("c")}},
		inPlainGo: {name: "plain Go", command: []string{binary("plain")}},
	}
	for i, tested := range map[int]string{agent: "./internal/agent/server", inPlainGo: "./bench/plain"} {
		out, err := output(ctx, source.Root, "go", "test", "-run=^$", "-bench=^BenchmarkCheck$", "-benchmem", tested)
		if err != nil {
			return nil, err
		}
		n, err := parseAllocations(out)
		if err != nil {
			return nil, err
		}
		responders[i].allocations = []float64{n}
	}
	if peer != "" {
		responders = append(responders, &responder{name: "peer", command: []string{"/bin/sh", "-c", "exec " + peer}})
	}
	return responders, nil
}

// output runs a command at root and returns what it printed.
func output(ctx context.Context, root string, command ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%w: run `make setup` as root, or install the package that has it", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w\n%s", command, err, out)
	}
	return out, nil
}

var perCheck = regexp.MustCompile(`(?m)^BenchmarkCheck\S*\s.*\s(\d+) allocs/op$`)

// parseAllocations reads what a package's BenchmarkCheck printed.
func parseAllocations(out []byte) (float64, error) {
	line := perCheck.FindSubmatch(out)
	if line == nil {
		return 0, fmt.Errorf("no allocs/op of BenchmarkCheck in %q", out)
	}
	return strconv.ParseFloat(string(line[1]), 64)
}
