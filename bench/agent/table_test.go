//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// example is a measurement whose every figure is easy to follow.
func example() ([]*responder, *measured) {
	responders := []*responder{{name: "hapgent"}, {name: "C"}, {name: "plain Go"}, {name: "peer"}}
	m := &measured{
		size:         samples{{1_500_000}, {15_000}, {3_000_000}, {75_000}},
		allocations:  samples{{0}, nil, {10}},
		lost:         samples{{0, 0}, {0, 0}, {0, 0}, {3, 4}},
		speeds:       make([]speed, len(crowds)),
		silentMemory: samples{{2200, 2204}, {1300, 1300}, {9000, 9500}, {200, 200}},
		silentHeld:   samples{{1000, 1000}, {1000, 1000}, {1000, 1000}, {0, 0}},
		besideMedian: samples{{100, 110}, {100, 100}, {200, 200}, {90, 90}},
		besideWorst:  samples{{900, 4000}, {900, 900}, {2000, 2000}, {90, 90}},
		silent:       1000,
		first:        samples{{5, 6}, {1, 1}, {10, 10}, {1, 1}},
		wakeUps:      samples{{2}, {0}, {2}, {0}},
		hugeMemory:   samples{{2200}, {1300}, {10_000}, {200}},
		failedMemory: samples{{2300}},
	}
	m.memory = memory{[]int{0, 10_000, 20_000}, samples{
		{2190, 2200, 2200}, {1300, 1300, 1300}, {4000, 8000, 9000}, {200, 200, 200}}}
	for c := range m.speeds {
		for i := range responders {
			k := float64(i + c + 1)
			for _, s := range []*samples{&m.speeds[c].rate, &m.speeds[c].processor,
				&m.speeds[c].median, &m.speeds[c].p99, &m.speeds[c].worst} {
				s.add(i, 10*k)
				s.add(i, 12*k)
			}
		}
	}
	return responders, m
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s: run with -update if this is meant:\n%s", file, got)
	}
}

func TestTableShowsEachMeasureOfEachResponder(t *testing.T) {
	responders, m := example()
	golden(t, "table.md", []byte(render(responders, m.rows())))
}

func TestTableHasNoColumnForAnAbsentPeer(t *testing.T) {
	responders, m := example()
	table := render(responders[:3], m.rows())
	if strings.Contains(table, "peer") {
		t.Error(table)
	}
	for line := range strings.Lines(table) {
		if n := strings.Count(line, "|"); n != 7 {
			t.Errorf("%d bars in %q", n, line)
		}
	}
}

func TestTargets(t *testing.T) {
	_, m := example()
	lines, missed := judge(m.targets())
	golden(t, "targets.txt", []byte(lines))
	if !missed {
		t.Error("the example's slow checks are no miss")
	}
	for _, c := range []struct {
		target target
		want   bool
	}{
		{target{got: 2.4, limit: 2.4}, true},
		{target{got: 2.41, limit: 2.4}, false},
		{target{got: 0.9, limit: 0.9, atLeast: true}, true},
		{target{got: 0.89, limit: 0.9, atLeast: true}, false},
		{target{got: math.NaN(), limit: 0.9, atLeast: true}, false},
		{target{got: math.NaN(), limit: 0.9}, false},
	} {
		if c.target.reached() != c.want {
			t.Errorf("%+v: reached %v", c.target, !c.want)
		}
	}
}

func TestPlotIsXMLAndTheSameEachTime(t *testing.T) {
	responders, m := example()
	svg := plot(responders, m.memory)
	golden(t, "memory.svg", svg)
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestScaleHoldsTheMost(t *testing.T) {
	for _, c := range []struct{ most, high, step float64 }{
		{2.4, 2.5, 0.5}, {9.2, 10, 2}, {4, 4, 1}, {0.2, 0.2, 0.05}, {61, 80, 20},
	} {
		if high, step := scale(c.most); math.Abs(high-c.high) > 1e-9 || math.Abs(step-c.step) > 1e-9 {
			t.Errorf("%v: %v in steps of %v, want %v and %v", c.most, high, step, c.high, c.step)
		}
	}
}

func TestThousandsAreGrouped(t *testing.T) {
	for in, want := range map[string]string{"1": "1", "999": "999", "1000": "1,000", "1234567": "1,234,567", "100000": "100,000"} {
		if got := group(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
