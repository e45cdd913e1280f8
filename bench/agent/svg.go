//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The plot's frame, in pixels.
const (
	width, height            = 720, 380
	left, right, top, bottom = 60, 100, 50, 50
)

var colours = []string{"#0b6e4f", "#7a7a7a", "#c8553d", "#3d5a98"} // by responder

// plot draws the resident memory of each responder over the checks, as SVG.
func plot(responders []*responder, m memory) []byte {
	most := 0.0
	for _, kB := range m.kB {
		most = max(most, megabytes(slices.Max(kB)))
	}
	high, step := scale(most)
	last := m.checks[len(m.checks)-1]
	x := func(checks int) float64 { return left + float64(checks)/float64(last)*(width-left-right) }
	y := func(mb float64) float64 { return height - bottom - mb/high*(height-top-bottom) }

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">
<title>Resident memory over %s agent checks</title>
<rect width="100%%" height="100%%" fill="#fff"/>
<text x="%d" y="24" font-size="15">Resident memory (MB) over agent checks</text>
`, width, height, group(fmt.Sprint(last)), left)
	for mb := 0.0; mb <= high; mb += step {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.3g</text>`+"\n",
			left, y(mb), width-right, left-8, y(mb)+4, mb)
	}
	for quarter := range 5 {
		checks := last * quarter / 4
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x(checks), height-bottom+20, group(fmt.Sprint(checks)))
	}
	for i, r := range responders {
		var points strings.Builder
		for at, kB := range m.kB[i] {
			fmt.Fprintf(&points, "%.1f,%.1f ", x(m.checks[at]), y(megabytes(kB)))
		}
		end := megabytes(m.kB[i][len(m.kB[i])-1])
		colour := colours[i%len(colours)]
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n",
			strings.TrimSpace(points.String()), colour)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" fill="%s">%s %.1f</text>`+"\n",
			width-right+8, y(end)+4, colour, r.name, end)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// scale returns the end of an axis that most fits below, and the step of its lines.
func scale(most float64) (high, step float64) {
	power := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{0.5, 1, 2} {
		if step = power * part; most/step <= 5 {
			break
		}
	}
	return math.Ceil(most/step) * step, step
}
