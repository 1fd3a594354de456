package geo

import (
	"sync"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

// City is a city of 100,000 people or more. Its name is the only one of its kind
// among those of its country: cities that share one are left out.
type City struct {
	Name       string
	Country    *Country
	Point      Point // to 1/1000 degree
	Population int   // of the city itself, at some year before 2020: for ranking, not for asking
}

// String gives the city and its country: "Quito, Ecuador".
func (c *City) String() string { return c.Name + ", " + c.Country.String() }

// Zone is the city's IANA time zone, where the country has had one local time
// throughout ([Country.OneClock]); otherwise "".
func (c *City) Zone() string {
	if !c.Country.OneClock() {
		return ""
	}
	return c.Country.Zones()[0]
}

// Cities lists the cities by falling population.
func Cities() []*City { return cities() }

var cities = sync.OnceValue(func() []*City {
	list := section(world.SectionCities, world.DecodeCities)
	out := make([]*City, len(list))
	for i, w := range list {
		out[i] = &City{
			Name:       w.Name,
			Country:    ByCode(w.Country),
			Point:      Point{Lat: float64(w.Lat) / 1000, Lon: float64(w.Lon) / 1000},
			Population: w.Population,
		}
	}
	return out
})
