package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// picture is a drawing of the ratios of rates: a group of bars for each row, on a logarithmic scale.
type picture struct{ groups []group }

type group struct {
	title string
	bars  []bar
}

type bar struct {
	label string
	ratio float64
}

// add takes the medians of a row's metrics that are ratios of rates.
func (p *picture) add(row, says string, order []string, values map[string][]float64) {
	g := group{title: row + ": " + strings.TrimSuffix(says, ".")}
	for _, key := range order {
		if strings.Contains(key, "rate") {
			g.bars = append(g.bars, bar{key, middle(values[key])})
		}
	}
	if len(g.bars) > 0 {
		p.groups = append(p.groups, g)
	}
}

// The drawing's measures, in pixels.
const (
	lineHeight = 20
	labelWidth = 320
	scaleWidth = 480
	margin     = 16
)

// The scale goes from a hundredth to a hundred.
const least, most = 0.01, 100.0

func across(ratio float64) float64 {
	r := math.Log(min(max(ratio, least), most)/least) / math.Log(most/least)
	return labelWidth + r*scaleWidth
}

// svg draws in the colours of the page it stands on.
func (p *picture) svg() string {
	lines := 1
	for _, g := range p.groups {
		lines += len(g.bars) + 2
	}
	width, height := 2*margin+labelWidth+scaleWidth+60, 2*margin+lines*lineHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" role="img" aria-label="Ratios of rates">`+"\n", width, height, width)
	b.WriteString(`<style>
text{font:13px system-ui,sans-serif;fill:#222}.t{font-weight:600}.g{stroke:#ccc}.one{stroke:#888}.b{fill:#2f7d5b}.w{fill:#b5651d}
@media (prefers-color-scheme:dark){text{fill:#ddd}.g{stroke:#444}.one{stroke:#999}.b{fill:#58b28a}.w{fill:#d99a5b}}
</style>
`)
	y := margin + lineHeight
	for _, tick := range []float64{0.01, 0.1, 1, 10, 100} {
		class := "g"
		if tick == 1 {
			class = "one"
		}
		x := margin + across(tick)
		fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="middle">%g</text><line class="%s" x1="%.0f" y1="%d" x2="%.0f" y2="%d"/>`+"\n", x, y-6, tick, class, x, y, x, height-margin)
	}
	for _, g := range p.groups {
		y += 2 * lineHeight
		fmt.Fprintf(&b, `<text class="t" x="%d" y="%d">%s</text>`+"\n", margin, y-6, html.EscapeString(cut(g.title, 110)))
		for _, r := range g.bars {
			class, from, to := "b", across(1), across(r.ratio)
			if r.ratio < 1 {
				class, from, to = "w", to, from
			}
			fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text><rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/><text x="%.1f" y="%d">%.3g</text>`+"\n",
				margin, y+14, html.EscapeString(cut(r.label, 44)), class, margin+from, y+3, max(to-from, 1), lineHeight-6, margin+max(from, to)+6, y+14, r.ratio)
			y += lineHeight
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
