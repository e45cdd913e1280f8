//go:build linux

package main

import (
	"math"
	"testing"
	"time"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i) // 100 down to 1
	}
	for _, c := range []struct {
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 99, 0},
		{[]time.Duration{7}, 0, 7},
		{[]time.Duration{7}, 50, 7},
		{[]time.Duration{7}, 100, 7},
		{[]time.Duration{3, 1, 2}, 50, 2},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("percentile %d of %v: %d, want %d", c.p, c.values, got, c.want)
		}
	}
}

func TestMedianAndRatio(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"odd", median([]float64{9, 1, 5}), 5},
		{"even", median([]float64{9, 1, 5, 6}), 5.5},
		{"none", median(nil), math.NaN()},
		{"greatest", greatest([]float64{1, 9, 5}), 9},
		{"greatest of none", greatest(nil), math.NaN()},
		{"least", least([]float64{4, 1, 5}), 1},
		{"ratio by round, whatever the rounds", ratio([]float64{1, 20, 300}, []float64{2, 40, 600}), 0.5},
		{"ratio leaves out what has no other", ratio([]float64{1, 2, 3}, []float64{2}), 0.5},
		{"ratio to nothing", ratio([]float64{1}, []float64{0}), math.NaN()},
	} {
		if c.got != c.want && !(math.IsNaN(c.got) && math.IsNaN(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}
