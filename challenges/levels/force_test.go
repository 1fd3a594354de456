package levels

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// The tests of this file and the next play every level as somebody who has not yet got its idea, and
// look at what such a player is told.

// tell plays a level once in a bubble and wants to be told why not.
func tell(t *testing.T, name, why string, play func(w *world, c *tube.Tube)) {
	t.Helper()
	inBubble(t, levelNamed(t, name), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		play(w, c)
		wantNo(w, c, why)
	})
}

func TestHint(t *testing.T) {
	for _, l := range All(Options{Key: testKey, Callback: true}) {
		if l.Network != "tcp" || l.Name == "web" {
			continue
		}
		t.Run(l.Name, func(t *testing.T) {
			inBubble(t, l, func(w *world) {
				c := w.from("203.0.113.9")
				defer c.Close()
				start := time.Now()
				c.SendLine("hint")
				line, _, _ := strings.Cut(l.Hint, "\n")
				if got := wantLine(w, c, "HINT"); got != line {
					t.Errorf("HINT %s, want %s", got, line)
				}
				if took := time.Since(start); took > 5*time.Second { // and not because the time is up
					t.Errorf("it came after %v", took)
				}
			})
		})
	}
}

// TestHintBeforeBytes: the hint costs nothing also where bytes are due and no line, and half of it is none.
func TestHintBeforeBytes(t *testing.T) {
	inBubble(t, levelNamed(t, "bytes"), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		hex := wantLine(w, c, "HEX")
		c.Send("Hint\r\nhint\n")
		wantLine(w, c, "HINT")
		want, err := tube.Unhex(hex)
		if err != nil {
			t.Fatal(err)
		}
		c.SendBytes(want)
		wantLine(w, c, "OK")
	})
	inBubble(t, levelNamed(t, "finish"), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		c.Send("hint\n")
		wantLine(w, c, "HINT")
		c.Send("hinterland\nhint\n") // both of them lines that are counted
		c.CloseWrite()
		if got := wantLine(w, c, "GOT"); got != "16 bytes, 2 lines" {
			t.Errorf("GOT %s", got)
		}
		wantLine(w, c, "FLAG")
	})
	tell(t, "bytes", "Only 4 of 12", func(w *world, c *tube.Tube) {
		c.Send("hint")
		c.CloseWrite()
	})
}

// TestEndsEarly half-closes where an answer is due: the player hears that this is why.
func TestEndsEarly(t *testing.T) {
	for _, l := range All(Options{Key: testKey, Callback: true}) {
		if l.Network != "tcp" || l.Name == "web" { // which answers requests, and got none
			continue
		}
		t.Run(l.Name, func(t *testing.T) {
			tell(t, l.Name, "ou ", func(w *world, c *tube.Tube) { c.CloseWrite() })
		})
	}
	tell(t, "hello", "You ended what you send, and I still waited", func(w *world, c *tube.Tube) { c.CloseWrite() })
	tell(t, "callback", "You ended what you send", func(w *world, c *tube.Tube) {
		c.Send("22\n")
		c.CloseWrite()
	})
	tell(t, "bytes", "Only 2 of 12", func(w *world, c *tube.Tube) {
		c.Send("xx")
		c.CloseWrite()
	})
}

// TestLineEnds: LF, CRLF and the end of the stream end a line.
func TestLineEnds(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", ""} {
		inBubble(t, levelNamed(t, "hello"), func(w *world) {
			c := w.from("203.0.113.9")
			defer c.Close()
			c.Send(wantLine(w, c, "WORD") + end)
			c.CloseWrite()
			wantLine(w, c, "FLAG")
		})
	}
}

func TestHelloTells(t *testing.T) {
	tell(t, "hello", `You sent "kelp"; the word was`, func(w *world, c *tube.Tube) { c.SendLine("kelp") })
	tell(t, "hello", "empty line", func(w *world, c *tube.Tube) { c.SendLine("") })
	tell(t, "hello", "blanks", func(w *world, c *tube.Tube) { c.SendLine(" " + wantLine(w, c, "WORD")) })
	tell(t, "hello", `I have "kelp" from you and still wait for the end of the line`, func(w *world, c *tube.Tube) { c.Send("kelp") })
	tell(t, "hello", "nothing came", func(w *world, c *tube.Tube) {})
	tell(t, "bytes", "Only 3 of 12 bytes have come: 78 0d 0a.", func(w *world, c *tube.Tube) { c.Send("x\r\n") })
	tell(t, "hello", "no end of line", func(w *world, c *tube.Tube) { c.Send(strings.Repeat("x", 65<<10)) })
}

// TestDribbleCannotBePassedWithOneRecv reads as a player does who takes what one recv returns for a line.
func TestDribbleCannotBePassedWithOneRecv(t *testing.T) {
	tell(t, "dribble", "what one recv returns is not one line", func(w *world, c *tube.Tube) {
		c.RecvUntil("SUMS 9\n")
		var a, b int
		fmt.Sscanf(must(c.Recv()), "SUM %d + %d", &a, &b)
		c.SendLine(strconv.Itoa(a + b))
	})
	// However long the player waits before it, one recv has no more than the sums of one batch.
	inBubble(t, levelNamed(t, "dribble"), func(w *world) {
		conn, err := w.net.Dial("server:1")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		time.Sleep(time.Minute)
		b := make([]byte, 64<<10)
		n, err := conn.Read(b)
		if got := strings.Count(string(b[:n]), "SUM "); got != dribbleSums || err != nil {
			t.Errorf("one recv has %d sums, %v, want %d", got, err, dribbleSums)
		}
	})
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// skipTo reads up to the end of text, and no further.
func skipTo(t *testing.T, r io.Reader, text string) (read string) {
	t.Helper()
	for b := make([]byte, 1); !strings.HasSuffix(read, text); read += string(b) {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("wait for %q: %v", text, err)
		}
	}
	return read
}

func TestDribbleFragments(t *testing.T) {
	inBubble(t, levelNamed(t, "dribble"), func(w *world) {
		conn, err := w.net.Dial("server:1")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		skipTo(t, conn, "SUMS 9\n")
		b := make([]byte, 64<<10)
		var text string
		inside := false
		for strings.Count(text, "\n") < dribbleSums {
			n, err := conn.Read(b)
			if err != nil || n > dribbleMost {
				t.Fatalf("a fragment of %d bytes, %v, want 1 to %d", n, err, dribbleMost)
			}
			inside = inside || n > 1 && strings.Contains(string(b[:n-1]), "\n")
			text += string(b[:n])
		}
		t.Logf("an end of line inside a fragment: %v", inside)
	})
}

func TestFramesTells(t *testing.T) {
	read := func(c *tube.Tube) (payloads [][]byte) {
		n, _ := strconv.Atoi(must(await(c, "FRAMES")))
		for range n {
			p, err := tube.RecvFrame[uint32](c, binary.BigEndian, frameMost)
			if err != nil {
				panic(err)
			}
			payloads = append(payloads, p)
		}
		return payloads
	}
	send := func(c *tube.Tube, p []byte) { tube.SendFrame[uint32](c, binary.LittleEndian, p) }
	tell(t, "frames", "in the other order", func(w *world, c *tube.Tube) {
		for _, p := range read(c) {
			tube.SendFrame[uint32](c, binary.BigEndian, p)
		}
	})
	tell(t, "frames", "an empty frame is a frame too", func(w *world, c *tube.Tube) {
		for _, p := range read(c) {
			if len(p) > 0 {
				send(c, p)
			}
		}
	})
	tell(t, "frames", "does not count its own", func(w *world, c *tube.Tube) {
		for _, p := range read(c) {
			c.SendBytes(append(binary.LittleEndian.AppendUint32(nil, uint32(len(p)+4)), p...))
		}
	})
	tell(t, "frames", "one recv may return less", func(w *world, c *tube.Tube) {
		read(c)
		c.Send("\xff\xff\xff\x7f")
	})
	tell(t, "frames", "you sent ", func(w *world, c *tube.Tube) {
		for _, p := range read(c) {
			if len(p) > 0 {
				p[len(p)-1] ^= 1
			}
			send(c, p)
		}
	})
	tell(t, "frames", "only 2 more came", func(w *world, c *tube.Tube) {
		read(c)
		c.Send("\x00\x00")
	})
}

// TestFramesAreSplitAndGlued looks at the segments.
func TestFramesAreSplitAndGlued(t *testing.T) {
	inBubble(t, levelNamed(t, "frames"), func(w *world) {
		conn, err := w.net.Dial("server:1")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var all []byte
		var ends []int
		skipTo(t, conn, "FRAMES 12\n")
		b := make([]byte, 64<<10)
		for {
			conn.SetReadDeadline(time.Now().Add(time.Second))
			n, err := conn.Read(b)
			if err != nil {
				break
			}
			all = append(all, b[:n]...)
			ends = append(ends, len(all))
		}
		split, glued, empty := false, false, false
		for at, frames := 0, 0; at < len(all); frames++ {
			size := int(binary.BigEndian.Uint32(all[at:]))
			empty = empty || size == 0
			for _, e := range ends {
				split = split || at < e && e < at+4
			}
			at += 4 + size
		}
		glued = len(ends) < frameCount
		if !split || !glued || !empty {
			t.Errorf("split inside a length %v, glued %v, empty %v; want all", split, glued, empty)
		}
	})
}

func TestFinishTells(t *testing.T) {
	tell(t, "finish", "never closed your sending side", func(w *world, c *tube.Tube) { c.SendLine("a line") })
	tell(t, "finish", "sent nothing", func(w *world, c *tube.Tube) { c.CloseWrite() })
	tell(t, "finish", "more than", func(w *world, c *tube.Tube) { c.Send(strings.Repeat("line\n", finishMost)) })
	// Bytes that dribble in do not make the time longer.
	inBubble(t, levelNamed(t, "finish"), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			for c.Send("x") == nil {
				time.Sleep(time.Second)
			}
		})
		wantNo(w, c, "never closed your sending side")
		if d := time.Since(start); d > finishTime+time.Second {
			t.Errorf("told after %v, want %v", d, finishTime)
		}
		c.Close()
		wg.Wait()
	})
}

func TestFinishAnswersOnlyAfterFIN(t *testing.T) {
	inBubble(t, levelNamed(t, "finish"), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		c.RecvUntil("send\n")
		c.SendLine("a line")
		time.Sleep(finishTime - time.Second)
		if early := c.Drain(); early != "" {
			t.Errorf("before FIN came %q", early)
		}
		c.CloseWrite()
		wantLine(w, c, "FLAG")
	})
}

// TestBothwaysStuck sends everything before it reads, over the real network.
func TestBothwaysStuck(t *testing.T) {
	t.Parallel()
	c := dial(t, "tcp", serve(t, bothwaysWith(300*time.Millisecond).asServed("bothways")))
	if _, err := await(c, "BYTES"); err != nil {
		t.Fatal(err)
	}
	const pieces = 32
	pace := time.NewTicker(100 * time.Millisecond) // all of it takes longer than what is taken for stuck
	defer pace.Stop()
	for range pieces {
		if err := c.SendBytes(make([]byte, bothwaysSize/pieces)); err != nil {
			t.Fatalf("send: %v, want to be freed", err)
		}
		<-pace.C
	}
	rest, err := c.RecvAll(0)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.TrimLeft(rest, "\x00\n")
	if len(rest)-len(got) >= bothwaysSize || !strings.HasPrefix(got, "NO Deadlock") || !strings.Contains(got, "HINT") {
		t.Errorf("%d zeros, then %q", len(rest)-len(got), got)
	}
}

// asServed is for levels that are made with other times than All makes them.
func (l Level) asServed(name string) Level {
	l.Name = name
	return l
}

func TestBothwaysTells(t *testing.T) {
	tell(t, "bothways", "You ended after 3 of", func(w *world, c *tube.Tube) {
		c.Send("abc")
		c.CloseWrite()
	})
	tell(t, "bothways", "you have sent 3 of", func(w *world, c *tube.Tube) { c.Send("abc") })
	tell(t, "bothways", "Deadlock", func(w *world, c *tube.Tube) {
		c.RecvUntil("BYTES")
		// memnet holds 64 KiB each way, so this much is stuck.
		if _, err := c.Write(make([]byte, bothwaysSize)); err != nil {
			t.Error(err)
		}
	})
}

// TestBothwaysEchoes checks that each byte comes back, as it was.
func TestBothwaysEchoes(t *testing.T) {
	inBubble(t, levelNamed(t, "bothways"), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		c.RecvUntil("BYTES " + strconv.Itoa(bothwaysSize) + "\n")
		data := make([]byte, bothwaysSize)
		for i := range data {
			data[i] = byte(i>>8) ^ byte(i)
		}
		go c.SendBytes(data)
		got := make([]byte, bothwaysSize)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != string(data) {
			t.Errorf("what came back differs, %v", err)
		}
		wantLine(w, c, "FLAG")
	})
}

func TestGoodbyeTells(t *testing.T) {
	ticket := func(w *world, c *tube.Tube) string {
		c.SendLine("new")
		return wantLine(w, c, "TICKET")
	}
	for name, x := range map[string]struct {
		why string
		end func(c *tube.Tube)
	}{
		"closed":      {"ended with FIN", func(c *tube.Tube) { c.Recv(); c.Drain(); c.Close() }},
		"half-closed": {"ended with FIN", func(c *tube.Tube) { c.CloseWrite() }},
		"open":        {"still open", func(c *tube.Tube) {}},
		"timed out":   {"did not end", func(c *tube.Tube) { time.Sleep(2 * time.Minute) }},
		"expired":     {"I do not know", func(c *tube.Tube) { c.Close(); time.Sleep(ticketTime + time.Second) }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, levelNamed(t, "goodbye"), func(w *world) {
				c := w.from("203.0.113.9")
				defer c.Close()
				name := ticket(w, c)
				x.end(c)
				synctest.Wait()
				second := w.from("203.0.113.9")
				defer second.Close()
				second.SendLine(name)
				wantNo(w, second, x.why)
			})
		})
	}
	tell(t, "goodbye", "I do not know the ticket", func(w *world, c *tube.Tube) { c.SendLine("kelumokelumo") })
}

// TestGoodbyeUnread closes a real socket with received bytes unread, as bash does.
func TestGoodbyeUnread(t *testing.T) {
	if !unreadResets {
		t.Skip("on this system, closing with unread bytes does not reset")
	}
	t.Parallel()
	addr := serve(t, levelNamed(t, "goodbye"))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "new\n")
	text := skipTo(t, conn, "\nBYE")
	conn.Close()
	_, after, _ := strings.Cut(text, "TICKET ")
	name, _, _ := strings.Cut(after, "\n")
	c := dial(t, "tcp", addr)
	c.SendLine(name)
	wantLine(t, c, "FLAG")
}
