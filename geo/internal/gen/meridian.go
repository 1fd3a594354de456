package main

import "github.com/flagstaff-ctf/flagstaff/geo/internal/world"

// The atlas joins what lies on both sides of the 180th meridian into one ring,
// whose edge from 180 to -180 would run across the whole map and put Alaska into
// Russia. Readers and drawers are simpler when such rings are cut there.

const (
	half = 180 * scale // half a turn
	full = 2 * half
)

// cutAtMeridian replaces polygons that cross the meridian by pieces that do not.
// The pieces are made of arcs of their own, added to a.Arcs.
func cutAtMeridian(a *world.Atlas) {
	for i := range a.Areas {
		var out [][][]int
		for _, rings := range a.Areas[i].Polygons {
			points := stitch(a.Arcs, rings[0])
			if !crosses(points) {
				out = append(out, rings)
				continue
			}
			for k, piece := range cut(points) {
				a.Arcs = append(a.Arcs, piece)
				polygon := [][]int{{len(a.Arcs) - 1}}
				if k == 0 {
					polygon = append(polygon, rings[1:]...) // holes: no source has one beyond the meridian
				}
				out = append(out, polygon)
			}
		}
		a.Areas[i].Polygons = out
	}
}

func stitch(arcs [][][2]int, ring []int) [][2]int {
	var out [][2]int
	for i, n := range ring {
		arc := arcs[max(n, ^n)]
		for k := range arc {
			p := arc[k]
			if n < 0 {
				p = arc[len(arc)-1-k]
			}
			if k > 0 || i == 0 {
				out = append(out, p)
			}
		}
	}
	return out
}

func crosses(ring [][2]int) bool {
	for i := 1; i < len(ring); i++ {
		if d := ring[i][0] - ring[i-1][0]; d > half || d < -half {
			return true
		}
	}
	return false
}

// cut gives closed rings between -180 and 180 that together are the ring.
func cut(ring [][2]int) [][][2]int {
	// Unroll it: longitudes go on beyond 180 instead of jumping.
	turn, at := 0, 0
	flat := [][2]int{ring[0]}
	for i := 1; i < len(ring); i++ {
		if d := ring[i][0] - ring[i-1][0]; d > half || d < -half {
			turn, at = turn-sign(d)*full, i
		}
		flat = append(flat, [2]int{ring[i][0] + turn, ring[i][1]})
	}
	if turn != 0 {
		return [][][2]int{aroundPole(ring, at)}
	}
	var pieces [][][2]int
	for _, west := range []int{-half, half, -half - full} {
		piece := clip(clip(flat, west, 1), west+full, -1)
		if len(piece) < 4 {
			continue
		}
		for k := range piece {
			piece[k][0] -= west + half
		}
		pieces = append(pieces, piece)
	}
	return pieces
}

// aroundPole closes a ring that runs once around the Earth and so has no inside on
// a map, Antarctica's, along the map's lower edge. It crosses the meridian before
// point at.
func aroundPole(ring [][2]int, at int) [][2]int {
	out := append([][2]int{}, ring[at:]...)
	out = append(out, ring[1:at]...) // the last point is the first
	start, end := out[0], out[len(out)-1]
	side := half
	if start[0] > 0 {
		side = -half
	}
	lat := (start[1] + end[1]) / 2
	out = append(out, [2]int{side, lat}, [2]int{side, -90 * scale}, [2]int{-side, -90 * scale}, [2]int{-side, lat})
	return append(out, start)
}

// clip keeps what is east (side 1) or west (side -1) of a meridian, closed along
// it (Sutherland and Hodgman's way).
func clip(ring [][2]int, lon, side int) [][2]int {
	var out [][2]int
	put := func(p [2]int) {
		if len(out) == 0 || out[len(out)-1] != p {
			out = append(out, p)
		}
	}
	for i := 1; i < len(ring); i++ {
		a, b := ring[i-1], ring[i]
		inA, inB := (a[0]-lon)*side >= 0, (b[0]-lon)*side >= 0
		if inA != inB {
			put([2]int{lon, a[1] + (b[1]-a[1])*(lon-a[0])/(b[0]-a[0])})
		}
		if inB {
			put(b)
		}
	}
	if len(out) > 0 {
		put(out[0])
	}
	return out
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}
