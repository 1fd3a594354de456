package geography

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// How answers are read that are more than one name.

const (
	listForm  = "countries, names or ISO codes, separated by ; or ,"
	pointForm = "latitude longitude in degrees: -12.34 56.78 (or 12.34S 56.78E)"
)

// separators of lists. A dash has spaces around it, unlike that of Guinea-Bissau.
var separators = []string{";", "->", "→", "|", "\t", " - ", " – ", "/", ","}

// split cuts a list at a separator.
func split(answer, sep string) []string {
	var out []string
	for part := range strings.SplitSeq(answer, sep) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// parseCountries reads a list of countries; ok is false when one of them is none. Names have separators, too ("Congo - Kinshasa"): the
// first one counts at which the list is one of countries.
func parseCountries(answer string) (list []*geo.Country, ok bool) {
	for _, sep := range separators {
		if !strings.Contains(answer, sep) {
			continue
		}
		parts := split(answer, sep)
		if list = countries(parts, 1); list == nil && sep == "," {
			list = countries(parts, mostCommas+1)
		}
		if list == nil && len(parts) > 0 {
			list = countries(withAnd(parts), 1)
		}
		if list != nil {
			return list, true
		}
	}
	if !strings.Contains(answer, ";") {
		list = countries([]string{answer}, 1)
	}
	return list, list != nil
}

// withAnd cuts the last part of a list at its "and": "X, Y and Z".
func withAnd(parts []string) []string {
	last := parts[len(parts)-1]
	parts = slices.Clone(parts[:len(parts)-1])
	if rest, ok := strings.CutPrefix(last, "and "); ok { // "X, Y, and Z"
		return append(parts, rest)
	}
	if i := strings.LastIndex(last, " and "); i >= 0 {
		return append(parts, last[:i], last[i+len(" and "):])
	}
	return nil
}

// mostCommas is how many there are in a country's name: "Bolivia, Plurinational State of".
const mostCommas = 1

// countries reads names of up to most parts each, the longest that is one; nil means that there is none.
func countries(parts []string, most int) (list []*geo.Country) {
	for len(parts) > 0 {
		n := min(most, len(parts))
		c := geo.ByName(strings.Join(parts[:n], ", "))
		for c == nil && n > 1 {
			n--
			c = geo.ByName(strings.Join(parts[:n], ", "))
		}
		if c == nil {
			return nil
		}
		list, parts = append(list, c), parts[n:]
	}
	return list
}

// isSet says whether answer lists every country of must, and beyond these only some of may.
func isSet(answer string, must, may []*geo.Country) bool {
	list, ok := parseCountries(answer)
	if !ok {
		return false
	}
	for _, c := range list {
		if !slices.Contains(must, c) && !slices.Contains(may, c) {
			return false
		}
	}
	return !slices.ContainsFunc(must, func(c *geo.Country) bool { return !slices.Contains(list, c) })
}

// isSequence says whether answer lists exactly these countries in this order.
func isSequence(answer string, want []*geo.Country) bool {
	list, ok := parseCountries(answer)
	return ok && slices.Equal(list, want)
}

// codesOf is a list of countries as solvers write it.
func codesOf(list []*geo.Country) string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = code(c)
	}
	return strings.Join(out, "; ")
}

// numberRE is a decimal number: with an exponent, as programs write them, or with its thousands apart, as people do.
var numberRE = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,2})?$`)

var thousandsRE = regexp.MustCompile(`^([+-]?[0-9]{1,3})((?:[ ,'][0-9]{3})+)(\.[0-9]*)?$`)

// parseNumber reads a decimal number; a unit may follow.
func parseNumber(s string, units ...string) (float64, bool) {
	s = strings.TrimSpace(strings.TrimLeft(strings.ToLower(strings.TrimSpace(s)), "~≈"))
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u); ok {
			s = strings.TrimSpace(rest)
			break
		}
	}
	if m := thousandsRE.FindStringSubmatch(s); m != nil {
		s = m[1] + strings.NewReplacer(" ", "", ",", "", "'", "").Replace(m[2]) + m[3]
	}
	if !numberRE.MatchString(s) { // ParseFloat also knows inf, nan and 0x1p2
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil
}

// parsePoint reads a latitude and a longitude. With a space before the letter of the hemisphere there are
// four fields; four numbers are none.
func parsePoint(s string) (geo.Point, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 1 && (s[0] == '(' && s[len(s)-1] == ')' || s[0] == '[' && s[len(s)-1] == ']') { // as Python shows it
		s = s[1 : len(s)-1]
	}
	fields := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t,;°", r) })
	if len(fields) == 4 && isLetter(fields[1]) && isLetter(fields[3]) { // 12.3 N 45.6 E
		fields = []string{fields[0] + fields[1], fields[2] + fields[3]}
	}
	if len(fields) != 2 {
		return geo.Point{}, false
	}
	lat, ok1 := parseDegrees(fields[0], "n", "s")
	lon, ok2 := parseDegrees(fields[1], "e", "w")
	p := geo.Point{Lat: lat, Lon: lon}
	return p, ok1 && ok2 && p.Valid()
}

func isPoint(s string) bool { _, ok := parsePoint(s); return ok }

func isLetter(s string) bool { return len(s) == 1 && strings.ContainsAny(s, "NSEWnsew") }

func parseDegrees(s, plus, minus string) (float64, bool) {
	s = strings.ToLower(s)
	if rest, ok := strings.CutSuffix(s, minus); ok {
		x, ok := parseNumber(rest)
		return -x, ok
	}
	return parseNumber(strings.TrimSuffix(s, plus))
}

// near says whether got is want, within a part of want: 0.01 is one per cent.
func near(got, want, part float64) bool { return math.Abs(got-want) <= part*math.Abs(want) }

// place is a city with its coordinates, as a block shows it and solvers read it.
type place struct {
	name string
	at   geo.Point
}

// placeWidth leaves room for the coordinates in 78 columns.
const placeWidth = 48

func (p place) line(v view) string {
	name := []rune(v.text(p.name))
	if len(name) > placeWidth {
		name = append(name[:placeWidth-3], '.', '.', '.')
	}
	return string(name) + strings.Repeat(" ", placeWidth-len(name)) + " " + p.at.String()
}

func placesBlock(places ...place) func(view) []string {
	return func(v view) []string {
		out := make([]string, len(places))
		for i, p := range places {
			out[i] = p.line(v)
		}
		return out
	}
}

// parsePlaces reads the coordinates of a block.
func parsePlaces(block []string) []geo.Point {
	var out []geo.Point
	for _, line := range block {
		if f := strings.Fields(line); len(f) >= 2 {
			if p, ok := parsePoint(f[len(f)-2] + " " + f[len(f)-1]); ok {
				out = append(out, p)
			}
		}
	}
	return out
}
