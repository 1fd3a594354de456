package geography

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
	"github.com/flagstaff-ctf/flagstaff/geo"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// talk sends lines, then closes its side, and returns all the server says.
func talk(t *testing.T, c chal.Challenge, send string) string {
	t.Helper()
	p := chaltest.Start(t, c)
	if err := p.Send(send); err != nil {
		t.Fatal(err)
	}
	p.CloseWrite()
	all, err := p.RecvAll(0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// win is the whole of a won game, as a player sends it.
func win(qs []question) string {
	lines := []string{"start"}
	for _, q := range qs {
		lines = append(lines, q.answer)
	}
	return strings.Join(lines, "\n") + "\n"
}

// lines splits what the server said; "> " stands in front of what came after the wait.
func lines(s string) []string {
	return strings.Split(strings.ReplaceAll(s, "> ", ""), "\n")
}

// words lists the first words of the protocol's lines after the banner.
func words(s string) []string {
	var out []string
	for _, l := range lines(s) {
		if w, _, _ := strings.Cut(l, " "); w != "" && w != "|" {
			out = append(out, w)
		}
	}
	return out
}

func TestBanner(t *testing.T) {
	p := chaltest.Start(t, New(Options{Key: testKey, Replay: newReplay(testKey, strings.Repeat("x", 64), 1)}))
	banner, err := p.RecvUntil("> ")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(banner, "\n"); n > 23 { // and the prompt
		t.Errorf("the banner has %d lines", n)
	}
	for _, l := range strings.Split(banner, "\n") {
		if len(l) > 80 && !strings.Contains(l, "geo1-") {
			t.Errorf("%d columns: %s", len(l), l)
		}
		if l != "" && l[0] != ' ' && l != "> " {
			t.Errorf("a line for people does not start with a space: %q", l)
		}
	}
	want := []string{
		"protocol  1", "session ", "60, always counted", "60 s", "5 s a round",
		"start", "practice", "menu", "json", "lang", "ascii", "color", "hint", "quit",
	}
	for _, s := range geo.Sources() {
		want = append(want, s.Version)
	}
	for _, w := range want {
		if !strings.Contains(banner, w) {
			t.Errorf("the banner lacks %q", w)
		}
	}
	if !isASCII(banner) || strings.Contains(banner, "\x1b") {
		t.Error("the banner is not plain ASCII")
	}
}

func TestGameIsWon(t *testing.T) {
	var results []Result
	_, qs := fixed(1)
	o := Options{
		Key: testKey, Replay: newReplay(testKey, "", 1),
		Partial: func(_ *chal.Session, right int) string { return fmt.Sprintf("flag{part%d}", right) },
		Result:  func(_ context.Context, r Result) { results = append(results, r) },
	}
	got := talk(t, New(o), win(qs))
	want := slices.Concat(
		slices.Repeat([]string{"Q", "OK"}, 20), []string{"FLAG"},
		slices.Repeat([]string{"Q", "OK"}, 20), []string{"FLAG"},
		slices.Repeat([]string{"Q", "OK"}, 20), []string{"FLAG", "BYE"})
	if w := words(got); !slices.Equal(w, want) {
		t.Errorf("got the lines %v", w)
	}
	for _, w := range []string{
		"Q 1/60 ", "Q 60/60 ", "checkpoint: 20 of 60", "checkpoint: 40 of 60", "FLAG flag{part20}\n", "FLAG flag{part40}\n",
		"FLAG " + chaltest.Flag + "\n", "BYE 60/60 right, 0.0", ", replay " + o.Replay.ID() + "\n",
	} {
		if !strings.Contains(got, w) {
			t.Errorf("the game lacks %q", w)
		}
	}
	if len(results) != 1 || results[0].Right != 60 || results[0].Rounds != 60 || results[0].Replay != o.Replay.ID() {
		t.Errorf("results: %+v", results)
	}
	better := results[0]
	better.Thinking -= 1
	if !better.Before(results[0]) || results[0].Before(better) || (Result{Right: 1}).Before(better) {
		t.Error("Before ranks wrongly")
	}
}

// varies is what two sessions of one game differ in.
var varies = regexp.MustCompile(`session +\w+|[\d.]+ s of thinking|[\d.]+ s of thinking time left`)

// TestDelivery: the same lines, cut and ended in any way, are judged the same.
func TestDelivery(t *testing.T) {
	c, qs := fixed(2)
	all := win(qs)
	want := varies.ReplaceAllString(talk(t, c, all), "")
	for name, send := range map[string]string{
		"CRLF":       strings.ReplaceAll(all, "\n", "\r\n"),
		"no newline": strings.TrimSuffix(all, "\n"),
		"spaces":     strings.ReplaceAll(all, "\n", "  \n"),
	} {
		if got := varies.ReplaceAllString(talk(t, c, send), ""); got != want {
			t.Errorf("%s: got another game:\n%s\nwant:\n%s", name, got, want)
		}
	}
	t.Run("one byte at a time", func(t *testing.T) {
		p := chaltest.Start(t, c)
		go func() {
			for _, b := range []byte(all) {
				if p.SendBytes([]byte{b}) != nil {
					return
				}
			}
			p.CloseWrite()
		}()
		got, err := p.RecvAll(0)
		if err != nil || varies.ReplaceAllString(got, "") != want {
			t.Errorf("got another game (%v):\n%s", err, got)
		}
	})
	t.Run("last answer cut off by EOF", func(t *testing.T) {
		got := talk(t, c, "start\n"+qs[0].answer)
		if w := words(got); !slices.Equal(w, []string{"Q", "OK", "Q", "BYE"}) || !strings.Contains(got, "BYE 1/60") {
			t.Errorf("got %v", w)
		}
	})
}

// TestBadLines: what is no line of text is refused with a reason, and does not count.
func TestBadLines(t *testing.T) {
	c, qs := fixed(3)
	for name, x := range map[string]struct{ line, why string }{
		"1 MB":         {strings.Repeat("x", 1<<20), "longer than 1024 bytes"},
		"1025 bytes":   {strings.Repeat("x", 1025), "longer than 1024 bytes"},
		"NUL":          {"Par\x00is", "NUL"},
		"not UTF-8":    {"Par\xffis", "UTF-8"},
		"empty":        {"", "empty"},
		"only CR":      {"\r", "empty"},
		"other game":   {"start", "a game is on"},
		"of one kind":  {"Practice Capital", "a game is on"},
		"a replay":     {"replay geo1-x", "a game is on"},
		"unknown lang": {"lang xx", "lang takes one of"},
	} {
		t.Run(name, func(t *testing.T) {
			got := talk(t, c, "start\n"+x.line+"\n"+qs[0].answer+"\n")
			if w := words(got); !slices.Equal(w, []string{"Q", "BAD", "Q", "OK", "Q", "BYE"}) {
				t.Errorf("got %v", w)
			}
			if !strings.Contains(got, "BAD ") || !strings.Contains(got, x.why) {
				t.Errorf("no reason %q in: %s", x.why, got)
			}
		})
	}
	t.Run("in the menu", func(t *testing.T) {
		got := talk(t, c, "hello\n\x00\n"+strings.Repeat("x", 100_000)+"\nstart capital\nquit\n")
		if w := words(got); !slices.Equal(w, []string{"BAD", "BAD", "BAD", "BAD", "BYE"}) {
			t.Errorf("got %v", w)
		}
	})
	t.Run("too long, and no end", func(t *testing.T) {
		got := talk(t, c, strings.Repeat("x", 100_000))
		if w := words(got); !slices.Equal(w, []string{"BAD", "BYE"}) {
			t.Errorf("got %v", w)
		}
	})
}

// TestWrongAnswer ends the game with the score, and gives nothing away.
func TestWrongAnswer(t *testing.T) {
	c, qs := fixed(4)
	got := talk(t, c, "start\n"+qs[0].answer+"\n"+"Atlantis\n"+qs[2].answer+"\n")
	if w := words(got); !slices.Equal(w, []string{"Q", "OK", "Q", "NO", "BYE"}) {
		t.Errorf("got %v", w)
	}
	_, after, _ := strings.Cut(got, "NO ")
	if strings.Contains(after, qs[1].answer) || !strings.Contains(after, "BYE 1/60 right") {
		t.Errorf("after the wrong answer: %s", after)
	}
	if strings.Contains(got, "FLAG") {
		t.Error("a lost game shows a flag")
	}
}

func TestPractice(t *testing.T) {
	for _, k := range kinds {
		got := talk(t, New(Options{}), "practice "+k.name+"\nAtlantis\nhint\nmenu\nquit\n")
		if w := words(got); !slices.Equal(w, []string{"Q", "NO", "Q", "Q", "BYE"}) || !strings.Contains(got, "Q 1/20 "+k.name+" ") {
			t.Errorf("%s: got %v", k.name, w)
		}
		for _, want := range []string{"source: ", k.form, "back in the menu: 0 of 1"} {
			if !strings.Contains(got, want) {
				t.Errorf("practice %s lacks %q:\n%s", k.name, want, got)
			}
		}
	}
	got := talk(t, New(Options{}), "practice\n"+strings.Repeat("Atlantis\n", 60)+"menu\npractice nothing\n")
	if strings.Count(got, "NO ") != 60 || !strings.Contains(got, "that was practice: 0 of 60") || !strings.Contains(got, "BAD practice takes") {
		t.Errorf("practice of all kinds:\n%s", got)
	}
	if strings.Contains(got, "FLAG") {
		t.Error("practice shows a flag")
	}
}

func TestCommands(t *testing.T) {
	c := New(Options{})
	got := talk(t, c, "menu\nhint\nlang DE\nascii\ncolor\nQUIT\n")
	for _, k := range kinds {
		if !strings.Contains(got, "  "+k.name+" ") || !strings.Contains(got, k.asks) {
			t.Errorf("the menu lacks %s", k.name)
		}
	}
	for _, w := range []string{"ISO code", "named in German", "ascii is on", "color is on", "\x1b[1mBYE\x1b[0m"} {
		if !strings.Contains(got, w) {
			t.Errorf("the answers lack %q:\n%s", w, got)
		}
	}
	for _, l := range strings.Split(got, "\n") {
		if len([]rune(l)) > 80 {
			t.Errorf("%d columns: %s", len([]rune(l)), l)
		}
	}
	if _, after, _ := strings.Cut(talk(t, c, "color\npractice\nx\nmenu\ncolor\npractice\nx\n"), "color is off"); strings.Contains(after, "\x1b") {
		t.Error("ANSI after color was switched off")
	}
}

// TestView: how a game is shown can change in the middle of it, and does not change the game.
func TestView(t *testing.T) {
	c, qs := fixed(5)
	got := talk(t, c, "start\nlang ru\nascii\nhint\nHelp\n"+qs[0].answer+"\nmenu\nquit\n")
	if w := words(got); !slices.Equal(w, []string{"Q", "Q", "Q", "Q", "Q", "OK", "Q", "BAD", "Q", "BYE"}) || !strings.Contains(got, "BYE 1/60") {
		t.Errorf("got %v:\n%s", w, got)
	}
}

func TestJSON(t *testing.T) {
	c, qs := fixed(6)
	p := chaltest.Start(t, c)
	p.SendLineAfter("> ", "json")
	objects := func() map[string]any {
		t.Helper()
		line, err := p.RecvLine()
		if err != nil {
			t.Fatal(err)
		}
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return o
	}
	if o := objects(); o["type"] != "HELLO" || o["protocol"] != 1.0 || o["rounds"] != 60.0 || len(o["kinds"].([]any)) != len(kinds) {
		t.Errorf("got %v", o)
	}
	for _, bad := range []string{
		"start", "{", `{"command":"start"} {}`, `{"comand":"start"}`, `{"command":"dance"}`, `{}`, `[]`, `{"answer":{"a":1}}`,
		`{"answer":[["x"]]}`, `{"answer":" "}`, `{"command":"start","answer":"x"}`, "\xff", `{"command":7}`,
	} {
		p.SendLine(bad)
		if o := objects(); o["type"] != "BAD" || o["text"] == "" {
			t.Errorf("%s: got %v", bad, o)
		}
	}
	p.SendLine(`{"command":"start"}`)
	for i, q := range qs {
		o := objects()
		if o["type"] != "Q" || o["n"] != float64(i+1) || o["rounds"] != 60.0 || o["kind"] != q.kind.name ||
			o["prompt"] != q.prompt.in(view{lang: "en"}) || o["left"].(float64) > 60 {
			t.Fatalf("got %v, want question %d", o, i+1)
		}
		answer, _ := json.Marshal(map[string]any{"answer": q.answer})
		p.SendLine(string(answer))
		if o := objects(); o["type"] != "OK" {
			t.Fatalf("got %v", o)
		}
		if (i+1)%20 == 0 && i+1 < 60 {
			if o := objects(); o["type"] != "INFO" {
				t.Errorf("got %v", o)
			}
		}
	}
	if o := objects(); o["type"] != "FLAG" || o["flag"] != chaltest.Flag {
		t.Errorf("got %v", o)
	}
	if o := objects(); o["type"] != "BYE" || o["right"] != 60.0 || o["replay"] == "" {
		t.Errorf("got %v", o)
	}
	if _, err := p.RecvLine(); err == nil {
		t.Error("something after BYE")
	}
	got := talk(t, c, "json\n{\"command\":\"start\"}\n{\"command\":\"hint me\"}\n{\"command\":\"quit\"}\n")
	if !strings.Contains(got, `"type":"BAD","text":"that command`) || strings.Contains(got, `"type":"NO"`) {
		t.Errorf("a command that is none: %s", got)
	}
	got = talk(t, c, "json\n{\"command\":\"practice name\"}\n{\"answer\":[\"x\",5]}\n{\"command\":\"json\"}\nquit\n")
	if !strings.Contains(got, `"also":[`) || !strings.Contains(got, `"sources":["`) || !strings.Contains(got, "BYE see you") {
		t.Errorf("practice: %s", got)
	}
}

// play starts a ranked game and returns the player's tube at the first "> ".
func play(t *testing.T, c chal.Challenge) *tube.Tube {
	t.Helper()
	p := chaltest.Start(t, c, chaltest.WithTube(tube.WithTimeout(time.Hour)))
	p.RecvUntil("> ")
	p.SendLine("start")
	if _, err := p.RecvUntil("> "); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestShutdownDuringARound: the player is told the truth, not that the answer came late.
func TestShutdownDuringARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv *chal.Server
		c, _ := fixed(10)
		p := chaltest.Start(t, c, chaltest.WithServer(func(s *chal.Server) { srv = s }))
		p.RecvUntil("> ")
		p.SendLine("start")
		p.RecvUntil("> ")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		srv.Shutdown(ctx)
		rest, err := p.RecvAll(0)
		if err != nil || strings.Contains(rest, "LATE") || !strings.Contains(rest, "shutting down") {
			t.Errorf("got %q, %v", rest, err)
		}
	})
}

func TestIdleMenu(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := chaltest.Start(t, New(Options{}), chaltest.WithTube(tube.WithTimeout(time.Hour)))
		start := time.Now()
		rest, err := p.RecvAll(0)
		if err != nil || time.Since(start) < time.Minute || !strings.Contains(rest, "Goodbye") {
			t.Errorf("after %v: %v %s", time.Since(start), err, rest)
		}
	})
}

// TestFailingSolver: the error says what went wrong.
func TestFailingSolver(t *testing.T) {
	wrong := chal.HandlerFunc(func(_ context.Context, s *chal.Session) error {
		s.Ask("> ")
		s.Ask("Q 1/60 capital What is the capital of France?\n> ")
		return s.Say("NO that is wrong")
	})
	_, err := Solve(t.Context(), chaltest.Start(t, wrong))
	if err == nil || !strings.Contains(err.Error(), `1/60 capital What is the capital of France?: answered "Paris": NO that is wrong`) {
		t.Errorf("got %v", err)
	}
	var log strings.Builder
	c, _ := fixed(11)
	flag, err := Solver{Log: &log}.Solve(t.Context(), chaltest.Start(t, c))
	if flag != chaltest.Flag || err != nil || strings.Count(log.String(), "\n") != 61 {
		t.Errorf("got %q, %v, log:\n%s", flag, err, log.String())
	}
}

func FuzzSession(f *testing.F) {
	c, qs := fixed(12)
	f.Add(win(qs))
	f.Add("menu\nhint\npractice\nx\nmenu\nlang de\nascii\ncolor\njson\n{\"command\":\"start\"}\n{\"answer\":7}\n")
	f.Add("start\r\n\x00\r\n\xff\n" + qs[0].answer)
	f.Add("replay geo1-x\npractice code\nquit")
	f.Fuzz(func(t *testing.T, send string) {
		p := chaltest.Start(t, c)
		go func() {
			p.Send(send)
			p.CloseWrite()
		}()
		said, err := p.RecvAll(0)
		if err != nil {
			t.Fatal(err)
		}
		last := strings.TrimRight(said, "\n")
		last = last[strings.LastIndex(last, "\n")+1:]
		if !strings.Contains(last, "BYE") {
			t.Errorf("the last line is %q", last)
		}
		if strings.Contains(said, chaltest.Flag) && !strings.Contains(said, "60/60") && !strings.Contains(said, `"n":60`) {
			t.Error("the flag was given away")
		}
	})
}
