// Package doctest runs the code blocks of a Markdown document, from top to
// bottom, as a reader does who types along.
//
//	func TestTutorial(t *testing.T) { doctest.Run(t, "../../docs/sockets/03-client.md", doctest.Options{Program: testkit.Program}) }
//
// What a fenced block is follows from the words after its fence:
//
//	python file=server.py    written to that file; so are go, c, … with file=
//	sh                       run to its end; it must succeed (exit=1: must end so)
//	sh terminal=server       started in a terminal of that name, and left running
//	sh level=hello           the same, against a level; its output says level= too
//	output                   what the block before printed, standard error included
//	output terminal=server   what that terminal has printed next; it is waited for
//	text                     a picture, or a dialogue: not run
//
// Other blocks are an error, so that nothing in a document is left untried. Two
// comments, which a reader of the page does not see, are orders:
//
//	<!-- stop server -->     ends what runs in a terminal, and all it has started
//	<!-- needs strace ss --> skips the document by name where these are missing
//
// In expected output, … stands for any text within a line, and alone on a line
// for any lines; runs of spaces are as good as one. Everything happens in one
// empty directory. The ports 5000 to 5099 stand for free ones: each is another
// number while the document runs, in files and commands, and is turned back in
// what is printed. So the documents can be run side by side.
//
// What is shown is tested, and nothing is tested that is not shown, but for the
// time: a document does not say how long to wait, and Run waits for what the
// document expects, for up to 30 seconds.
package doctest

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// block is a fenced block, or an order in a comment.
type block struct {
	line int
	lang string            // "stop" and "needs" for orders
	args map[string]string // file, terminal, exit, level; for orders their words under ""
	text string
}

var (
	fence = regexp.MustCompile("^```(.*)$")
	order = regexp.MustCompile(`^<!-- (stop|needs) (.+) -->$`)
)

// parse returns the blocks of a document in their order.
func parse(text string) ([]block, error) {
	var all []block
	var open *block
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		m := fence.FindStringSubmatch(line)
		switch {
		case open != nil && m != nil && m[1] == "":
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case m != nil:
			b, err := header(n, m[1])
			if err != nil {
				return nil, err
			}
			open = &b
		default:
			if o := order.FindStringSubmatch(line); o != nil {
				all = append(all, block{line: n, lang: o[1], args: map[string]string{"": o[2]}})
			}
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block has no end", open.line)
	}
	return all, nil
}

func header(n int, info string) (block, error) {
	words := strings.Fields(info)
	if len(words) == 0 {
		return block{}, fmt.Errorf("line %d: a block must say what it is: sh, output, text, or a language and file=NAME", n)
	}
	b := block{line: n, lang: words[0], args: map[string]string{}}
	for _, w := range words[1:] {
		k, v, ok := strings.Cut(w, "=")
		if !ok || v == "" {
			return block{}, fmt.Errorf("line %d: %q is no KEY=VALUE", n, w)
		}
		b.args[k] = v
	}
	_, file := b.args["file"]
	switch {
	case b.lang == "sh", b.lang == "output", b.lang == "text", file:
		return b, nil
	}
	return block{}, fmt.Errorf("line %d: a block of %s must say file=NAME, so that it is tried", n, b.lang)
}

// spaces are squeezed before lines are compared: the columns of ss move.
var spaces = regexp.MustCompile(`[ \t]+`)

func squeeze(line string) string { return strings.TrimSpace(spaces.ReplaceAllString(line, " ")) }

func lines(text string) []string {
	var all []string
	for l := range strings.Lines(text) {
		all = append(all, squeeze(l))
	}
	return all
}

// matchLine says whether got is what want, with its …, describes.
func matchLine(want, got string) bool {
	parts := strings.Split(want, "…")
	if len(parts) == 1 {
		return want == got
	}
	if !strings.HasPrefix(got, parts[0]) {
		return false
	}
	got = got[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(got, p)
		if i < 0 {
			return false
		}
		got = got[i+len(p):]
	}
	return strings.HasSuffix(got, parts[len(parts)-1])
}

// matchAll says whether got is all of what want describes.
func matchAll(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "…" {
		for i := range len(got) + 1 {
			if matchAll(want[1:], got[i:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && matchLine(want[0], got[0]) && matchAll(want[1:], got[1:])
}

// matchPart returns how many lines of got must be passed over so that want has
// been seen, or -1.
func matchPart(want, got []string) int {
	for end := range len(got) + 1 {
		for start := range end + 1 {
			if matchAll(want, got[start:end]) {
				return end
			}
		}
	}
	return -1
}

// number finds the ports that stand for others.
var number = regexp.MustCompile(`\b\d{4,5}\b`)

// ports maps the ports of a document to free ones.
type ports struct {
	there, back map[string]string
}

// scan gives each port in text that stands for another its own.
func (p *ports) scan(text string, levels map[string]string) error {
	p.there, p.back = map[string]string{}, map[string]string{}
	taken := map[int]bool{}
	for _, n := range number.FindAllString(text, -1) {
		real, level := levels[n]
		switch {
		case p.there[n] != "":
			continue
		case level:
		case len(n) == 4 && strings.HasPrefix(n, "50"):
			free, err := freePort(taken)
			if err != nil {
				return err
			}
			real = fmt.Sprint(free)
		default:
			continue
		}
		p.there[n], p.back[real] = real, n
	}
	return nil
}

func replace(text string, with map[string]string) string {
	return number.ReplaceAllStringFunc(text, func(n string) string {
		if r, ok := with[n]; ok {
			return r
		}
		return n
	})
}

// read reads a document and splits it.
func read(file string) (string, []block, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", nil, err
	}
	blocks, err := parse(string(b))
	return string(b), blocks, err
}
