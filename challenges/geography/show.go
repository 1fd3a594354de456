package geography

import (
	"fmt"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// What the player sees is written here, as text; with the command json, show_json.go writes the same
// things as objects. Everything goes into p.out, which is sent before the server waits.

// flush sends what is waiting. The buffer is not kept: most of a session's life is waiting.
func (p *player) flush() error { return p.flushTo(p.s.Tube) }

func (p *player) flushTo(t *tube.Tube) error {
	if len(p.out) == 0 {
		return nil
	}
	out := p.out
	p.out = nil
	return t.SendBytes(out)
}

// style wraps text in an ANSI style where the player wants color. The 16 colors of the terminal are
// used alone, so that light and dark terminals show them in their own way.
func (p *player) style(sgr, text string) string {
	if !p.view.color {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

var verdictStyle = map[string]string{
	"OK": "1;32", "NO": "1;31", "LATE": "1;31", "BAD": "31", "FLAG": "1;35", "BYE": "1",
}

// line writes one line of the protocol: its first word, and text.
func (p *player) line(word, text string) {
	word = p.style(verdictStyle[word], word)
	if text != "" {
		word += " " + text
	}
	p.out = append(p.out, word+"\n"...)
}

// prompt says that the server waits.
func (p *player) prompt() {
	if !p.view.json {
		p.out = append(p.out, "> "...)
	}
}

// info writes lines for people.
func (p *player) info(lines ...string) {
	for _, l := range lines {
		l = p.view.text(l)
		if p.view.json {
			p.object(infoObject{Type: "INFO", Text: l})
			continue
		}
		p.out = append(p.out, strings.TrimRight("  "+l, " ")+"\n"...)
	}
}

func (p *player) bad(why string) { p.verdict("BAD", why) }

// verdict writes OK, NO, LATE or BAD.
func (p *player) verdict(word, text string) {
	text = p.view.text(text)
	if p.view.json {
		p.object(verdictObject{Type: word, Text: text})
		return
	}
	p.line(word, text)
}

// flag writes the flag. Without one, on a server that has none, it says so.
func (p *player) flag(flag string) {
	if p.view.json {
		p.object(flagObject{Type: "FLAG", Flag: flag})
		return
	}
	p.line("FLAG", flag)
}

// question writes a question and its block.
func (p *player) question(q question, n, of int, c *clock) {
	prompt := q.prompt.in(p.view)
	var block []string
	if q.block != nil {
		block = q.block(p.view)
	}
	if p.view.json {
		p.questionJSON(q, n, of, prompt, block, c)
		return
	}
	head := p.style("1;36", fmt.Sprintf("Q %d/%d", n, of)) + " " + p.style("36", q.kind.name)
	p.out = append(p.out, head+" "+p.style("1", prompt)+"\n"...)
	for _, l := range block {
		p.out = append(p.out, p.style("2", "|")+" "+l+"\n"...)
	}
	p.prompt()
}

// explain is the verdict of practice, with everything the ranked game keeps to itself.
func (p *player) explain(q question, ok bool) {
	word := "NO"
	if ok {
		word = "OK"
	}
	if p.view.json {
		p.explainJSON(q, word)
		return
	}
	p.line(word, p.view.text(q.answer))
	if also := q.others(); len(also) > 0 {
		p.info(wrap("also right: "+strings.Join(also, ", "), 76)...)
	}
	if q.why != "" {
		p.info(wrap("why: "+q.why, 76)...)
	}
	p.info("source: " + strings.Join(versions(q.sources), ", "))
}

// bye writes the last line; res is the ranked game that was played, or nil.
func (p *player) bye(res *Result) {
	if p.view.json {
		p.byeJSON(res)
		return
	}
	if res == nil {
		p.line("BYE", "see you")
		return
	}
	p.line("BYE", fmt.Sprintf("%d/%d right, %.3f s of thinking, replay %s", res.Right, res.Rounds, res.Thinking.Seconds(), res.Replay))
}

// maxWrapped is how many lines an explanation may take: the sets of accepted names can be long.
const maxWrapped = 4

// wrap breaks text into lines of about width columns, at spaces.
func wrap(text string, width int) []string {
	var out []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(w)) > width {
			out = append(out, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	if len(out) >= maxWrapped {
		out = out[:maxWrapped]
		out[maxWrapped-1] += " …"
		return out
	}
	return append(out, line)
}
