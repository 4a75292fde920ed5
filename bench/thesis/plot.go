package thesis

import (
	"fmt"
	"math"
	"strings"
)

// series is one set of points of a plot.
type series struct {
	name, colour string
	x, y         []float64
	line         bool
}

// over returns values over their repetitions.
func over(name, colour string, y []float64) series {
	x := make([]float64, len(y))
	for i := range x {
		x[i] = float64(i + 1)
	}
	return series{name, colour, x, y, false}
}

const (
	width, height = 720, 320
	left, bottom  = 64, 40
	top, right    = 44, 16
)

// axis maps values to pixels.
type axis struct {
	lo, hi, from, to float64
	log              bool
}

func (a *axis) at(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		v, lo, hi = math.Log10(v), math.Log10(lo), math.Log10(hi)
	}
	return a.from + (min(max(v, lo), hi)-lo)/(hi-lo)*(a.to-a.from)
}

// ticks returns the values to mark.
func (a *axis) ticks() (t []float64) {
	if a.log {
		for v := math.Pow(10, math.Ceil(math.Log10(a.lo))); v <= a.hi*1.001; v *= 10 {
			t = append(t, v)
		}
		return t
	}
	step := math.Pow(10, math.Floor(math.Log10((a.hi-a.lo)/2)))
	for (a.hi-a.lo)/step > 8 {
		step *= 2
	}
	for v := math.Ceil(a.lo/step) * step; v <= a.hi; v += step {
		t = append(t, v)
	}
	return t
}

// plot draws series as an SVG. The vertical axis of points begins at 0 and ends above 99 of
// 100 values: what is beyond is drawn at its edge. That of lines, with log, has them all.
func plot(title, xName, yName string, log bool, all ...series) string {
	lines := len(all) > 0 && all[0].line
	x, y := axis{from: left, to: width - right, log: log && lines}, axis{from: height - bottom, to: top, log: log}
	x.lo, y.lo = math.Inf(1), math.Inf(1)
	most := 0.99
	if log {
		most = 1
	}
	for _, s := range all {
		x.lo, x.hi = min(x.lo, at(s.x, 0)), max(x.hi, at(s.x, 1))
		y.lo, y.hi = min(y.lo, at(s.y, 0)), max(y.hi, at(s.y, most)*1.2)
	}
	if !log {
		y.lo = 0
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><text x="%d" y="16" font-size="13">%s</text>`+"\n", width, height, left, title)
	for _, v := range y.ticks() {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n", left, y.at(v), width-right, left-6, y.at(v)+4, v)
	}
	for _, v := range x.ticks() {
		anchor := "middle"
		if x.at(v) > width-2*right {
			anchor = "end"
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="%s">%.7g</text>`+"\n", x.at(v), height-bottom+16, anchor, v)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><text x="6" y="%d">%s</text>`+"\n", width-right, height-8, xName, top-10, yName)
	for i, s := range all {
		fmt.Fprintf(&b, `<rect x="%d" y="24" width="8" height="8" fill="%s"/><text x="%d" y="32">%s</text>`+"\n", left+210*i, s.colour, left+12+210*i, s.name)
		s.draw(&b, &x, &y)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (s *series) draw(b *strings.Builder, x, y *axis) {
	var path strings.Builder
	for i := range s.x {
		if s.line {
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], x.at(s.x[i]), y.at(s.y[i]))
		} else {
			fmt.Fprintf(&path, "M%.1f %.1fh0", x.at(s.x[i]), y.at(s.y[i]))
		}
	}
	wide := 2.5
	if s.line {
		wide = 1.5
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="%.1f" stroke-linecap="round"/>`+"\n", path.String(), s.colour, wide)
}

// Points is one set of points of a Plot.
type Points struct {
	Name, Colour string
	X, Y         []float64
}

// Plot draws points as an SVG; log is of the y axis.
func Plot(title, xName, yName string, log bool, all ...Points) string {
	var list []series
	for _, p := range all {
		list = append(list, series{name: p.Name, colour: p.Colour, x: p.X, y: p.Y})
	}
	return plot(title, xName, yName, log, list...)
}
