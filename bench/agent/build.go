//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// The order of the responders is that of the table's columns.
const (
	agent = iota
	inC
	inPlainGo
)

// release is how a released binary is built.
var release = []string{"build", "-trimpath", "-ldflags=-s -w"}

// build makes the responders' binaries in dir and counts their allocations.
func build(dir, prebuilt, peer string) ([]*responder, error) {
	binary := func(name string) string { return filepath.Join(dir, name) }
	commands := [][]string{
		append(append([]string{"go"}, release...), "-o", binary("plain"), "./bench/plain"),
		{"cc", "-O2", "-Wall", "-s", "-o", binary("c"), "bench/responder.c"},
	}
	if prebuilt == "" {
		prebuilt = binary("hapgent")
		commands = append(commands, append(append([]string{"go"}, release...), "-o", prebuilt, "./cmd/hapgent"))
	}
	for _, command := range commands {
		if out, err := compile(command...); err != nil {
			return nil, fmt.Errorf("%q: %w\n%s", command, err, out)
		}
	}
	responders := []*responder{
		agent:     {name: "hapgent", command: []string{prebuilt}},
		inC:       {name: "C", command: []string{binary("c")}},
		inPlainGo: {name: "plain Go", command: []string{binary("plain")}},
	}
	for i, tested := range map[int]string{agent: "./internal/agent", inPlainGo: "./bench/plain"} {
		n, err := allocations(tested)
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

func compile(command ...string) ([]byte, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.CombinedOutput()
}

var perCheck = regexp.MustCompile(`(?m)^BenchmarkCheck\S*\s.*\s(\d+) allocs/op$`)

// allocations runs a package's BenchmarkCheck.
func allocations(pkg string) (float64, error) {
	out, err := compile("go", "test", "-run=^$", "-bench=^BenchmarkCheck$", "-benchmem", pkg)
	if err != nil {
		return 0, fmt.Errorf("benchmark of %s: %w\n%s", pkg, err, out)
	}
	return parseAllocations(out)
}

func parseAllocations(out []byte) (float64, error) {
	line := perCheck.FindSubmatch(out)
	if line == nil {
		return 0, fmt.Errorf("no allocs/op of BenchmarkCheck in %q", out)
	}
	return strconv.ParseFloat(string(line[1]), 64)
}
