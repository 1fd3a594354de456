package geography

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

// The objects of the JSON protocol; see the package documentation.
type (
	helloObject struct {
		Type         string   `json:"type"` // HELLO
		Protocol     int      `json:"protocol"`
		Session      string   `json:"session"`
		Rounds       int      `json:"rounds"`
		Seconds      float64  `json:"seconds"`
		RoundSeconds float64  `json:"round_seconds"`
		Kinds        []string `json:"kinds"`
		Languages    []string `json:"languages"`
		Sources      []string `json:"sources"`
	}
	infoObject struct {
		Type string `json:"type"` // INFO
		Text string `json:"text"`
	}
	questionObject struct {
		Type   string   `json:"type"` // Q
		N      int      `json:"n"`
		Rounds int      `json:"rounds"`
		Kind   string   `json:"kind"`
		Prompt string   `json:"prompt"`
		Block  []string `json:"block,omitempty"`
		Left   *float64 `json:"left,omitempty"`
	}
	verdictObject struct {
		Type    string   `json:"type"` // OK, NO, LATE, BAD
		Text    string   `json:"text,omitempty"`
		Answer  string   `json:"answer,omitempty"`
		Also    []string `json:"also,omitempty"`
		Why     string   `json:"why,omitempty"`
		Sources []string `json:"sources,omitempty"`
	}
	flagObject struct {
		Type string `json:"type"` // FLAG
		Flag string `json:"flag"`
	}
	byeObject struct {
		Type     string   `json:"type"` // BYE
		Right    *int     `json:"right,omitempty"`
		Rounds   *int     `json:"rounds,omitempty"`
		Thinking *float64 `json:"thinking,omitempty"`
		Replay   string   `json:"replay,omitempty"`
		Text     string   `json:"text,omitempty"`
	}
)

// object writes v on a line of its own. Only strings and numbers are in it, so it cannot fail.
func (p *player) object(v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // names have & in them, and nobody puts this into a page unescaped
	enc.Encode(v)
	p.out = append(p.out, b.Bytes()...)
}

func (p *player) helloJSON() {
	p.object(helloObject{
		Type: "HELLO", Protocol: Protocol, Session: p.s.ID, Rounds: rounds,
		Seconds: newClock(p.s).total.Seconds(), RoundSeconds: roundTime.Seconds(),
		Kinds: strings.Fields(kindNames()), Languages: geo.Languages(), Sources: versions(nil),
	})
}

func (p *player) questionJSON(q question, n, of int, prompt string, block []string, c *clock) {
	o := questionObject{Type: "Q", N: n, Rounds: of, Kind: q.kind.name, Prompt: prompt, Block: block}
	if c != nil {
		left := c.left.Seconds()
		o.Left = &left
	}
	p.object(o)
}

func (p *player) explainJSON(q question, word string) {
	p.object(verdictObject{Type: word, Answer: q.answer, Also: q.others(), Why: q.why, Sources: versions(q.sources)})
}

func (p *player) byeJSON(res *Result) {
	o := byeObject{Type: "BYE", Text: "see you"}
	if res != nil {
		thinking := res.Thinking.Seconds()
		o = byeObject{Type: "BYE", Right: &res.Right, Rounds: &res.Rounds, Thinking: &thinking, Replay: res.Replay}
	}
	p.object(o)
}

// versions gives the sources of these names with their versions; of all when names is nil.
func versions(names []string) []string {
	var out []string
	for _, s := range geo.Sources() {
		if names == nil {
			out = append(out, s.String())
		}
		for _, n := range names {
			if n == s.Name {
				out = append(out, s.String())
			}
		}
	}
	return out
}

const badJSON = `send one object a line: {"command":"start"} or {"answer":"Paris"}`

// parseJSON reads the player's object.
func parseJSON(line string) input {
	var o struct {
		Command *string `json:"command"`
		Answer  any     `json:"answer"`
	}
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if dec.Decode(&o) != nil || !atEnd(dec) || (o.Command == nil) == (o.Answer == nil) {
		return input{bad: badJSON}
	}
	if loneSurrogate(line) {
		return input{bad: "half a surrogate pair is no character"}
	}
	if o.Command != nil {
		// Only commands: what is none must not become an answer.
		in := input{text: strings.TrimSpace(*o.Command), order: true}
		if word, _ := in.command(); !strings.Contains(" start practice replay menu json lang ascii color hint quit ", " "+word+" ") {
			return input{bad: "unknown command"}
		}
		return in
	}
	text, ok := answerText(o.Answer)
	text = strings.TrimSpace(text)
	switch {
	case !ok:
		return input{bad: "an answer is a text, a number, or a list of these"}
	case strings.ContainsRune(text, 0):
		return input{bad: "the answer has NUL bytes"}
	case strings.ContainsAny(text, "\r\n"):
		return input{bad: "the answer has more than one line"}
	case text == "":
		return input{bad: "the answer is empty"}
	}
	return input{text: text, answer: true}
}

// loneSurrogate says whether a JSON text has an escape for half a character beyond U+FFFF without the other
// half. The decoder makes U+FFFD of it, which a player may as well have written.
func loneSurrogate(line string) bool {
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		if i++; i >= len(line) || line[i] != 'u' {
			continue
		}
		switch r := escaped(line[i+1:]); {
		case !utf16.IsSurrogate(r):
		case strings.HasPrefix(line[i+5:], `\u`) && utf16.DecodeRune(r, escaped(line[i+7:])) != utf8.RuneError:
			i += 6
		default:
			return true
		}
	}
	return false
}

// escaped reads the four digits of an escape.
func escaped(digits string) rune {
	if len(digits) < 4 {
		return -1
	}
	n, err := strconv.ParseUint(digits[:4], 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// plainNumber writes a number without an exponent, which the standard encoders of several languages put into small ones.
func plainNumber(s string) string {
	if !strings.ContainsAny(s, "eE") {
		return s
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s // beyond all answers
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// atEnd says whether nothing but white space follows. (dec.More says so of a stray bracket, too.)
func atEnd(dec *json.Decoder) bool {
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

// answerText writes a JSON answer as a player would type it.
func answerText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return plainNumber(v.String()), true
	case []any:
		var parts []string
		for _, e := range v {
			if _, nested := e.([]any); nested {
				return "", false
			}
			s, ok := answerText(e)
			if !ok {
				return "", false
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, "; "), true
	}
	return "", false
}
