package levels

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	someone = netip.MustParseAddr("203.0.113.9")
	other   = netip.MustParseAddr("203.0.113.10")
	noon    = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
)

func datagramTest(t testing.TB) *datagramServer {
	l := levelNamed(t, "datagram")
	return &datagramServer{key: derive(testKey, "datagram"), flag: testFlag(l), level: &l}
}

// request asks until the request is not lost.
func (d *datagramServer) request(from netip.Addr, now time.Time, text string) string {
	for {
		if reply := d.reply(from, now, []byte(padded(text))); len(reply) > 0 {
			return string(reply)
		}
	}
}

func TestDatagramTells(t *testing.T) {
	d := datagramTest(t)
	cookie := d.cookie(someone, noon, 0)
	words := ""
	for i := 1; i <= datagramPieces; i++ {
		piece := d.request(someone, noon, fmt.Sprintf("get %s %d", cookie, i))
		if len(piece) != datagramSize {
			t.Errorf("piece %d has %d bytes, want %d: so a short buffer loses its end", i, len(piece), datagramSize)
		}
		f := strings.Fields(piece)
		words += " " + f[len(f)-1]
	}
	for _, x := range []struct {
		request string
		from    netip.Addr
		after   time.Duration
		want    string
	}{
		{"answer " + cookie + words, someone, 0, "FLAG " + d.flag},
		{"answer " + cookie + words, someone, datagramEpoch, "FLAG " + d.flag},
		{"answer " + cookie + words, someone, 2 * datagramEpoch, "NO Your cookie is not good"},
		{"answer " + cookie + words, other, 0, "NO Your cookie is not good"},
		{"answer " + cookie + words + " more", someone, 0, "NO Your answer has 5 words of 4"},
		{"answer " + cookie + " a b c d", someone, 0, "NO These are not the 4 words"},
		{"answer", someone, 0, "NO Your cookie"},
		{"get " + cookie + " 5", someone, 0, "NO You asked for piece"},
		{"get " + cookie, someone, 0, "NO Write: get"},
		{"get 0123456789abcdef 1", someone, 0, "NO Your cookie"},
		{"answer " + cookie + " a\nanswer " + cookie + " b", someone, 0, "NO A datagram is one message, and yours has 2 lines"},
		{"dance", someone, 0, "NO You sent"},
		{"hint", someone, 0, "HINT "},
		{"lesson", someone, 0, "| datagram: UDP"},
		{"", someone, 0, "| datagram: UDP"},
		{"cookie\n", someone, 0, "COOKIE " + cookie},
	} {
		if got := d.request(x.from, noon.Add(x.after), x.request); !strings.HasPrefix(got, x.want) {
			t.Errorf("%q after %v from %v: %.100q, want %q", x.request, x.after, x.from, got, x.want)
		} else if strings.HasPrefix(got, "NO ") && !strings.Contains(got, "\nHINT ") {
			t.Errorf("%q: no hint in %q", x.request, got)
		}
	}
	if got := string(d.reply(someone, noon, []byte("cookie"))); got != "PAD yo" {
		t.Errorf("unpadded: %q, want the beginning of PAD", got)
	}
}

func TestDatagramLoses(t *testing.T) {
	d := datagramTest(t)
	lost := 0
	request := []byte(padded("get " + d.cookie(someone, noon, 0) + " 1"))
	for range 1000 {
		if len(d.reply(someone, noon, request)) == 0 {
			lost++
		}
	}
	if lost < 400 || lost > 600 { // six standard deviations
		t.Errorf("%d of 1000 lost, want about half", lost)
	}
}

// FuzzDatagram: no reply is longer than its request, so nobody is flooded through this server, and the
// flag goes only to who has proved an address.
func FuzzDatagram(f *testing.F) {
	d := datagramTest(f)
	for _, s := range []string{"", "x", "cookie", "lesson", "hint", "get", "get x 1", "answer x", "a\nb"} {
		f.Add([]byte(s))
		f.Add([]byte(padded(s)))
		f.Add([]byte(strings.Repeat(s+" ", 2000/(len(s)+1))))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		reply := d.reply(someone, noon, request)
		if len(reply) > len(request) {
			t.Errorf("%d bytes in reply to %d", len(reply), len(request))
		}
		if bytes.Contains(reply, []byte(d.flag)) {
			t.Errorf("the flag for %q", request)
		}
	})
}

// TestDatagramFlood: others play on while somebody sends junk, large, small and empty.
func TestDatagramFlood(t *testing.T) {
	t.Parallel()
	l := levelNamed(t, "datagram")
	addr := serve(t, l)
	flood, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		junk := [][]byte{nil, []byte("x"), make([]byte, 1400), []byte(padded("get 0123456789abcdef 1")), make([]byte, 60_000)}
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				flood.Write(junk[i%len(junk)])
			}
		}
	}()
	got, err := l.Play(t.Context(), addr)
	close(stop)
	<-done
	flood.Close()
	if err != nil || got != testFlag(l) {
		t.Errorf("Play = %q, %v", got, err)
	}
}

func TestServePacketOfTCP(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := levelNamed(t, "hello").ServePacket(t.Context(), pc, PacketConfig{}); err == nil {
		t.Error("a level on TCP serves packets")
	}
	if _, err := pc.WriteTo(nil, pc.LocalAddr()); err == nil {
		t.Error("the connection is open still")
	}
}
