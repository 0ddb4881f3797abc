package main

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
)

// The plot's measures, in pixels.
const (
	labelWidth = 250
	panelWidth = 230
	panelGap   = 20
	rowHeight  = 36
	barHeight  = 10
	headHeight = 64
	footHeight = 54
	// legendWidth is what the legend needs.
	legendWidth = 740
)

// bar is a ratio with its quartiles, drawn from the line of plain GORM.
type bar struct {
	X, Y, Width       float64
	Low, High, Middle float64
	Class, Title      string
}

// mark is a target: a line at a multiple of plain GORM, or a diamond at a multiple
// of the trigger.
type mark struct {
	X, Top, Bottom, Middle float64
	Diamond                bool
	Title                  string
}

type tick struct {
	X     float64
	Label string
}

type panel struct {
	X, Left, Right, One float64
	Title               string
	Ticks               []tick
	Bars                []bar
	Marks               []mark
}

type label struct {
	Y    float64
	Text string
}

type figure struct {
	Width, Height, Top, Bottom, LegendY float64
	Labels                              []label
	Panels                              []panel
}

// plot draws the default modes: a panel for each database, a row for each work, and
// in it the plugin above the trigger, on a logarithmic scale.
func plot(w io.Writer, sections []section) {
	var shown []section
	for _, s := range sections {
		if s.mode == subject.Default && !s.again {
			shown = append(shown, s)
		}
	}
	if len(shown) == 0 {
		shown = sections
	}
	titles, top := rowsOf(shown)
	s := scale{low: math.Log(0.7), high: math.Log(top)}
	f := figure{
		Width:  max(legendWidth, labelWidth+float64(len(shown))*(panelWidth+panelGap)),
		Height: headHeight + float64(len(titles))*rowHeight + footHeight,
		Top:    headHeight, Bottom: headHeight + float64(len(titles))*rowHeight,
	}
	f.LegendY = f.Height - 12
	for i, t := range titles {
		f.Labels = append(f.Labels, label{headHeight + (float64(i)+0.5)*rowHeight + 4, t})
	}
	for i, section := range shown {
		left := labelWidth + float64(i)*(panelWidth+panelGap)
		f.Panels = append(f.Panels, section.panel(left, s, titles))
	}
	_ = figureTemplate.Execute(w, f) // the writer holds it in memory
}

// rowsOf returns the works that were measured anywhere, and a ratio above all.
func rowsOf(sections []section) (titles []string, top float64) {
	seen := map[string]bool{}
	top = 4
	for _, s := range sections {
		for _, r := range s.results {
			if !seen[r.title] {
				seen[r.title] = true
				titles = append(titles, r.title)
			}
			for _, v := range []subject.Variant{subject.Plugin, subject.Trigger} {
				if _, high, ok := r.cost(v); ok {
					top = max(top, high*1.2)
				}
			}
		}
	}
	return titles, top
}

// cost is a ratio of time to plain GORM's, also where throughput was measured, and
// its upper quartile.
func (r *result) cost(v subject.Variant) (s spread, high float64, ok bool) {
	s, ok = r.toPlain[v]
	if !ok || s.n == 0 {
		return spread{}, 0, false
	}
	if r.work == writers {
		s = spread{n: s.n, median: 1 / s.median, q1: 1 / s.q3, q3: 1 / s.q1}
	}
	return s, s.q3, true
}

type scale struct{ low, high float64 }

func (s scale) x(left, ratio float64) float64 {
	at := (math.Log(ratio) - s.low) / (s.high - s.low)
	return left + panelWidth*min(max(at, 0), 1)
}

func (s section) panel(left float64, scale scale, titles []string) panel {
	p := panel{X: left, Left: left, Right: left + panelWidth, One: scale.x(left, 1), Title: s.server.label + modeTitle(s.mode)}
	for _, at := range []float64{1, 2, 5, 10, 20, 50, 100, 200} {
		if math.Log(at) <= scale.high {
			p.Ticks = append(p.Ticks, tick{scale.x(left, at), fmt.Sprint(at)})
		}
	}
	row := map[string]float64{}
	for i, t := range titles {
		row[t] = headHeight + float64(i)*rowHeight
	}
	for _, r := range s.results {
		y := row[r.title]
		for i, v := range []subject.Variant{subject.Plugin, subject.Trigger} {
			c, _, ok := r.cost(v)
			if !ok {
				continue
			}
			from, to := p.One, scale.x(left, c.median)
			top := y + 7 + float64(i)*(barHeight+2)
			p.Bars = append(p.Bars, bar{
				X: min(from, to), Y: top, Width: math.Abs(to - from), Middle: top + barHeight/2,
				Low: scale.x(left, c.q1), High: scale.x(left, c.q3), Class: string(v),
				Title: fmt.Sprintf("%s, %s, %s: %.2f", s.server.label, r.title, v, c.median),
			})
		}
		p.Marks = append(p.Marks, r.marks(left, y, scale)...)
	}
	return p
}

// marks are the targets of a work.
func (r *result) marks(left, y float64, scale scale) []mark {
	t := targetOf(r.work, r.kind, r.mode)
	plain, trigger := t.plain, t.trigger
	if t.atLeast {
		plain, trigger = 1/plain, 1/trigger
	}
	var all []mark
	add := func(at float64, diamond bool, title string) {
		all = append(all, mark{X: scale.x(left, at), Top: y + 4, Bottom: y + 20, Middle: y + 12, Diamond: diamond, Title: title})
	}
	if t.plain > 0 {
		add(plain, false, fmt.Sprintf("target: %.2f times plain GORM", plain))
	}
	if c, _, ok := r.cost(subject.Trigger); ok && t.trigger > 0 {
		add(trigger*c.median, true, fmt.Sprintf("target: %.2f times the trigger", trigger))
	}
	return all
}

var figureTemplate = template.Must(template.New("figure").Funcs(template.FuncMap{
	"px": func(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) },
}).Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{px .Width}} {{px .Height}}" width="{{px .Width}}" height="{{px .Height}}" role="img" aria-label="Time as a multiple of plain GORM">
<style>
.paper { fill: #ffffff }
text { font: 12px sans-serif; fill: #24292f }
.small { font-size: 11px; fill: #57606a }
.title { font-weight: bold; font-size: 14px }
.grid { stroke: #d0d7de; stroke-width: 1 }
.one { stroke: #57606a; stroke-width: 1.5 }
.plugin { fill: #0969da }
.trigger { fill: #bf8700 }
.spread { stroke: #24292f; stroke-width: 1.2 }
.target { stroke: #cf222e; stroke-width: 2.5; fill: none }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117 }
text { fill: #e6edf3 }
.small { fill: #9198a1 }
.grid { stroke: #3d444d }
.one { stroke: #9198a1 }
.plugin { fill: #4493f8 }
.trigger { fill: #d29922 }
.spread { stroke: #e6edf3 }
.target { stroke: #ff7b72 }
}
</style>
<rect width="100%" height="100%" class="paper"/>
<text x="8" y="20" class="title">Time as a multiple of plain GORM (logarithmic; less is better)</text>
{{- range .Labels}}
<text x="8" y="{{px .Y}}">{{.Text}}</text>
{{- end}}
{{- $top := .Top}}{{$bottom := .Bottom}}
{{- range .Panels}}
<text x="{{px .X}}" y="44" class="title">{{.Title}}</text>
{{- range .Ticks}}
<line x1="{{px .X}}" x2="{{px .X}}" y1="{{px $top}}" y2="{{px $bottom}}" class="grid"/>
<text x="{{px .X}}" y="{{px $top}}" dy="-4" text-anchor="middle" class="small">{{.Label}}</text>
{{- end}}
<line x1="{{px .One}}" x2="{{px .One}}" y1="{{px $top}}" y2="{{px $bottom}}" class="one"/>
{{- range .Bars}}
<rect x="{{px .X}}" y="{{px .Y}}" width="{{px .Width}}" height="10" class="{{.Class}}"><title>{{.Title}}</title></rect>
<line x1="{{px .Low}}" x2="{{px .High}}" y1="{{px .Middle}}" y2="{{px .Middle}}" class="spread"/>
{{- end}}
{{- range .Marks}}
{{- if .Diamond}}
<rect x="-4" y="-4" width="8" height="8" transform="translate({{px .X}} {{px .Middle}}) rotate(45)" class="target"><title>{{.Title}}</title></rect>
{{- else}}
<line x1="{{px .X}}" x2="{{px .X}}" y1="{{px .Top}}" y2="{{px .Bottom}}" class="target"><title>{{.Title}}</title></line>
{{- end}}
{{- end}}
{{- end}}
<g transform="translate(8 {{px .LegendY}})">
<rect x="0" y="-9" width="18" height="10" class="plugin"/><text x="24" y="0">plugin</text>
<rect x="84" y="-9" width="18" height="10" class="trigger"/><text x="108" y="0">hand-written trigger</text>
<line x1="238" x2="256" y1="-4" y2="-4" class="spread"/><text x="262" y="0">quartiles</text>
<line x1="330" x2="330" y1="-12" y2="4" class="target"/><text x="338" y="0">target against plain GORM</text>
<rect x="-4" y="-4" width="8" height="8" transform="translate(520 -4) rotate(45)" class="target"/><text x="532" y="0">target against the trigger</text>
</g>
</svg>
`))
