//go:build linux

package main

import (
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
type speed struct{ rate, processor, busy, median, p99, worst samples }

// memory is the resident memory in kB after so many checks.
type memory struct {
	checks []int
	kB     samples
}

type measured struct {
	size, allocations, lost    samples
	memory                     memory
	speeds                     []speed // by crowd
	silentMemory, silentHeld   samples
	besideMedian, besideWorst  samples
	responders, rounds, silent int
}

// measure makes one round after the other over all responders, never all of one
// responder first: so what the machine does meanwhile hits all alike.
func measure(p plan, responders []*responder) (*measured, error) {
	m := &measured{responders: len(responders), rounds: p.rounds, silent: p.silent, speeds: make([]speed, len(crowds))}
	for i, r := range responders {
		size, err := r.size()
		if err != nil {
			return nil, err
		}
		m.size.add(i, size)
		for _, n := range r.allocations {
			m.allocations.add(i, n)
		}
	}
	stages := []func(plan, []*responder) error{m.grow, m.race, m.crowd}
	for _, stage := range stages {
		if err := stage(p, responders); err != nil {
			return nil, err
		}
	}
	return m, nil
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

// race measures speed with each crowd.
func (m *measured) race(p plan, responders []*responder) error {
	for c, clients := range crowds {
		for round := range p.rounds {
			for turn := range responders {
				i := (turn + round) % len(responders)
				if err := m.speeds[c].sample(m, i, responders[i], clients, p.burst); err != nil {
					return err
				}
			}
			fmt.Fprintf(os.Stderr, "bench: %d clients, round %d of %d\n", clients, round+1, p.rounds)
		}
	}
	return nil
}

func (s *speed) sample(m *measured, i int, r *responder, clients int, burst time.Duration) error {
	var total result
	for total.elapsed < burst {
		one, err := m.load(i, r, 1000, clients)
		if err != nil {
			return err
		}
		total = total.plus(one)
	}
	checks := float64(total.checks)
	s.rate.add(i, checks/total.elapsed.Seconds())
	s.processor.add(i, micros(total.processor)/checks)
	s.busy.add(i, 100*total.processor.Seconds()/total.elapsed.Seconds())
	s.median.add(i, micros(percentile(total.latencies, 50)))
	s.p99.add(i, micros(percentile(total.latencies, 99)))
	s.worst.add(i, micros(percentile(total.latencies, 100)))
	return nil
}

// crowd makes checks beside clients that send nothing.
func (m *measured) crowd(p plan, responders []*responder) error {
	for round := range p.rounds {
		for i, r := range responders {
			if err := m.beside(p, i, r); err != nil {
				return fmt.Errorf("%s beside %d silent clients: %w", r.name, p.silent, err)
			}
		}
		fmt.Fprintf(os.Stderr, "bench: %d silent clients, round %d of %d\n", p.silent, round+1, p.rounds)
	}
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
	defer r.settle(before)
	defer r.load.Close(silent)
	time.Sleep(50 * time.Millisecond) // until the last of them is accepted
	checks, err := m.load(i, r, p.beside, 1)
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

// settle waits until the responder has let the clients go that are gone.
func (r *responder) settle(before int) {
	for range 100 {
		if n, err := r.descriptors(); err != nil || n <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// result is what a number of checks took.
type result struct {
	checks             int
	elapsed, processor time.Duration
	latencies          []time.Duration
}

func (a result) plus(b result) result {
	return result{a.checks + b.checks, a.elapsed + b.elapsed, a.processor + b.processor,
		append(a.latencies, b.latencies...)}
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
