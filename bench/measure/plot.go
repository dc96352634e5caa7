package measure

import (
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The drawing, in the units of the SVG's own coordinates.
const (
	plotWidth, plotHeight                   = 640.0, 250.0
	leftEdge, rightEdge, topEdge, lowerEdge = 58.0, 14.0, 12.0, 30.0
)

// plot is a diagram with one or more curves. Colours and strokes are the page's (report.html).
type plot struct {
	title   string
	note    string // beside the title
	x, y    axis
	curves  []curve
	marks   []Mark  // vertical lines with a name
	shadeTo float64 // what lies to the left is shaded: it was before the measured time
}

// axis maps values to a direction. least and most are found in the curves, unless given as floor and ceiling.
type axis struct {
	log            bool
	floor, ceiling float64 // the axis shows at least these, if not 0
	upTo           bool    // it ends with a label
	ticks          []float64
	text           func(v float64) string
	least, most    float64
}

// curve is one line; a point whose second value is NaN makes a gap.
type curve struct {
	name   string
	color  int  // index of the page's colours
	dashed bool // a secondary one
	filled bool
	points [][2]float64
}

// Colours of the page that are not for what is compared.
const (
	colors   = 6
	harness  = 6 // the load generator
	elsewise = 7 // others
)

func (a *axis) fit(values []float64) {
	a.least, a.most = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) && (!a.log || v > 0) {
			a.least, a.most = min(a.least, v), max(a.most, v)
		}
	}
	if a.least > a.most {
		a.least, a.most = 0, 1
	}
	if a.log {
		a.least, a.most = max(a.least, 1e-3), max(a.most, 1e-3)
		if a.floor > 0 {
			a.least = min(a.least, a.floor)
		}
		if a.most < a.least*2 {
			a.least, a.most = a.least/2, a.most*2
		}
	} else {
		a.least, a.most = min(a.least, a.floor), max(a.most, a.ceiling)
		if a.least == a.most {
			a.most++
		}
	}
	if a.ticks != nil {
		return
	}
	a.ticks = a.marks()
	if n := len(a.ticks); a.upTo && !a.log && n > 1 && a.ticks[n-1] < a.most-1e-9 {
		a.most = 2*a.ticks[n-1] - a.ticks[n-2] // room above the highest
		a.ticks = append(a.ticks, a.most)
	}
}

// marks finds round values to label, about five.
func (a *axis) marks() []float64 {
	var ticks []float64
	if a.log {
		for _, steps := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
			ticks = nil
			for e := math.Floor(math.Log10(a.least)); e <= math.Log10(a.most); e++ {
				for _, s := range steps {
					if v := s * math.Pow(10, e); v >= a.least*0.999 && v <= a.most*1.001 {
						ticks = append(ticks, v)
					}
				}
			}
			if len(ticks) <= 8 {
				break
			}
		}
		return ticks
	}
	step := math.Pow(10, math.Floor(math.Log10((a.most-a.least)/4)))
	for _, s := range []float64{1, 2, 2.5, 5, 10} {
		if (a.most-a.least)/(step*s) <= 5.01 {
			step *= s
			break
		}
	}
	for i := math.Ceil(a.least/step - 1e-9); i*step <= a.most+step*1e-9; i++ {
		ticks = append(ticks, i*step+0) // + 0: no minus before a zero
	}
	return ticks
}

// at is where a value lies, from 0 to 1.
func (a *axis) at(v float64) float64 {
	if a.log {
		return math.Log(max(v, a.least)/a.least) / math.Log(a.most/a.least)
	}
	return (v - a.least) / (a.most - a.least)
}

func (p *plot) across(v float64) float64 {
	return leftEdge + p.x.at(v)*(plotWidth-leftEdge-rightEdge)
}

func (p *plot) up(v float64) float64 {
	return plotHeight - lowerEdge - p.y.at(v)*(plotHeight-topEdge-lowerEdge)
}

// empty reports whether there is nothing to see.
func (p *plot) empty() bool {
	return !slices.ContainsFunc(p.curves, func(c curve) bool {
		return slices.ContainsFunc(c.points, func(v [2]float64) bool { return !math.IsNaN(v[1]) })
	})
}

// draw makes the figure with its legend.
func (p *plot) draw() template.HTML {
	var xs, ys []float64
	for _, c := range p.curves {
		for _, v := range c.points {
			if !math.IsNaN(v[1]) {
				xs, ys = append(xs, v[0]), append(ys, v[1])
			}
		}
	}
	p.y.upTo = true
	p.x.fit(xs)
	p.y.fit(ys)
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="plot"><figcaption>%s <small>%s</small></figcaption>`, html.EscapeString(p.title), html.EscapeString(p.note))
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, plotHeight, html.EscapeString(p.title))
	p.frame(&b)
	for _, c := range p.curves {
		p.line(&b, c)
	}
	fmt.Fprintf(&b, `<line class="cursor" y1="%g" y2="%g" visibility="hidden"/></svg>`, topEdge, plotHeight-lowerEdge)
	if len(p.curves) > 1 {
		b.WriteString(`<div class="legend">`)
		for _, c := range p.curves {
			fmt.Fprintf(&b, `<span><i class="c%d%s"></i>%s</span>`, c.color, dash(c), html.EscapeString(c.name))
		}
		b.WriteString(`</div>`)
	}
	b.WriteString(`<div class="tip" hidden></div>`)
	p.data(&b)
	b.WriteString(`</figure>`)
	return template.HTML(b.String())
}

func dash(c curve) string {
	if c.dashed {
		return " dashed"
	}
	return ""
}

// frame draws axes, their labels, what is shaded and the marks.
func (p *plot) frame(b *strings.Builder) {
	right, bottom := plotWidth-rightEdge, plotHeight-lowerEdge
	if x := p.across(p.shadeTo); p.shadeTo > p.x.least {
		fmt.Fprintf(b, `<rect class="shade" x="%g" y="%g" width="%.1f" height="%g"/>`, leftEdge, topEdge, min(x, right)-leftEdge, bottom-topEdge)
	}
	for _, v := range p.y.ticks {
		y := p.up(v)
		fmt.Fprintf(b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text class="y" x="%g" y="%.1f">%s</text>`,
			leftEdge, right, y, y, leftEdge-6, y+4, html.EscapeString(p.y.text(v)))
	}
	for _, v := range p.x.ticks {
		if v < p.x.least || v > p.x.most {
			continue
		}
		x := p.across(v)
		fmt.Fprintf(b, `<line class="tick" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="x" x="%.1f" y="%g">%s</text>`,
			x, x, bottom, bottom+4, x, bottom+18, html.EscapeString(p.x.text(v)))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%g" x2="%g" y1="%g" y2="%g"/>`, leftEdge, right, bottom, bottom)
	for i, m := range p.marks {
		if m.At < p.x.least || m.At > p.x.most {
			continue
		}
		x := p.across(m.At)
		fmt.Fprintf(b, `<line class="mark" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, x, x, topEdge, bottom)
		if x < right-60 {
			fmt.Fprintf(b, `<text class="mark" x="%.1f" y="%g">%s</text>`, x+3, topEdge+9+float64(i%3)*11, html.EscapeString(m.Name))
		}
	}
}

// line draws one curve, with gaps.
func (p *plot) line(b *strings.Builder, c curve) {
	var d, area strings.Builder
	bottom := plotHeight - lowerEdge
	pen := false
	var last float64
	for _, v := range c.points {
		if math.IsNaN(v[1]) {
			if pen && c.filled {
				fmt.Fprintf(&area, "V%.1fZ", bottom)
			}
			pen = false
			continue
		}
		x, y := p.across(v[0]), p.up(v[1])
		if pen {
			fmt.Fprintf(&d, "L%.1f %.1f", x, y)
			fmt.Fprintf(&area, "L%.1f %.1f", x, y)
		} else {
			fmt.Fprintf(&d, "M%.1f %.1fh.01", x, y) // so that a point alone is seen
			fmt.Fprintf(&area, "M%.1f %.1fL%.1f %.1f", x, bottom, x, y)
		}
		pen, last = true, x
	}
	if c.filled {
		if pen {
			fmt.Fprintf(&area, "L%.1f %.1fZ", last, bottom)
		}
		fmt.Fprintf(b, `<path class="area c%d" d="%s"/>`, c.color, area.String())
	}
	fmt.Fprintf(b, `<path class="line c%d%s" d="%s"><title>%s</title></path>`, c.color, dash(c), d.String(), html.EscapeString(c.name))
}

// data writes what the pointer is told: for each curve the points as they lie in the drawing, and in words.
func (p *plot) data(b *strings.Builder) {
	type spoken struct {
		Name  string      `json:"name"`
		Color int         `json:"color"`
		At    [][2]string `json:"at"` // where it lies, what it says
	}
	all := []spoken{}
	for _, c := range p.curves {
		s := spoken{Name: c.name, Color: c.color, At: [][2]string{}}
		for _, v := range c.points {
			if !math.IsNaN(v[1]) {
				s.At = append(s.At, [2]string{strconv.FormatFloat(p.across(v[0]), 'f', 1, 64), p.x.text(v[0]) + ": " + p.y.text(v[1])})
			}
		}
		all = append(all, s)
	}
	// A list of strings and numbers can't fail to be written; json escapes what could end the script.
	text, _ := json.Marshal(all)
	fmt.Fprintf(b, `<script type="application/json">%s</script>`, text)
}
