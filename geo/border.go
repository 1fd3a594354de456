package geo

import (
	"slices"
	"strings"
)

// Border is a land border as one of the two countries sees it.
type Border struct {
	With *Country
	// Disputed says why the border may be left out of an answer as well as named;
	// empty when the sources agree that it is there.
	Disputed string
}

// link builds the graph of borders.
func (f *facts) link() {
	for _, b := range f.Borders {
		x, y := f.byCode[b.A], f.byCode[b.B]
		x.borders = append(x.borders, Border{With: y, Disputed: b.Disputed})
		y.borders = append(y.borders, Border{With: x, Disputed: b.Disputed})
	}
	for _, c := range f.countries {
		slices.SortFunc(c.borders, func(a, b Border) int {
			return strings.Compare(a.With.w.Alpha2, b.With.w.Alpha2)
		})
	}
}

// Borders lists the country's land borders, disputed ones too.
func (c *Country) Borders() []Border { return c.borders }

// Neighbours gives the countries that a complete list of the country's neighbours
// must have, and those it may have: territories, and the far sides of disputed borders.
func (c *Country) Neighbours() (must, may []*Country) {
	for _, b := range c.borders {
		if b.Disputed == "" && b.With.Sovereign() {
			must = append(must, b.With)
		} else {
			may = append(may, b.With)
		}
	}
	return must, may
}

// Touch says whether two countries have a land border.
type Touch int

// Two countries touch, do not, or it depends on whom one asks: then either answer
// is right.
const (
	Apart Touch = iota
	Touching
	Disputed
)

// Touches says whether c has a land border with d.
func (c *Country) Touches(d *Country) Touch {
	for _, b := range c.borders {
		if b.With == d {
			if b.Disputed != "" {
				return Disputed
			}
			return Touching
		}
	}
	return Apart
}

// Crossings is the fewest land borders a traveller crosses from one country to
// another. Where disputed borders make a difference there are two right answers
// (or more between them): Fewest counts them as borders, Most does not. Unreachable
// stands for "there is no way by land".
type Crossings struct{ Fewest, Most int }

// Unreachable is the number of crossings where there is no way by land.
const Unreachable = -1

// Certain reports whether there is one right answer, and what it is.
func (x Crossings) Certain() (n int, ok bool) {
	return x.Fewest, x.Fewest == x.Most && x.Fewest != Unreachable
}

// Crossings counts the fewest land borders between c and d.
func (c *Country) Crossings(d *Country) Crossings {
	return Crossings{Fewest: len(c.path(d, true)) - 1, Most: len(c.path(d, false)) - 1}
}

// Path gives a shortest way by land from c to d, both included, over borders that
// are certain; nil when there is none. Of several it takes the first by code.
func (c *Country) Path(d *Country) []*Country { return c.path(d, false) }

// IsPath reports whether countries is a way by land, each touching the next. A
// disputed border counts.
func IsPath(countries []*Country) bool {
	for i := 1; i < len(countries); i++ {
		if countries[i-1].Touches(countries[i]) == Apart {
			return false
		}
	}
	return len(countries) > 0
}

func (c *Country) path(d *Country, disputed bool) []*Country {
	from := map[*Country]*Country{c: nil}
	queue := []*Country{c}
	for len(queue) > 0 {
		x := queue[0]
		queue = queue[1:]
		if x == d {
			var way []*Country
			for ; x != nil; x = from[x] {
				way = append(way, x)
			}
			slices.Reverse(way)
			return way
		}
		for _, b := range x.borders {
			if _, seen := from[b.With]; !seen && (disputed || b.Disputed == "") {
				from[b.With] = x
				queue = append(queue, b.With)
			}
		}
	}
	return nil
}
