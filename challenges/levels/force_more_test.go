package levels

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// encodingsUntil plays bytes rightly up to the round that begins with key and returns its question.
func encodingsUntil(c *tube.Tube, key string) string {
	for {
		name, rest, _ := strings.Cut(must(c.RecvLine()), " ")
		if strings.HasPrefix(name, key) {
			return rest
		}
		b, _ := tube.Unhex(rest)
		switch name {
		case "HEX":
			c.SendBytes(b)
		case "RAW":
			b, _ := c.RecvNBytes(rawSize)
			c.SendLine(tube.Hex(b))
		case "BASE64":
			b, _ := tube.Unbase64(rest)
			c.SendLine(strings.ToUpper(tube.Hex(b)) + "\r")
		case "UTF8":
			c.SendLine(fmt.Sprintf("%d %d", len(rest), len([]rune(rest))))
		case "UTF16LE", "UTF16BE":
			for _, text := range wideTexts {
				if utf16Hex(text, name == "UTF16LE") == rest {
					c.SendLine(text)
				}
			}
		}
	}
}

func TestBytesTells(t *testing.T) {
	for name, x := range map[string]struct {
		round, why string
		answer     func(c *tube.Tube, question string) string
	}{
		"digits":        {"HEX", "the digits", func(_ *tube.Tube, q string) string { return q }},
		"as characters": {"HEX", "as if the bytes were characters", func(_ *tube.Tube, q string) string { b, _ := tube.Unhex(q); return fromLatin1(b) }},
		"CRLF":          {"HEX", "made CRLF of", crlf},
		"newline after": {"RAW", "did a newline follow your twelve bytes", func(*tube.Tube, string) string { return "\n" }},
		"raw":           {"RAW", "NUL, FF and 0A", func(*tube.Tube, string) string { return "00\n" }},
		"base64":        {"BASE64", "In hex that is", func(*tube.Tube, string) string { return "00\n" }},
		"characters twice": {"UTF8", "characters, but UTF-8 writes them in", func(_ *tube.Tube, q string) string {
			n := len([]rune(q))
			return fmt.Sprintf("%d %d\n", n, n)
		}},
		"bytes twice":    {"UTF8", "bytes, but they are", func(_ *tube.Tube, q string) string { return fmt.Sprintf("%d %d\n", len(q), len(q)) }},
		"the wrong way":  {"UTF8", "First the bytes", func(_ *tube.Tube, q string) string { return fmt.Sprintf("%d %d\n", len([]rune(q)), len(q)) }},
		"not a number":   {"UTF8", "you sent", func(*tube.Tube, string) string { return "many\n" }},
		"wrong order":    {"UTF16", "in the wrong order", wrongOrder},
		"not UTF-8":      {"LATIN1", "the latin-1 bytes", func(_ *tube.Tube, q string) string { b, _ := tube.Unhex(q); return string(b) + "\n" }},
		"not the latin1": {"LATIN1", "I read UTF-8", func(*tube.Tube, string) string { return "cafe\n" }},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, "bytes", x.why, func(w *world, c *tube.Tube) { c.Send(x.answer(c, encodingsUntil(c, x.round))) })
		})
	}
}

// crlf answers HEX as a program does that makes CRLF of LF.
func crlf(_ *tube.Tube, q string) string {
	b, _ := hex.DecodeString(q)
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

// wrongOrder decodes UTF-16 in the byte order that it does not have.
func wrongOrder(_ *tube.Tube, q string) string {
	for _, text := range wideTexts {
		for _, swap := range []bool{false, true} {
			if utf16Hex(text, swap) == q {
				return swappedUTF16(text) + "\n"
			}
		}
	}
	return ""
}

func TestBytesHaveWhatTextStumblesOver(t *testing.T) {
	for range 1000 {
		b := string(rawBytes(newRand()))
		for _, c := range []string{"\x00", "\xff", "\n", "\x80"} {
			if !strings.Contains(b, c) {
				t.Fatalf("%q has no %q", b, c)
			}
		}
	}
}

// join enters a room and returns its name.
func join(w *world, c *tube.Tube, room string) string {
	c.SendLine(room)
	return wantLine(w, c, "ROOM")
}

func TestCrowd(t *testing.T) {
	inBubble(t, levelNamed(t, "crowd"), func(w *world) {
		var all [crowdSize]*tube.Tube
		for i := range all {
			all[i] = w.from(fmt.Sprintf("203.0.113.%d", i+1))
			defer all[i].Close()
		}
		room := join(w, all[0], "new")
		for _, c := range all[1:4] {
			join(w, c, room)
		}
		// One leaves: four more are not enough then.
		leaver := w.from("203.0.113.77")
		leaver.Close()
		all[3].Close()
		synctest.Wait()
		all[3] = w.from("203.0.113.4")
		join(w, all[3], strings.ToUpper(room))
		synctest.Wait()
		if got := all[0].Drain(); got != "" {
			t.Fatalf("with four in the room: %q", got)
		}
		join(w, all[4], room)
		words := make([]string, crowdSize)
		for _, c := range all {
			n, word, _ := strings.Cut(wantLine(w, c, "SHARE"), " ")
			i, _ := strconv.Atoi(n)
			words[i-1] = word
		}
		sixth := w.from("203.0.113.6")
		defer sixth.Close()
		sixth.SendLine(room)
		wantNo(w, sixth, "There is no room")
		all[4].SendLine(strings.Join(words[:4], " "))
		wantNo(w, all[4], "all five")
		all[2].SendLine(strings.Join(words, " "))
		wantLine(w, all[2], "FLAG")
	})
}

func TestCrowdTells(t *testing.T) {
	tell(t, "crowd", "There is no room", func(w *world, c *tube.Tube) { c.SendLine("kelumo17") })
	tell(t, "crowd", "only 1 of 5", func(w *world, c *tube.Tube) { c.SendLine("new") })
	tell(t, "crowd", "I take for leaving", func(w *world, c *tube.Tube) {
		c.SendLine("new")
		c.CloseWrite()
	})
	// One after the other is not five at once.
	tell(t, "crowd", "only 1 of 5", func(w *world, c *tube.Tube) {
		room := join(w, c, "new")
		for range crowdSize - 1 {
			other := w.from("203.0.113.9")
			join(w, other, room)
			other.Close()
			synctest.Wait()
		}
	})
}

// TestRoomsExhausted: a source has its limit, all together have one, and rooms come back.
func TestRoomsExhausted(t *testing.T) {
	l := levelNamed(t, "crowd")
	inBubble(t, l, func(w *world) {
		hold := func(i int) *tube.Tube {
			c := w.from(fmt.Sprintf("198.51.%d.7", i/crowdPerSource))
			c.SendLine("new")
			return c
		}
		for i := range crowdRooms {
			c := hold(i)
			defer c.Close()
			wantLine(w, c, "ROOM")
		}
		greedy := w.from("198.51.0.7")
		defer greedy.Close()
		greedy.SendLine("new")
		wantNo(w, greedy, "one is enough")
		late := w.from("203.0.113.9")
		defer late.Close()
		late.SendLine("new")
		wantNo(w, late, "rooms are taken")
		time.Sleep(crowdTime)
		again := w.from("203.0.113.9")
		defer again.Close()
		join(w, again, "new")
	})
}

func TestClockTells(t *testing.T) {
	start := func(c *tube.Tube) { c.SendLine("start") }
	tell(t, "clock", "waited for each answer", func(w *world, c *tube.Tube) {
		start(c)
		view := c.Within(20 * time.Second)
		for i := 1; i <= clockQuestions; i++ {
			c.Send(fmt.Sprintf("get %d\n", i))
			for end := time.Now().Add(clockDelay + 200*time.Millisecond); ; {
				line, err := view.Within(time.Until(end)).RecvLine()
				if word, ok := strings.CutPrefix(line, "PING "); ok {
					c.SendLine("pong " + word)
				}
				if err != nil || strings.HasPrefix(line, "VALUE") {
					break
				}
				if strings.HasPrefix(line, "NO ") {
					c.Unrecv(line + "\n")
					return
				}
			}
		}
	})
	tell(t, "clock", "got lost", func(w *world, c *tube.Tube) { // without a limit of its own
		start(c)
		for i := 1; i <= clockQuestions; i++ {
			c.Send(fmt.Sprintf("get %d\n", i))
		}
		for {
			line := must(c.RecvLine())
			if word, ok := strings.CutPrefix(line, "PING "); ok {
				c.SendLine("pong " + word)
			}
			if strings.HasPrefix(line, "NO ") {
				c.Unrecv(line + "\n")
				return
			}
		}
	})
	tell(t, "clock", "you look dead", func(w *world, c *tube.Tube) { start(c) })
	tell(t, "clock", "The sum of the 20 numbers is", func(w *world, c *tube.Tube) { c.Send("start\nsum 1\n") })
	tell(t, "clock", "I know get 1 to get 20", func(w *world, c *tube.Tube) { c.Send("start\nget 21\n") })
	tell(t, "clock", "I know get, pong and sum", func(w *world, c *tube.Tube) { c.Send("start\nPOST / HTTP/1.1\n\n") })
	tell(t, "clock", "the last PING was", func(w *world, c *tube.Tube) { c.Send("start\npong kelumo\n") })
	tell(t, "clock", "starts the clock", func(w *world, c *tube.Tube) { c.SendLine("get 1") })
	tell(t, "clock", "You asked 101 times", func(w *world, c *tube.Tube) {
		c.Send("start\n" + strings.Repeat("get 1\n", clockGets+1))
	})
}

// TestClockDropsNothing: what came in one segment with the line before is heard, also while an answer
// is under way and half a line has come.
func TestClockDropsNothing(t *testing.T) {
	inBubble(t, levelNamed(t, "clock"), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		all := "start\n"
		for i := 1; i <= clockQuestions; i++ {
			all += fmt.Sprintf("get %d\n", i)
		}
		c.Send(all + "ge")
		got := map[string]bool{}
		for range clockQuestions - 1 {
			for {
				key, rest, _ := strings.Cut(must(c.RecvLine()), " ")
				if key == "PING" {
					c.Send("t 1\npong " + rest + "\nge") // the rest of one line, and the beginning of the next
					continue
				}
				n, _, _ := strings.Cut(rest, " ")
				if key == "VALUE" {
					got[n] = true
					break
				}
			}
		}
		if len(got) != clockQuestions-1 {
			t.Errorf("%d answers to %d questions, one of which is lost", len(got), clockQuestions)
		}
	})
}

func TestTLSTells(t *testing.T) {
	// password returns the letters of the doors that believe says.
	password := func(c *tube.Tube, believe func(d door) bool) string {
		c.SendLine("")
		run := must(await(c, "RUN"))
		s := ""
		for _, d := range doorsOf(derive(testKey, "tls"), run) {
			if believe(d) {
				s += string(d.letter)
			}
		}
		return s
	}
	tell(t, "tls", "not the one of the pin", func(w *world, c *tube.Tube) {
		c.SendLine(password(c, func(d door) bool { return d.whole }))
	})
	tell(t, "tls", "no close_notify came", func(w *world, c *tube.Tube) {
		c.SendLine(password(c, func(d door) bool { return d.real }))
	})
	tell(t, "tls", "is not the password of run", func(w *world, c *tube.Tube) {
		c.SendLine(password(c, func(d door) bool { return true }))
	})
}
