//go:build linux

// Command agent compares hapgent with a responder in C, with one in plain Go, and
// with any other agent that HAPGENT_PEER starts. It builds them, runs them side by
// side on 127.0.0.1 and prints one table, and below it each target with reached or
// missed. Exit status 1: a target was missed. Exit status 2: the measurement
// failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// plan is how much is measured.
type plan struct {
	checks  int           // of the run that shows the memory
	slice   int           // checks between two samples of it
	rounds  int           // of each measure of speed
	raced   int           // checks of each responder in a round
	silent  int           // clients that send nothing
	crowded int           // rounds beside them
	starts  int           // of each responder
	idle    time.Duration // how long wake-ups are counted
	svg     string
}

func main() {
	p := plan{slice: 10_000, raced: 1000, silent: 1000, crowded: 7, starts: 30, idle: time.Minute}
	quick := flag.Bool("quick", false, "a look in half a minute: 50,000 checks, 30 rounds")
	flag.IntVar(&p.checks, "checks", 1_000_000, "checks of each responder in the run that shows its memory")
	flag.IntVar(&p.rounds, "rounds", 150, "rounds of each measure of speed, of 1,000 checks for each responder")
	flag.StringVar(&p.svg, "svg", "", "write a plot of memory over the checks to `file`")
	flag.Parse()
	if *quick {
		p.checks, p.rounds, p.crowded, p.starts, p.idle = 50_000, 30, 3, 10, 5*time.Second
	}
	if flag.NArg() > 0 || p.checks < p.slice || p.rounds < 1 {
		fmt.Fprintf(os.Stderr, "bench: expected no arguments, at least %d checks and 1 round\n", p.slice)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, p)
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(2)
	}
	if missed {
		os.Exit(1)
	}
}

func run(ctx context.Context, p plan) (missed bool, err error) {
	dir, err := os.MkdirTemp("", "hapgent-bench-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	responders, err := buildResponders(ctx, dir, os.Getenv("HAPGENT_PEER"))
	if err != nil {
		return false, err
	}
	runtime.LockOSThread() // what follows is bound to a thread
	preferred := prefer()
	m, err := measure(ctx, p, dir, responders)
	if err != nil {
		return false, err
	}
	fmt.Print(render(responders, m.rows()), "\n", machine(p, preferred), "\n\n")
	lines, missed := judge(m.targets())
	fmt.Print(lines)
	if p.svg != "" {
		err = os.WriteFile(p.svg, plot(responders, m.memory), 0o644)
	}
	return missed, err
}
