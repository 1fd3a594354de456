package geography

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

const clockLayout = "2006-01-02 15:04"

var askClock = askable(geo.AskClock)

var clockKind = kind{
	name: "clock", tier: 3,
	asks: "the local time of a capital at a moment in the past",
	form: "year-month-day hour:minute, as in 2011-03-27 02:59",

	draw: func(r *rand.Rand) question {
		c := pick(r, askClock())
		zone := zoneOf(c.Capital().Zone())
		at := moment(r, zone)
		local := at.In(zone)
		return question{
			key:    c.Alpha2(),
			prompt: say("What did clocks in "+c.Capital().Name()+" (%s) show at "+at.Format(clockLayout)+" UTC?", c),
			reads:  func(answer string) bool { _, ok := parseTime(answer); return ok },
			accepts: func(answer string) bool {
				t, ok := parseTime(answer)
				return ok && t.Format(clockLayout) == local.Format(clockLayout)
			},
			answer:  local.Format(clockLayout),
			why:     zone.String() + ": UTC" + local.Format("-07:00") + " (" + local.Format("MST") + ")",
			sources: []string{"cldr-core"},
		}
	},

	solve: func(prompt string, _ []string) string {
		c := geo.ByName(between(prompt, "(", ") show"))
		at, err := time.Parse(clockLayout, between(prompt, "show at ", " UTC"))
		if c == nil || err != nil {
			return ""
		}
		return at.In(zoneOf(c.Capital().Zone())).Format(clockLayout)
	},
}

// moment draws a minute of the years that may be asked about. Half of them are within hours of a change
// of the zone's clocks, when there is one that year: that is where guesses and tables of offsets fail.
func moment(r *rand.Rand, zone *time.Location) time.Time {
	minutes := int64(geo.ClockTo.Sub(geo.ClockFrom) / time.Minute)
	at := geo.ClockFrom.Add(time.Duration(r.Int64N(minutes)) * time.Minute)
	if r.IntN(2) == 0 {
		return at
	}
	_, end := at.In(zone).ZoneBounds()
	near := end.UTC().Truncate(time.Minute).Add(time.Duration(r.IntN(720)-360) * time.Minute)
	if end.IsZero() || near.Before(geo.ClockFrom) || !near.Before(geo.ClockTo) {
		return at
	}
	return near
}

var zones sync.Map // name to *time.Location

// zoneOf loads a time zone, once. Package geo names only zones that time/tzdata has.
func zoneOf(name string) *time.Location {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location)
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		z = time.UTC
	}
	zones.Store(name, z)
	return z
}

// parseTime reads a local time, with seconds or not, with a T or a space, the date with dashes, slashes or dots.
func parseTime(s string) (time.Time, bool) {
	s = strings.NewReplacer("/", "-", ".", "-").Replace(strings.ToUpper(strings.TrimSpace(s)))
	for _, layout := range []string{clockLayout, "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
