package geography

import (
	"fmt"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// globe is the Earth from above 15 north 15 east, of the 1:110 million atlas.
const globe = `
     ..:##:....##..
   .#:...:.#########.
 ........#############.
........####.:#########.
......##############.:#.
#.....#############.....
##:....:::########:.....
.##........######.......
 .:........:####::.....
   .........##:......
     ..............`

// hello writes the banner, at most 24 lines of 80 columns and in ASCII alone: the server does not yet
// know what the player's terminal can show.
func (p *player) hello() {
	total := int(newClock(p.s).total.Seconds())
	beside := []string{
		"", "G E O G R A P H Y",
		fmt.Sprintf("%d questions about the world; one wrong answer ends", rounds),
		"the game. A script is quick enough, a person not.",
		"",
		fmt.Sprintf("protocol  %d", Protocol),
		"session   " + p.s.ID,
		fmt.Sprintf("rounds    %d, always counted; score at %d and %d", rounds, checkpoint, 2*checkpoint),
		fmt.Sprintf("time      %d s of thinking in all, %d s a round;", total, int(roundTime.Seconds())),
		"          the network's round trip is not counted",
		"answers   in 13 languages, any case, accents or not",
	}
	var lines []string
	for i, g := range strings.Split(globe, "\n") {
		text := ""
		if i < len(beside) {
			text = beside[i]
		}
		lines = append(lines, fmt.Sprintf("%-26s%s", g, text))
	}
	lines = append(lines,
		"",
		"start             the ranked game, for the flag; the clock starts here",
		"practice [KIND]   no clock, no flag, every answer explained; see menu",
		"hint quit, and for the eye: lang CODE, color, ascii; for scripts: json",
		"")
	data := wrap(strings.Join(versions(nil), ", "), 66)
	for i, l := range data {
		data[i] = fmt.Sprintf("%-10s%s", map[bool]string{true: "data"}[i == 0], l)
	}
	lines = append(lines, data...)
	if p.o.Replay.id != "" {
		lines = append(lines, "replay    "+p.o.Replay.id)
	}
	p.info(lines...)
}

// menuText is what the command menu shows.
func menuText(p *player) []string {
	lines := []string{"start, or practice KIND:", ""}
	for tier, title := range []string{1: "facts", 2: "computed", 3: "unseen"} {
		for _, k := range ofTier(tier) {
			lines = append(lines, p.style("36", fmt.Sprintf("%-12s", k.name))+fmt.Sprintf(" %-9s %s", title, k.asks))
			title = ""
		}
	}
	if p.o.Menu != nil {
		if others := p.o.Menu(); len(others) > 0 {
			lines = append(append(lines, "", "Also here, each at its own address:", ""), others...)
		}
	}
	return append(lines, "", "replay ID practises a game that was played; its id was printed after BYE.",
		"lang CODE: "+strings.Join(geo.Languages(), " "))
}
