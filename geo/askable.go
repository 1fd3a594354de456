package geo

import "time"

// Topic is what a question asks about a country.
type Topic string

// The topics. A country that is refused for [AskAny] is refused for all.
const (
	AskAny        Topic = "any"
	AskName       Topic = "name"       // its name, in any language
	AskCapital    Topic = "capital"    // its capital, or whose a capital is
	AskCode       Topic = "code"       // ISO codes and the emoji flag
	AskCurrency   Topic = "currency"   // its currency
	AskCalling    Topic = "calling"    // its calling code
	AskContinent  Topic = "continent"  // its continent
	AskLandlocked Topic = "landlocked" // whether it has a coast
	AskBorders    Topic = "borders"    // its neighbours
	AskPoint      Topic = "point"      // in which country a point is
	AskClock      Topic = "clock"      // local time in its capital, from ClockFrom to ClockTo
	AskMap        Topic = "map"        // its outline
	AskFlag       Topic = "flag"       // its flag as a picture
)

// The span that local times may be asked about: instants in the past, for which
// no government can change the answer any more, and late enough for all zones.
var (
	ClockFrom = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	ClockTo   = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// Askable reports whether a question about this topic has an answer on which
// reasonable sources agree, and if not, the reason in a few words. Only sovereign
// countries are asked about; territories are only accepted as answers.
func (c *Country) Askable(t Topic) (reason string, ok bool) {
	if r := c.w.Refuse[string(AskAny)]; r != "" {
		return r, false
	}
	if !c.w.Sovereign {
		return "it is a territory", false
	}
	if r := c.w.Refuse[string(t)]; r != "" {
		return r, false
	}
	switch t {
	case AskCapital:
		if len(c.capitals) == 0 {
			return "it has no capital", false
		}
	case AskCalling:
		if len(c.w.Calling) == 0 {
			return "it has no calling code", false
		}
	case AskClock:
		if len(c.capitals) == 0 || c.capitals[0].Zone() == "" {
			return "the time zone of its capital is not known", false
		}
		if len(c.capitals) > 1 && !c.w.OneClock {
			return "it has several capitals and several local times", false
		}
	case AskPoint, AskMap:
		if Atlas50().Area(c) == nil || Atlas110().Area(c) == nil {
			return "it is too small for one of the atlases", false
		}
	}
	return "", true
}

// Askable lists the countries that may be asked about a topic.
func Askable(t Topic) []*Country {
	var out []*Country
	for _, c := range Countries() {
		if _, ok := c.Askable(t); ok {
			out = append(out, c)
		}
	}
	return out
}
