package geography

import (
	"fmt"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// hello writes the banner, at most 24 lines of 80 columns and in ASCII alone: the server does not yet
// know what the player's terminal can show.
func (p *player) hello() {
	c := newClock(p.s)
	var sources []string
	for _, s := range geo.Sources() {
		sources = append(sources, s.String())
	}
	lines := []string{
		"",
		" .-\"-.    G E O G R A P H Y",
		fmt.Sprintf("/ ,_; \\   %d questions about the world. One wrong answer ends the game.", rounds),
		"| \\ |) |  A script answers in time; a person does not. Bring a script.",
		"\\  ',  /",
		fmt.Sprintf(" '---'    protocol %d   session %s", Protocol, p.s.ID),
		"",
		fmt.Sprintf("rounds    %d, always counted; checkpoints at %d and %d, the flag at %d", rounds, checkpoint, 2*checkpoint, rounds),
		fmt.Sprintf("time      %d s of thinking in all, %d s a round; the network does not count", int(c.total.Seconds()), int(roundTime.Seconds())),
		"answers   names in 13 languages, accents and case do not matter, or ISO codes",
		"",
		"start             the ranked game; the clock starts here",
		"practice [KIND]   no clock, no flag, every answer explained; menu lists kinds",
		"menu hint quit    and for the eye: lang CODE, ascii, color; for scripts: json",
		"",
	}
	lines = append(lines, wrap("data      "+strings.Join(sources, ", "), 74)...)
	if p.o.Replay.id != "" {
		lines = append(lines, "", "every game here is "+p.o.Replay.id)
	}
	p.info(append(lines, "")...)
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
