//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// crowds are the numbers of clients that speed is measured with.
var crowds = []int{1, 16, 256}

// samples are those of one measure, by responder, then by round.
type samples [][]float64

func (s *samples) add(responder int, value float64) {
	for len(*s) <= responder {
		*s = append(*s, nil)
	}
	(*s)[responder] = append((*s)[responder], value)
}

// speed is what the clients of one crowd saw, and what it cost.
type speed struct{ rate, processor, median, p99, worst samples }

// memory is the resident memory in kB after so many checks.
type memory struct {
	checks []int
	kB     samples
}

type measured struct {
	size, allocations, lost   samples
	memory                    memory
	speeds                    []speed // by crowd
	silentMemory, silentHeld  samples
	besideMedian, besideWorst samples
	silent                    int
	first                     samples // from the execution to the first answer, in ms
	wakeUps                   samples // a minute, while nobody asks
	hugeMemory, failedMemory  samples
}

// measure makes one round after the other over all responders, never all rounds of
// one responder first: so other load on the machine affects all alike.
//
// Memory is measured with all processors, as in service. For speed the responder
// shares one processor with the load. On two processors the load is always the
// slower side, since the kernel has more to do for a client than for a server. A
// faster responder then sleeps more often, and costs the client more to wake: the
// rate would be that of the client, and the order of responders be reversed.
func measure(ctx context.Context, p plan, dir string, responders []*responder) (*measured, error) {
	m := &measured{silent: p.silent, speeds: make([]speed, len(crowds))}
	err := running(ctx, dir, responders, func() error {
		if err := m.still(responders); err != nil {
			return err
		}
		if err := m.grow(p, responders); err != nil {
			return err
		}
		return m.crowd(p, responders)
	})
	if err != nil {
		return nil, err
	}
	if err := m.live(ctx, p, dir, responders); err != nil {
		return nil, err
	}
	if err := oneProcessor(); err != nil {
		return nil, err
	}
	return m, running(ctx, dir, responders, func() error { return m.race(p, responders) })
}

// running runs the responders while do runs.
func running(ctx context.Context, dir string, responders []*responder, do func() error) error {
	for _, r := range responders {
		defer r.stop()
		if err := r.start(ctx, dir); err != nil {
			return err
		}
	}
	return do()
}

// still records what checks do not change.
func (m *measured) still(responders []*responder) error {
	for i, r := range responders {
		size, err := r.size()
		if err != nil {
			return err
		}
		m.size.add(i, size)
		for _, n := range r.allocations {
			m.allocations.add(i, n)
		}
	}
	return nil
}

// grow samples the memory of each responder along the checks.
func (m *measured) grow(p plan, responders []*responder) error {
	for done := 0; done <= p.checks; done += p.slice {
		m.memory.checks = append(m.memory.checks, done)
		for i, r := range responders {
			if done > 0 {
				if _, err := m.load(i, r, p.slice, 16); err != nil {
					return err
				}
			}
			kB, err := r.resident()
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			m.memory.kB.add(i, kB)
		}
		if done%(10*p.slice) == 0 {
			fmt.Fprintf(os.Stderr, "bench: memory after %d of %d checks each\n", done, p.checks)
		}
	}
	return nil
}

// race measures speed with each crowd, in turn a slice of checks for each responder.
// The slices are short, so that most of them are not disturbed by other load, and the
// ratios are those of adjacent slices.
func (m *measured) race(p plan, responders []*responder) error {
	for c, clients := range crowds {
		for round := range p.rounds {
			for turn := range responders {
				i := (round + turn) % len(responders)
				r, err := m.load(i, responders[i], p.raced, clients)
				if err != nil {
					return err
				}
				m.speeds[c].add(i, r)
			}
		}
		fmt.Fprintf(os.Stderr, "bench: speed, clients: %d\n", clients)
	}
	return nil
}

func (s *speed) add(i int, r result) {
	s.rate.add(i, float64(r.checks)/r.elapsed.Seconds())
	s.processor.add(i, micros(r.processor)/float64(r.checks))
	s.median.add(i, micros(percentile(r.latencies, 50)))
	s.p99.add(i, micros(percentile(r.latencies, 99)))
	s.worst.add(i, micros(percentile(r.latencies, 100)))
}

// crowd makes checks beside clients that send nothing.
func (m *measured) crowd(p plan, responders []*responder) error {
	for range p.crowded {
		for i, r := range responders {
			if err := m.beside(p, i, r); err != nil {
				return fmt.Errorf("%s beside %d silent clients: %w", r.name, p.silent, err)
			}
		}
	}
	fmt.Fprintf(os.Stderr, "bench: silent clients: %d\n", p.silent)
	return nil
}

func (m *measured) beside(p plan, i int, r *responder) error {
	before, err := r.descriptors()
	if err != nil {
		return err
	}
	silent, err := r.load.Silent(p.silent)
	if err != nil {
		return err
	}
	defer r.settle(func(n int) bool { return n <= before })
	defer r.load.Close(silent)
	r.settle(func(n int) bool { return n >= before+p.silent })
	checks, err := m.load(i, r, p.raced, 1)
	if err != nil {
		return err
	}
	held, err := r.descriptors()
	if err != nil {
		return err
	}
	kB, err := r.resident()
	if err != nil {
		return err
	}
	m.silentHeld.add(i, float64(held-before))
	m.silentMemory.add(i, kB)
	m.besideMedian.add(i, micros(percentile(checks.latencies, 50)))
	m.besideWorst.add(i, micros(percentile(checks.latencies, 100)))
	return nil
}

// settle waits up to a second until the responder has accepted new clients or closed
// those that left, as its number of descriptors shows.
func (r *responder) settle(settled func(descriptors int) bool) {
	for range 100 {
		if n, err := r.descriptors(); err != nil || settled(n) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// result is the cost of a number of checks.
type result struct {
	checks             int
	elapsed, processor time.Duration
	latencies          []time.Duration
}

func (m *measured) load(i int, r *responder, checks, clients int) (result, error) {
	latencies := make([]time.Duration, 0, checks)
	used, err := r.processorTime()
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	latencies, lost, err := r.load.Run(checks, clients, latencies)
	elapsed := time.Since(start)
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", r.name, err)
	}
	after, err := r.processorTime()
	if err != nil {
		return result{}, err
	}
	m.lost.add(i, float64(lost))
	return result{checks, elapsed, after - used, latencies}, nil
}
