// Command verify measures hapgent-verify against ssh-keygen and sha256sum on a
// file of 1 GB, and prints the ratios that the project promises:
//
//	go run ./bench/verify
//
// Each is run several times in turn and the shortest time counts, since other load
// on the machine can only make times longer.
package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

const (
	size   = 1 << 30
	rounds = 9
)

// A run is a command, and the best values of its rounds.
type run struct {
	name   string
	stdin  bool // the file is its standard input
	args   []string
	time   time.Duration // shortest
	memory int64         // largest, in KiB
}

func main() {
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func measure() error {
	dir, err := os.MkdirTemp("", "bench-verify")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := prepare(dir); err != nil {
		return err
	}
	runs := commands(dir)
	for range rounds {
		for _, r := range runs {
			if err := r.once(filepath.Join(dir, "file")); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	binary, err := os.Stat(filepath.Join(dir, "hapgent-verify"))
	if err != nil {
		return err
	}
	report(runs, binary.Size())
	return nil
}

// prepare makes the file, its signature and its sum, and builds the command as
// a release is built.
func prepare(dir string) error {
	file, key := filepath.Join(dir, "file"), filepath.Join(dir, "key")
	if err := fill(file); err != nil {
		return err
	}
	public := key + ".pub"
	for _, args := range [][]string{
		{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key},
		{"ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", "file", file},
		{"sh", "-c", "cd '" + dir + "' && sha256sum file > sum && echo me $(cat '" + public + "') > signers"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%q: %w: %s", args, err, out)
		}
	}
	source, err := build.Here()
	if err != nil {
		return err
	}
	return source.BuildHere(context.Background(), "hapgent-verify", filepath.Join(dir, "hapgent-verify"))
}

func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{}), size); err != nil {
		return err
	}
	return f.Close()
}

func commands(dir string) []*run {
	in := func(name string) string { return filepath.Join(dir, name) }
	ours := []string{in("hapgent-verify"), "-f", in("signers"), "-s", in("file.sig")}
	return []*run{
		{name: "sha256sum -c", args: []string{"sh", "-c", "cd '" + dir + "' && exec sha256sum -c sum"}},
		{name: "ssh-keygen -Y verify", stdin: true, args: []string{"ssh-keygen", "-Y", "verify",
			"-f", in("signers"), "-I", "me", "-n", "file", "-s", in("file.sig")}},
		{name: "hapgent-verify, signature", args: append(ours, in("file"))},
		{name: "hapgent-verify, sum and signature", args: append(ours, "-c", in("sum"), in("file"))},
	}
}

func (r *run) once(file string) error {
	cmd := exec.Command(r.args[0], r.args[1:]...)
	if r.stdin {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.Stdin = f
	}
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	took := time.Since(start)
	if r.time == 0 || took < r.time {
		r.time = took
	}
	r.memory = max(r.memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	return nil
}

func report(runs []*run, binary int64) {
	fmt.Printf("1 GB, the best of %d rounds\n\n%-36s %8s %10s\n", rounds, "", "seconds", "memory MB")
	for _, r := range runs {
		fmt.Printf("%-36s %8.2f %10.1f\n", r.name, r.time.Seconds(), float64(r.memory)/1024)
	}
	sum, keygen, signature, both := runs[0], runs[1], runs[2], runs[3]
	memory := float64(max(signature.memory, both.memory)) / 1024
	fmt.Printf("\n%-56s %8s %8s\n", "promised", "is", "at most")
	for _, promise := range []struct {
		what     string
		is, most float64
	}{
		{"sum and signature / (sha256sum + ssh-keygen)", both.time.Seconds() / (sum.time + keygen.time).Seconds(), 0.7},
		{"signature / ssh-keygen", signature.time.Seconds() / keygen.time.Seconds(), 1.15},
		{"memory, MB", memory, 15},
		{"size of hapgent-verify, MB", float64(binary) / 1e6, 4.8},
	} {
		mark := ""
		if promise.is > promise.most {
			mark = strings.Repeat(" ", 2) + "missed"
		}
		fmt.Printf("%-56s %8.2f %8.2f%s\n", promise.what, promise.is, promise.most, mark)
	}
}
