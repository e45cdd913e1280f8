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
	width, height            = 720, 400
	left, right, top, bottom = 60, 110, 70, 60
)

// colours are those of paper, of ink, of the lines of the scale, and of the
// responders; they follow what the reader prefers.
var (
	light = palette{"#fff", "#1f2328", "#ddd", []string{"#0b6e4f", "#6e6e6e", "#b9472f", "#3d5a98"}}
	dark  = palette{"#0d1117", "#e6edf3", "#30363d", []string{"#4cc38a", "#9aa4af", "#f0836b", "#8da9e8"}}
)

type palette struct {
	paper, ink, scale string
	responders        []string
}

// rules are the palette's in CSS.
func (p palette) rules() string {
	var b strings.Builder
	fmt.Fprintf(&b, "svg{color:%s}.paper{color:%s}.scale{color:%s}", p.ink, p.paper, p.scale)
	for i, colour := range p.responders {
		fmt.Fprintf(&b, ".r%d{color:%s}", i, colour)
	}
	return b.String()
}

// plot draws the resident memory of each responder over the checks, as SVG.
func plot(responders []*responder, m memory) []byte {
	p := plane{last: m.checks[len(m.checks)-1]}
	for _, kB := range m.kB {
		p.high = max(p.high, megabytes(slices.Max(kB)))
	}
	p.high, p.step = scale(p.high)

	var b bytes.Buffer
	p.frame(&b)
	for i, r := range responders {
		var points []string
		for at, kB := range m.kB[i] {
			points = append(points, fmt.Sprintf("%.1f,%.1f", p.x(m.checks[at]), p.y(megabytes(kB))))
		}
		end := megabytes(m.kB[i][len(m.kB[i])-1])
		fmt.Fprintf(&b, `<g class="r%d"><polyline points="%s" fill="none" stroke="currentColor" stroke-width="2"/>`+"\n",
			i, strings.Join(points, " "))
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" fill="currentColor">%s %.1f</text></g>`+"\n",
			width-right+8, p.y(end)+4, r.name, end)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// plane is where the curves are drawn: checks to the right, up to the last, and
// MB upwards.
type plane struct {
	last       int
	high, step float64
}

func (p plane) x(checks int) float64 {
	return left + float64(checks)/float64(p.last)*(width-left-right)
}

func (p plane) y(mb float64) float64 { return height - bottom - mb/p.high*(height-top-bottom) }

// frame writes all but the curves.
func (p plane) frame(b *bytes.Buffer) {
	title := "Resident memory over " + group(fmt.Sprint(p.last)) + " agent checks"
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" fill="currentColor">
<title>%s</title>
<style>
%s
@media (prefers-color-scheme:dark){%s}
</style>
<rect class="paper" width="100%%" height="100%%"/>
<text x="%d" y="26" font-size="15">%s</text>
`, width, height, title, light.rules(), dark.rules(), left, title)
	for mb := 0.0; mb <= p.high; mb += p.step {
		fmt.Fprintf(b, `<path class="scale" d="M%d %.1fH%d" stroke="currentColor"/><text x="%d" y="%.1f" text-anchor="end">%.3g</text>`+"\n",
			left, p.y(mb), width-right, left-8, p.y(mb)+4, mb)
	}
	for quarter := range 5 {
		checks := p.last * quarter / 4
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			p.x(checks), height-bottom+20, group(fmt.Sprint(checks)))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">MB</text><text x="%d" y="%d" text-anchor="middle">checks</text>`+"\n",
		left-8, top-14, (left+width-right)/2, height-14)
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
