//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
)

// row is one measure. Its cells are reduce of each responder's samples; it has
// ratios where they mean something.
type row struct {
	name     string
	samples  samples
	reduce   func([]float64) float64
	decimals int
	ratios   bool
}

func (m *measured) rows() []row {
	rows := []row{
		{"binary, bytes", m.size, median, 0, true},
		{"allocations per check", m.allocations, median, 0, false},
	}
	for _, at := range m.milestones() {
		name := fmt.Sprintf("memory after %s checks, kB", group(fmt.Sprint(m.memory.checks[at])))
		if at == 0 {
			name = "memory at start, kB"
		}
		rows = append(rows, row{name, m.memory.at(at), median, 0, true})
	}
	silent := group(fmt.Sprint(m.silent))
	rows = append(rows, row{"memory with " + silent + " silent clients, kB", m.silentMemory, greatest, 0, true})
	rows = append(rows,
		row{"memory after " + group(fmt.Sprint(m.memory.checks[min(1, len(m.memory.checks)-1)])) + " checks, huge pages always, kB", m.hugeMemory, median, 0, true},
		row{"memory after " + group(fmt.Sprint(failedReloads)) + " failed reloads, kB", m.failedMemory, median, 0, false},
		row{"first answer after the execution, ms", m.first, median, 1, true},
		row{"wake-ups a minute when nobody asks", m.wakeUps, median, 0, false})
	for c, clients := range crowds {
		rows = append(rows, m.speeds[c].rows(clients)...)
	}
	return append(rows,
		row{"latency, median, beside " + silent + " silent clients, µs", m.besideMedian, median, 0, true},
		row{"latency, worst, beside " + silent + " silent clients, µs", m.besideWorst, greatest, 0, false},
		row{"silent clients held meanwhile", m.silentHeld, least, 0, false},
		row{"checks without their answer", m.lost, sum, 0, false})
}

func (s speed) rows(clients int) []row {
	with := fmt.Sprintf(", %d clients", clients)
	if clients == 1 {
		with = ", 1 client"
	}
	return []row{
		{"checks a second" + with, s.rate, median, 0, true},
		{"processor time per check" + with + ", µs", s.processor, median, 1, true},
		{"latency, median" + with + ", µs", s.median, median, 0, true},
		{"latency, 99th percentile" + with + ", µs", s.p99, median, 0, true},
		{"latency, worst" + with + ", µs", s.worst, greatest, 0, false},
	}
}

// milestones returns the indexes of the memory samples that the table shows.
func (m *measured) milestones() []int {
	var at []int
	last := len(m.memory.checks) - 1
	for i, checks := range m.memory.checks {
		switch checks {
		case 0, 10_000, 200_000, 1_000_000, m.memory.checks[last]:
			at = append(at, i)
		}
	}
	return at
}

func (m memory) at(i int) samples {
	var s samples
	for responder := range m.kB {
		s.add(responder, m.kB[responder][i])
	}
	return s
}

// render returns the table in Markdown.
func render(responders []*responder, rows []row) string {
	var b strings.Builder
	b.WriteString("| measure |")
	for _, r := range responders {
		fmt.Fprintf(&b, " %s |", r.name)
	}
	b.WriteString(" to C | to plain Go |\n|---|" + strings.Repeat("---:|", len(responders)+2) + "\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |", r.name)
		for i := range responders {
			fmt.Fprintf(&b, " %s |", number(r.reduce(r.of(i)), r.decimals))
		}
		for _, yardstick := range []int{inC, inPlainGo} {
			to := math.NaN()
			if r.ratios {
				to = ratio(r.of(agent), r.of(yardstick))
			}
			fmt.Fprintf(&b, " %s |", number(to, 2))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (r row) of(responder int) []float64 {
	if responder >= len(r.samples) {
		return nil
	}
	return r.samples[responder]
}

// number writes a dash for a missing value.
func number(v float64, decimals int) string {
	if math.IsNaN(v) {
		return "–"
	}
	whole, fraction, dot := strings.Cut(fmt.Sprintf("%.*f", decimals, v), ".")
	if dot {
		fraction = "." + fraction
	}
	return group(whole) + fraction
}

var thousands = regexp.MustCompile(`(\d)(\d{3})(,|$)`)

// group writes 1234567 as 1,234,567.
func group(digits string) string {
	for {
		grouped := thousands.ReplaceAllString(digits, "$1,$2$3")
		if grouped == digits {
			return digits
		}
		digits = grouped
	}
}

// machine describes the machine of the measurement, without its host name.
func machine(p plan, preferred bool) string {
	var uts syscall.Utsname
	_ = syscall.Uname(&uts)
	kernel := make([]byte, 0, len(uts.Release))
	for _, c := range uts.Release {
		kernel = append(kernel, byte(c))
	}
	kernel = regexp.MustCompile(`^\d+\.\d+`).Find(kernel)
	priority := "usual"
	if preferred {
		priority = "highest"
	}
	cc, _ := exec.Command("cc", "-dumpfullversion").Output()
	return fmt.Sprintf("%d processors (%s), Linux %s, huge pages %s, %s, cc %s; medians of %d rounds, at the %s priority.",
		runtime.NumCPU(), model(), kernel, hugePagesSetting(), runtime.Version(), bytes.TrimSpace(cc), p.rounds, priority)
}

func model() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	name := regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`).FindSubmatch(info)
	if name == nil {
		return runtime.GOARCH
	}
	return string(name[1])
}
