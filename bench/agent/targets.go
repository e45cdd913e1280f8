//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// target is a limit for the agent.
type target struct {
	name    string
	got     float64
	limit   float64
	atLeast bool // limit is the least, not the most
	unit    string
}

func (t target) reached() bool {
	if t.atLeast {
		return t.got >= t.limit
	}
	return t.got <= t.limit
}

// megabytes are of 1,000,000 bytes, where a kB of /proc is 1,024.
func megabytes(kB float64) float64 { return kB * 1024 / 1e6 }

func (m *measured) targets() []target {
	memory := m.memory.kB[agent]
	checks := group(fmt.Sprint(slices.Max(m.memory.checks)))
	silent := group(fmt.Sprint(m.silent))
	targets := []target{
		{"binary", m.size[agent][0], 1_480_000, false, "bytes"},
		{"memory at start", megabytes(memory[0]), 2.2, false, "MB"},
		{"greatest memory during " + checks + " checks", megabytes(greatest(memory)), 2.2, false, "MB"},
		{"memory with " + silent + " silent clients", megabytes(greatest(m.silentMemory[agent])), 2.2, false, "MB"},
		{"memory after " + group(fmt.Sprint(failedReloads)) + " failed reloads", megabytes(greatest(m.failedMemory[agent])), 2.4, false, "MB"},
		{"first answer after the execution", median(m.first[agent]), 10, false, "ms"},
		{"wake-ups a minute when nobody asks, two of them of Go's own monitor", median(m.wakeUps[agent]), 2, false, ""},
		{"silent clients held", least(m.silentHeld[agent]), float64(m.silent), true, ""},
		{"worst check beside " + silent + " silent clients", greatest(m.besideWorst[agent]) / 1000, 100, false, "ms"},
		{"allocations per check", m.allocations[agent][0], 0, false, ""},
		{"checks without their answer", sum(m.lost[agent]), 0, false, ""},
	}
	for c, clients := range crowds {
		s, with := m.speeds[c], fmt.Sprintf(" to C, clients: %d", clients)
		targets = append(targets,
			target{"checks a second" + with, ratio(s.rate[agent], s.rate[inC]), 0.95, true, ""},
			target{"processor time" + with, ratio(s.processor[agent], s.processor[inC]), 1.1, false, ""})
		if clients == 16 {
			targets = append(targets, target{"99th percentile of latency" + with, ratio(s.p99[agent], s.p99[inC]), 1.15, false, ""})
		}
	}
	if len(m.hugeMemory) > 0 {
		targets = append(targets, target{"memory where huge pages are always given", megabytes(greatest(m.hugeMemory[agent])), 2.2, false, "MB"})
	}
	return targets
}

// judge returns a line for each target, and whether one was missed.
func judge(targets []target) (string, bool) {
	var b strings.Builder
	missed := false
	for _, t := range targets {
		word, sign := "reached", "at most"
		if !t.reached() {
			word, missed = "missed ", true
		}
		if t.atLeast {
			sign = "at least"
		}
		line := fmt.Sprintf("%s  %s: %s %s (%s %s)", word, t.name, figure(t.got), t.unit, sign, figure(t.limit))
		b.WriteString(strings.ReplaceAll(line, "  (", " (") + "\n")
	}
	return b.String(), missed
}

// figure writes whole numbers whole and others to the hundredth.
func figure(v float64) string {
	if v == float64(int64(v)) {
		return number(v, 0)
	}
	return number(v, 2)
}
