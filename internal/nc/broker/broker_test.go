package broker

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
)

// join takes a connection into b and returns its far end.
func join(t *testing.T, b *Broker) net.Conn {
	t.Helper()
	far, near := memnet.Pipe(1 << 10)
	go b.Serve(t.Context(), near, "here", nil)
	synctest.Wait()
	t.Cleanup(func() { far.Close() })
	return far
}

func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", s, err)
	}
	return s
}

func TestChatPassesWholeLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Broker{Chat: true}
		one, two := join(t, b), join(t, b)
		r1, r2 := bufio.NewReader(one), bufio.NewReader(two)
		if got := line(t, r1); got != "<announce> user2 has come from here\n" {
			t.Errorf("got %q", got)
		}
		io.WriteString(one, "half ")
		time.Sleep(time.Hour)
		io.WriteString(one, "a line\nand the rest")
		one.(*memnet.Conn).CloseWrite()
		for _, want := range []string{"<user1> half a line\n", "<user1> and the rest\n", "<announce> user1 has left\n"} {
			if got := line(t, r2); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

// TestChatIsHarmless: nobody writes to the others' terminals anything but text.
func TestChatIsHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Broker{Chat: true}
		one, two := join(t, b), join(t, b)
		go io.Copy(io.Discard, one)
		r := bufio.NewReader(two)
		for said, want := range map[string]string{
			"\x1b]0;owned\a\n":             "<user1> ^[]0;owned^G\n",
			"x\r<announce> you are next\n": "<user1> x^M<announce> you are next\n",
			"a\tb, Zoë\r\n":                "<user1> a\tb, Zoë\r\n",
			"\r\n":                         "<user1> \r\n",
			"\n":                           "<user1> \n",
		} {
			io.WriteString(one, said)
			if got := line(t, r); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func TestAnEndlessLineIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Broker{Chat: true}
		one, two := join(t, b), join(t, b)
		go io.Copy(io.Discard, one)
		go io.WriteString(one, strings.Repeat("x", 2*maxLine))
		if got := line(t, bufio.NewReaderSize(two, 1<<20)); len(got) < maxLine || len(got) > maxLine+64<<10 {
			t.Errorf("a line of %d bytes", len(got))
		}
	})
}

// TestIdle ends the connection that neither speaks nor hears, not the one that only listens.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Broker{Idle: time.Minute}
		listens, speaks := join(t, b), join(t, b)
		begin := time.Now()
		go func() {
			for range 10 {
				time.Sleep(50 * time.Second)
				io.WriteString(speaks, "x")
			}
		}()
		p, err := io.ReadAll(listens)
		if took := time.Since(begin); string(p) != "xxxxxxxxxx" || err != nil || took != 560*time.Second {
			t.Errorf("got %q, %v after %v", p, err, took)
		}
		if p, err := io.ReadAll(speaks); len(p) > 0 || err != nil || time.Since(begin) != 560*time.Second {
			t.Errorf("the speaker: %q, %v after %v", p, err, time.Since(begin))
		}
	})
}

// TestTheDeafIsCut goes on for the others when one takes nothing.
func TestTheDeafIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cut []int
		b := &Broker{Cut: func(id int) { cut = append(cut, id) }}
		deaf, speaks, hears := join(t, b), join(t, b), join(t, b)
		const chunks = Backlog + 10
		done := make(chan int64)
		go func() { n, _ := io.CopyN(io.Discard, hears, chunks<<10); done <- n }()
		for range chunks {
			if _, err := speaks.Write(make([]byte, 1<<10)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if n := <-done; n != chunks<<10 || len(cut) != 1 || cut[0] != 1 {
			t.Errorf("%d bytes heard, cut: %v", n, cut)
		}
		io.ReadAll(deaf) // ends
	})
}

// farewell is a connection with TLS: Close says good-bye to a peer that reads nothing, for five seconds.
type farewell struct{ *memnet.Conn }

func (c farewell) Close() error {
	time.Sleep(5 * time.Second)
	return c.Conn.Close()
}

func (c farewell) NetConn() net.Conn { return c.Conn }

// TestCutIsQuick: nobody waits until one who takes nothing has been told good-bye.
// TestTellWaits: the input of one is told to all, at the pace of the slowest; but one who takes nothing is cut off where others wait.
func TestTellWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cut []int
		b := &Broker{Heard: func([]byte) error { return nil }, Cut: func(id int) { cut = append(cut, id) }}
		tell := func(chunks int) time.Duration {
			start := time.Now()
			for range chunks {
				b.Tell(make([]byte, 1<<10))
			}
			return time.Since(start)
		}
		deaf := join(t, b)
		told := make(chan time.Duration, 1)
		go func() { told <- tell(2 * Backlog) }()
		time.Sleep(time.Hour)
		if len(cut) > 0 {
			t.Fatal("who is alone was cut off")
		}
		got := make(chan int64, 1)
		go func() {
			n, _ := io.CopyN(io.Discard, deaf, 2*Backlog<<10)
			got <- n
		}()
		if n := <-got; n != 2*Backlog<<10 {
			t.Errorf("who was slow got %d bytes", n)
		}
		<-told
		hearing := join(t, b)
		go func() {
			n, _ := io.CopyN(io.Discard, hearing, 3*Backlog<<10)
			got <- n
		}()
		if took := tell(3 * Backlog); took < Stalled || took > 2*Stalled || len(cut) != 1 {
			t.Errorf("beside one who takes nothing it took %v, and %v were cut off", took, cut)
		}
		if n := <-got; n != 3*Backlog<<10 {
			t.Errorf("the other got %d bytes", n)
		}
	})
}

func TestCutIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cut []int
		b := &Broker{Cut: func(id int) { cut = append(cut, id) }}
		far, near := memnet.Pipe(1 << 10)
		defer far.Close()
		go b.Serve(t.Context(), farewell{near}, "here", nil)
		synctest.Wait()
		speaks, hears := join(t, b), join(t, b)
		go io.Copy(io.Discard, hears)
		begin := time.Now()
		for range Backlog + 10 {
			speaks.Write(make([]byte, 1<<10))
			synctest.Wait()
		}
		if took := time.Since(begin); len(cut) != 1 || took > 0 {
			t.Errorf("cut: %v, after %v", cut, took)
		}
		time.Sleep(time.Minute) // for the good-byes
	})
}

// TestWhoFinishesStillHears gives a client that has finished sending what was said before, then ends it.
func TestWhoFinishesStillHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(Broker)
		one, two := join(t, b), join(t, b)
		text := strings.Repeat("x", 5<<10) // more than the connection holds
		go io.WriteString(two, text)
		synctest.Wait()
		one.(*memnet.Conn).CloseWrite()
		synctest.Wait()
		if p, err := io.ReadAll(one); err != nil || string(p) != text {
			t.Errorf("got %d bytes, %v", len(p), err)
		}
	})
}
