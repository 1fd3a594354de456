//go:build unix

package nc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCrowd: with -k and -m many share the input and output, and each is told the end of the input.
func TestCrowd(t *testing.T) {
	l := talk(t, ncBinary, "-lkvn", "-m", "3", "127.0.0.1", "0")
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	dial := func() net.Conn { return dialTo(t, port) }
	a, b := dial(), dial()
	for _, c := range []net.Conn{a, b} { // each is heard while the other stays, so both are in
		io.WriteString(c, "here\n")
	}
	l.hears(t, "here\nhere\n")
	l.say(t, "to all\n")
	for _, c := range []net.Conn{a, b} {
		if got := readLine(c); got != "to all" {
			t.Errorf("got %q", got)
		}
	}
	l.hangUp()
	late := dial()
	for _, c := range []net.Conn{a, b, late} {
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the input's end: %v, want EOF", err)
		}
	}
	io.WriteString(late, "still heard\n")
	l.hears(t, "here\nhere\nstill heard\n")
}

// TestCrowdOnlyReceives: an empty input is no end, and nobody is told one.
func TestCrowdOnlyReceives(t *testing.T) {
	l := talk(t, ncBinary, "-lkvn", "-m", "3", "127.0.0.1", "0")
	port, err := l.errs.port()
	if err != nil {
		t.Fatal(err)
	}
	l.hangUp()
	c := dialTo(t, port)
	io.WriteString(c, "one\n")
	c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("got %v, want nothing", err)
	}
	io.WriteString(c, "two\n")
	l.hears(t, "one\ntwo\n")
}

// TestCrowdWithoutReader ends when nobody takes the output any more, as the session of one does.
func TestCrowdWithoutReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	errs := newWatch()
	cmd := exec.CommandContext(ctx, ncBinary, "-lkvn", "-m", "3", "127.0.0.1", "0")
	cmd.Stdout, cmd.Stderr = w, errs
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	port, err := errs.port()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	io.WriteString(dialTo(t, port), "x\n")
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, errs)
	}
}

// TestEventsOfMany tells each connection's end in events, and a program's errors.
func TestEventsOfMany(t *testing.T) {
	origin := serve(t, echo)
	for name, tt := range map[string]struct{ args, events []string }{
		"program": {[]string{"-c", "echo wrong >&2; cat"}, []string{"accepted", "program", "stderr wrong", "program-ended", "closed"}},
		"crowd":   {[]string{"-m", "3"}, []string{"accepted", "closed 6 received"}},
		"broker":  {[]string{"--broker"}, []string{"accepted", "closed 6 received"}},
		"proxy":   {[]string{"--proxy-type", "socks5"}, []string{"accepted", "proxied", "closed 6 received"}},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			l := start(t, ncBinary, append([]string{"--json", "-lkn", "127.0.0.1", port}, tt.args...)...)
			l.says(t, `"listening"`)
			client := []string{"127.0.0.1", port}
			if name == "proxy" {
				client = []string{"-x", "127.0.0.1:" + port, "127.0.0.1", origin}
			}
			cmd := exec.Command(ncBinary, append(client, "-q", "0.1")...)
			cmd.Stdin = filled(t, "hello\n")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			l.says(t, `"event":"closed"`)
			var got []string
			for line := range strings.Lines(l.errs.String()) {
				var e struct {
					Event, Text string
					Received    int64
				}
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				switch {
				case e.Event == "listening":
					continue
				case e.Text != "":
					e.Event += " " + e.Text
				case e.Received > 0:
					e.Event += fmt.Sprintf(" %d received", e.Received)
				}
				got = append(got, e.Event)
			}
			if !slices.Equal(got, tt.events) {
				t.Errorf("got %q, want %q", got, tt.events)
			}
		})
	}
}
