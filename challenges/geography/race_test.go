//go:build race

package geography

const raceEnabled = true
