package geography

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

func TestRoundTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, qs := fixed(7)
		p := play(t, c)
		time.Sleep(5*time.Second - time.Millisecond)
		p.SendLine(qs[0].answer)
		if line, _ := p.RecvLine(); line != "OK" {
			t.Fatalf("got %q", line)
		}
		start := time.Now()
		rest, err := p.RecvAll(0)
		if err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("the round lasted %v, %v", time.Since(start), err)
		}
		if w := words(rest); !slices.Equal(w, []string{"Q", "LATE", "BYE"}) || !strings.Contains(rest, "5 seconds are all") ||
			!strings.Contains(rest, "BYE 1/60 right, 9.999 s") {
			t.Errorf("got %s", rest)
		}
	})
}

func TestThinkingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, qs := fixed(8)
		p := play(t, c)
		for _, q := range qs[:12] { // 57.6 s of it
			time.Sleep(4800 * time.Millisecond)
			p.SendLine(q.answer)
			p.RecvUntil("> ")
		}
		start := time.Now()
		rest, err := p.RecvAll(0)
		if err != nil || time.Since(start) != 2400*time.Millisecond {
			t.Errorf("the last round lasted %v, %v", time.Since(start), err)
		}
		if !strings.Contains(rest, "LATE the 60 seconds") || !strings.Contains(rest, "BYE 12/60 right, 60.000 s") {
			t.Errorf("got %s", rest)
		}
	})
}

// TestClockCountsWaitingOnly: the menu costs nothing, answers that are there already cost nothing, and
// a line that does not count does not start the round anew.
func TestClockCountsWaitingOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, qs := fixed(9)
		p := chaltest.Start(t, c, chaltest.WithTube(tube.WithTimeout(time.Hour)))
		time.Sleep(4 * time.Minute)
		p.Send(strings.TrimSuffix(win(qs[:30]), "\n"))
		time.Sleep(2 * time.Second) // the 30th is not complete
		p.SendLine("")
		for range 4 {
			time.Sleep(time.Second)
			p.Send("\x00\n")
		}
		rest, _ := p.RecvAll(0)
		if !strings.Contains(rest, "BYE 30/60 right, 7.000 s") || strings.Count(rest, "BAD") != 4 || !strings.Contains(rest, "LATE") {
			t.Errorf("got %s", rest[max(0, len(rest)-600):])
		}
	})
}

// TestUnreadableInRanked: what cannot be read as an answer is told, with how one looks, and the question is asked again.
func TestUnreadableInRanked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, qs := fixed(12)
		i := slices.IndexFunc(qs, func(q question) bool { return q.reads != nil })
		if i < 0 {
			t.Fatal("no such question")
		}
		p := chaltest.Start(t, c, chaltest.WithTube(tube.WithTimeout(time.Hour)))
		p.Send("start\n")
		for _, q := range qs[:i] {
			p.SendLine(q.answer)
		}
		p.SendLine("about six")
		p.SendLine(qs[i].answer)
		p.SendLine("quit")
		rest, _ := p.RecvAll(0)
		if !strings.Contains(rest, "BAD that cannot be read: "+qs[i].kind.form) || !strings.Contains(rest, fmt.Sprintf("BYE %d/60 right", i+1)) {
			t.Errorf("got %s", rest[max(0, len(rest)-900):])
		}
	})
}

// TestNotReadingCosts: a player who makes the server write, and does not read, holds the server up; the clock goes on.
func TestNotReadingCosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, qs := fixed(11)
		p := play(t, c)
		p.Within(time.Second).Send(strings.Repeat("hint\n", 3000)) // answers to all of that do not fit the connection
		time.Sleep(30 * time.Second)
		p.Within(0).SendLine(qs[0].answer)
		rest, _ := p.RecvAll(0)
		if !strings.Contains(rest, "BYE 0/60 right, 5.000 s") || !strings.Contains(rest, "LATE") {
			t.Errorf("got %s", rest[max(0, len(rest)-600):])
		}
	})
}
