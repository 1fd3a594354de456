//go:build unix

package nc

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestSilentClients serves who speaks, whoever keeps silent before it in the handshake or the PROXY header.
func TestSilentClients(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		talk func(net.Conn) io.ReadWriter
	}{
		"TLS": {[]string{"--ssl"}, func(c net.Conn) io.ReadWriter { return tls.Client(c, &tls.Config{InsecureSkipVerify: true}) }},
		"PROXY": {[]string{"--proxy-protocol", "v1"}, func(c net.Conn) io.ReadWriter {
			io.WriteString(c, "PROXY TCP4 192.0.2.1 192.0.2.2 3 4\r\n")
			return c
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, more := range [][]string{{"-l"}, {"-lk"}} {
				l := talk(t, ncBinary, append(append(more, c.args...), "-v", "-n", "127.0.0.1", "0")...)
				port, err := l.errs.port()
				if err != nil {
					t.Fatal(err)
				}
				connect := func() net.Conn {
					conn, err := net.Dial("tcp", "127.0.0.1:"+port)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { conn.Close() })
					conn.SetDeadline(time.Now().Add(patience))
					return conn
				}
				var silent []net.Conn
				for range 3 {
					silent = append(silent, connect())
				}
				if err := l.errs.until(func(s string) bool { return strings.Count(s, "Connection received") == 3 }); err != nil {
					t.Fatal(err)
				}
				rw := c.talk(connect())
				fmt.Fprintln(rw, "hello")
				l.hears(t, "hello\n")
				l.say(t, "welcome\n")
				if got := readLine(rw); got != "welcome" {
					t.Errorf("%v: got %q", more, got)
				}
				if more[0] == "-lk" {
					continue
				}
				// The one client has come: the others are sent away.
				for _, s := range silent {
					if n, err := s.Read(make([]byte, 1)); n > 0 || err == nil || strings.Contains(err.Error(), "timeout") {
						t.Errorf("who was silent got %d bytes, %v", n, err)
					}
				}
			}
		})
	}
}

// TestLobbyOrder serves in the order of arrival, past those who have had their time, and makes room.
func TestLobbyOrder(t *testing.T) {
	l := forTest(t, "-lk", "--ssl", "1").newLobby(t.Context(), nil, nil)
	conn, _ := net.Pipe()
	defer conn.Close()
	start := time.Now()
	var away []int
	enter := func(id int, after time.Duration, ready bool) {
		l.guests = append(l.guests, &guest{conn: conn, came: start.Add(after), cancel: func() { away = append(away, id) }, ready: ready, cl: &client{}})
	}
	enter(0, 0, false)
	enter(1, 10*time.Millisecond, true)
	enter(2, 20*time.Millisecond, true)
	first, second := l.guests[1], l.guests[2]
	if g, wait := l.pick(start.Add(30 * time.Millisecond)); g != nil || wait != courtesy-30*time.Millisecond {
		t.Errorf("while the first may still be ready: %v, again after %v", g, wait)
	}
	for _, want := range []*guest{first, second, nil} {
		if g, wait := l.pick(start.Add(courtesy)); g != want || wait != 0 {
			t.Errorf("after its time: %v, again after %v", g, wait)
		}
	}
	for id := 1; id < lobbySize; id++ {
		enter(id, time.Duration(id)*time.Second/100, false)
	}
	if g, wait := l.pick(start.Add(time.Second)); g != nil || wait != crowded-time.Second || away != nil {
		t.Errorf("full: %v, again after %v, %v sent away", g, wait, away)
	}
	for range 2 {
		if g, wait := l.pick(start.Add(crowded)); g != nil || wait != 0 || len(away) != 1 || away[0] != 0 {
			t.Errorf("full for long: %v, again after %v, %v sent away", g, wait, away)
		}
	}
}
