//go:build unix

package nc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serve accepts connections until the test ends; handle closes none.
func serve(t *testing.T, handle func(c *net.TCPConn)) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(2 * patience))
				handle(c.(*net.TCPConn))
			}()
		}
	}()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

func echo(c *net.TCPConn) { io.Copy(c, c) }

// TestRandomOrder tells the ports of a scan in another order with -r, each once.
func TestRandomOrder(t *testing.T) {
	order := func(args ...string) []string {
		out, _ := exec.Command(ncBinary, append(args, "-zvn", "127.0.0.1", "1-60")...).CombinedOutput()
		var ports []string
		for _, m := range regexp.MustCompile(`port (\d+) \(tcp\)|127.0.0.1 (\d+) port`).FindAllStringSubmatch(string(out), -1) {
			ports = append(ports, m[1]+m[2])
		}
		return ports
	}
	byNumber := func(a, b string) int { return len(a)*1000 - len(b)*1000 + strings.Compare(a, b) }
	plain, random := order(), order("-r")
	if len(plain) != 60 || !slices.IsSortedFunc(plain, byNumber) {
		t.Errorf("without -r: %v", plain)
	}
	if slices.Equal(plain, random) { // one time in 60!
		t.Errorf("with -r: %v", random)
	}
	slices.SortFunc(random, byNumber)
	if !slices.Equal(plain, random) {
		t.Errorf("with -r other ports: %v", random)
	}
}

// TestRecvLimit ends after the third packet, and takes no fourth.
func TestRecvLimit(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	pc.SetDeadline(time.Now().Add(patience))
	_, port, _ := net.SplitHostPort(pc.LocalAddr().String())
	k := talk(t, ncBinary, "-u", "-W", "3", "127.0.0.1", port)
	k.say(t, "hello\n")
	buf := make([]byte, 100)
	n, from, err := pc.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello\n" {
		t.Fatalf("got %q, %v", buf[:n], err)
	}
	for i := range 4 {
		pc.WriteTo(fmt.Appendf(nil, "%d\n", i), from)
	}
	k.wait(t)
	k.hears(t, "0\n1\n2\n")
}

// TestLimitRate takes the time that the rate asks for, both ways.
func TestLimitRate(t *testing.T) {
	port := serve(t, echo)
	for _, way := range []struct {
		name string
		args []string
		text int
		port string
	}{
		{"up", []string{"--limit-rate", "20k"}, 10_000, port},
		{"down", []string{"--limit-rate", "20k", "-d"}, 0, serve(t, func(c *net.TCPConn) { c.Write(make([]byte, 10_000)) })},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(ncBinary, append(way.args, "127.0.0.1", way.port)...)
			cmd.Stdin = strings.NewReader(strings.Repeat("x", way.text))
			begin := time.Now()
			out, err := cmd.Output()
			// Half a second's worth, of which a tenth of a second's goes at once.
			if took := time.Since(begin); err != nil || len(out) != 10_000 || took < 380*time.Millisecond {
				t.Errorf("%d bytes in %v, %v", len(out), took, err)
			}
		})
	}
}

// TestRetry connects to a server that comes late, and tells its attempts.
func TestRetry(t *testing.T) {
	port := freePort(t)
	j := start(t, ncBinary, "-vn", "-d", "--retry", "8", "127.0.0.1", port)
	j.says(t, "trying again in 250ms (1 of 8)")
	ln, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "at last\n")
	c.Close()
	j.wait(t)
	if j.status != nil || j.out.String() != "at last\n" {
		t.Errorf("got %q, %v", j.out.String(), j.status)
	}
	begin := time.Now()
	out, err := exec.Command(ncBinary, "--retry", "1", "127.0.0.1", freePort(t)).CombinedOutput()
	if took := time.Since(begin); err == nil || took < 250*time.Millisecond || !bytes.Contains(out, []byte("connection refused")) {
		t.Errorf("nobody there: %v after %v, %s", err, took, out)
	}
}

// TestEvents wants every line of --json to be an event with a time, in the
// order of what happened, and nothing else on the standard error.
func TestEvents(t *testing.T) {
	type event struct {
		Time           time.Time
		Event          string
		Sent, Received int
		Address        string
		Error, Hint    string
	}
	run := func(t *testing.T, input string, args ...string) (events []event, names string) {
		t.Helper()
		cmd := exec.Command(ncBinary, args...)
		var errs bytes.Buffer
		cmd.Stdin, cmd.Stderr = strings.NewReader(input), &errs
		cmd.Run()
		for l := range strings.Lines(errs.String()) {
			var e event
			if err := json.Unmarshal([]byte(l), &e); err != nil || e.Time.IsZero() || e.Event == "" {
				t.Fatalf("%q is no event: %v", l, err)
			}
			events = append(events, e)
			names += e.Event + " "
		}
		return events, names
	}
	port := serve(t, echo)
	events, names := run(t, "hello\n", "--json", "-vv", "127.0.0.1", port)
	if names != "connected input-ended closed " || events[2].Sent != 6 || events[2].Received != 6 {
		t.Errorf("a session: %+v", events)
	}
	events, names = run(t, "", "--json", "-v", "--retry", "1", "127.0.0.1", "1")
	if names != "connect-failed retry connect-failed error " || !strings.Contains(events[3].Error, "connection refused") || events[3].Hint == "" {
		t.Errorf("a refusal: %+v", events)
	}
	events, names = run(t, "", "--json", "-z", "127.0.0.1", "1", port)
	if names != "port port " {
		t.Errorf("a scan: %+v", events)
	}
	_, names = run(t, "", "--json", "-m", "3", "h", "1")
	if names != "error " {
		t.Errorf("a mistake: %s", names)
	}
	l := start(t, ncBinary, "-l", "--json", "-c", "echo in", "127.0.0.1", "0")
	l.says(t, `"event":"listening"`)
	json.Unmarshal([]byte(l.errs.String()), &events[0])
	exec.Command(ncBinary, "-d", "127.0.0.1", events[0].Address[strings.LastIndex(events[0].Address, ":")+1:]).Run()
	l.wait(t)
	for _, want := range []string{"accepted", "program", "program-ended"} {
		if !strings.Contains(l.errs.String(), `"event":"`+want+`"`) {
			t.Errorf("no event %s: %s", want, l.errs)
		}
	}
}

// TestTimestamps stands in front of each line once, however it arrives, and keeps every byte.
func TestTimestamps(t *testing.T) {
	next := make(chan struct{})
	port := serve(t, func(c *net.TCPConn) {
		for _, s := range []string{"one ", "line\n", "\n", "two\nthree\nend"} {
			io.WriteString(c, s)
			<-next
		}
	})
	k := talk(t, ncBinary, "--timestamps", "127.0.0.1", port)
	for _, soFar := range []string{"T one ", "T one line\n", "T one line\nT \n", "T one line\nT \nT two\nT three\nT end"} {
		if err := k.out.until(func(s string) bool {
			return regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3} `).ReplaceAllString(s, "T ") == soFar
		}); err != nil {
			t.Fatalf("want %q: %v", soFar, err)
		}
		next <- struct{}{}
	}
}

// TestProxyProtocol sends the header first, and takes one from an address that may come in.
func TestProxyProtocol(t *testing.T) {
	got := make(chan []byte, 1)
	port := serve(t, func(c *net.TCPConn) {
		p, _ := io.ReadAll(c)
		got <- fmt.Appendf(p, "127.0.0.1:from:%d", c.RemoteAddr().(*net.TCPAddr).Port)
	})
	for version, want := range map[string]func(from string) string{
		"v1": func(from string) string { return "PROXY TCP4 127.0.0.1 127.0.0.1 " + from + " " + port + "\r\nhello\n" },
		"v2": func(from string) string {
			f, _ := strconv.Atoi(from)
			to, _ := strconv.Atoi(port)
			return "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01" + string([]byte{byte(f >> 8), byte(f), byte(to >> 8), byte(to)}) + "hello\n"
		},
	} {
		cmd := exec.Command(ncBinary, "--proxy-protocol", version, "127.0.0.1", port)
		cmd.Stdin = strings.NewReader("hello\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		p := <-got
		p, from, _ := bytes.Cut(p, []byte("127.0.0.1:from:"))
		if w := want(string(from)); string(p) != w {
			t.Errorf("%s: got %q, want %q", version, p, w)
		}
	}
	l, lport := listener(t, "-lk", "--proxy-protocol", "v2", "--deny", "192.0.2.0/24", "-c", "echo $NCAT_REMOTE_ADDR $NCAT_REMOTE_PORT")
	for header, want := range map[string]string{
		"PROXY TCP4 198.51.100.7 10.0.0.1 4000 80\r\n": "198.51.100.7 4000\n",
		"PROXY TCP6 2001:db8::9 ::1 4001 80\r\n":       "2001:db8::9 4001\n",
		"PROXY TCP4 192.0.2.7 10.0.0.1 4000 80\r\n":    "", // denied, by what the header says
		"PROXY UNKNOWN\r\n":                            "127.0.0.1",
		"GET / HTTP/1.0\r\n\r\n":                       "",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x08\x0a\x00\x00\x01\x0f\xa0\x00\x50": "198.51.100.8 4000\n",
	} {
		c, err := net.Dial("tcp", "127.0.0.1:"+lport)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, header)
		if p, _ := io.ReadAll(c); string(p) != want && !(want == "127.0.0.1" && bytes.HasPrefix(p, []byte(want))) {
			t.Errorf("%q: got %q, want %q; %s", header, p, want, l.errs)
		}
		c.Close()
	}
	l.says(t, "sent no PROXY header")
}

// dialTo connects to a listener of the test's.
func dialTo(t *testing.T, port string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// TestMaxConns turns the third away, and takes it when one of two has gone.
func TestMaxConns(t *testing.T) {
	l, port := listener(t, "-lk", "-m", "2", "-c", "echo in; cat")
	dial := func() net.Conn { return dialTo(t, port) }
	held := []net.Conn{dial(), dial()}
	for _, c := range held {
		if got := readLine(c); got != "in" {
			t.Fatalf("got %q", got)
		}
	}
	if got := readLine(dial()); got != "" {
		t.Errorf("the third got %q beside two others", got)
	}
	l.says(t, "refused a connection from 127.0.0.1:")
	held[0].Close()
	for end := time.Now().Add(patience); readLine(dial()) != "in"; {
		if time.Now().After(end) {
			t.Fatal("the third never came in, though one had gone")
		}
	}
}

// TestDatagramLines sends each line as a datagram with -i and --hex.
func TestDatagramLines(t *testing.T) {
	for _, tt := range []struct {
		args  []string
		input string
		want  []string
	}{
		{[]string{"--hex"}, "41 42\n\\x43d\n", []string{"AB", "Cd\n"}},
		{[]string{"-i", "0.2"}, "a\nb\nc", []string{"a\n", "b\n", "c"}},
	} {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		pc.SetDeadline(time.Now().Add(patience))
		_, port, _ := net.SplitHostPort(pc.LocalAddr().String())
		cmd := exec.Command(ncBinary, append(tt.args, "-u", "-q", "0.1", "127.0.0.1", port)...)
		cmd.Stdin = filled(t, tt.input)
		start := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var got []string
		buf := make([]byte, 100)
		for range tt.want {
			n, _, err := pc.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(buf[:n]))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %q, want %q", tt.args, got, tt.want)
		}
		if took := time.Since(start); tt.args[0] == "-i" && took < 400*time.Millisecond {
			t.Errorf("three lines took %v with -i 0.2", took)
		}
		cmd.Wait()
	}
}

// TestAllow admits by address and by name, and what is refused gets no byte.
func TestAllow(t *testing.T) {
	for args, want := range map[string]string{
		"--allow 127.0.0.0/8":                       "in\n",
		"--allow localhost":                         "in\n",
		"--allow 127.0.0-5.*":                       "in\n",
		"--allow 10.0.0.1":                          "",
		"--deny 127.0.0.1":                          "",
		"--deny 10.0.0.0/8":                         "in\n",
		"--allow 127.0.0.1 --deny 127.0.0.0/8":      "",
		"--allow 10.0.0.1,192.0.2.0/24,127.0.0.1":   "in\n",
		"--allow 127.0.0.1 --deny 10.1.1.1,fd00::1": "in\n",
	} {
		l, port := listener(t, append([]string{"-lk", "-c", "echo in"}, strings.Fields(args)...)...)
		out, _ := exec.Command(ncBinary, "-d", "127.0.0.1", port).Output()
		if string(out) != want {
			t.Errorf("%s: got %q, want %q", args, out, want)
		}
		if want == "" {
			l.says(t, "refused a connection from 127.0.0.1:")
		}
	}
	out, err := exec.Command(ncBinary, "-l", "--allow", "10.0.0.0/99", "127.0.0.1", "0").CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("error: --allow: \"10.0.0.0/99\" is no")) {
		t.Errorf("a bad network: %s", out)
	}
}

// TestOneWay sends only, and receives only.
func TestOneWay(t *testing.T) {
	got := make(chan string, 1)
	port := serve(t, func(c *net.TCPConn) {
		io.WriteString(c, strings.Repeat("y", 100_000))
		p, _ := io.ReadAll(c)
		got <- string(p)
	})
	cmd := exec.Command(ncBinary, "--send-only", "127.0.0.1", port)
	cmd.Stdin = strings.NewReader(strings.Repeat("x", 300_000))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("--send-only wrote %d bytes, %v", len(out), err)
	}
	if s := <-got; len(s) != 300_000 {
		t.Errorf("--send-only sent %d bytes", len(s))
	}
	k := talk(t, ncBinary, "--recv-only", "127.0.0.1", serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "bye\n")
		c.CloseWrite()
		p, _ := io.ReadAll(c)
		got <- string(p)
	}))
	k.in.WriteString("never sent\n") // it may be gone already
	k.wait(t)
	k.hears(t, "bye\n")
	if s := <-got; s != "" {
		t.Errorf("--recv-only sent %q", s)
	}
}

// TestProgress tells bytes and rate at the end, in a log as whole lines.
func TestProgress(t *testing.T) {
	cmd := exec.Command(ncBinary, "--progress", "127.0.0.1", serve(t, echo))
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Repeat("x", 200_000)), &errs
	out, err := cmd.Output()
	if err != nil || len(out) != 200_000 || !regexp.MustCompile(`^sent 200 kB \(.*/s\), received 200 kB \(.*/s\) in \d+\.\d s\n$`).MatchString(errs.String()) {
		t.Errorf("%d bytes, %v, %q", len(out), err, &errs)
	}
}

// TestClosedDescriptors starts nc without an input, without an output: no
// other descriptor takes their place.
func TestClosedDescriptors(t *testing.T) {
	port := serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "hello\n")
		io.Copy(io.Discard, c)
	})
	for line, want := range map[string]string{
		"%s 127.0.0.1 %s <&-":         "hello\n",
		"%s -q 1 127.0.0.1 %s >&-":    "",
		"%s -v 127.0.0.1 %s <&- 2>&-": "hello\n",
	} {
		cmd := exec.Command("sh", "-c", fmt.Sprintf("timeout 5 "+line, ncBinary, port))
		cmd.Stdin = strings.NewReader("")
		out, err := cmd.Output()
		if string(out) != want {
			t.Errorf("%s: got %q, %v", line, out, err)
		}
	}
}

// TestInterrupt ends nc by the signal, with what had arrived written.
func TestInterrupt(t *testing.T) {
	port := serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "hello\n")
		io.Copy(io.Discard, c)
	})
	for sig, want := range map[os.Signal]string{os.Interrupt: "signal: interrupt", syscall.SIGTERM: "signal: terminated", syscall.SIGHUP: "signal: hangup"} {
		k := talk(t, ncBinary, "127.0.0.1", port)
		k.hears(t, "hello\n")
		k.cmd.Process.Signal(sig)
		k.wait(t)
		if got := k.cmd.ProcessState.String(); got != want {
			t.Errorf("ended with %s, want %s", got, want)
		}
	}
}

// TestDatagramAnswer says that a UDP port is there when it has answered, not before, and sends it nothing of its own.
func TestDatagramAnswer(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	pc.SetReadDeadline(time.Now().Add(patience))
	_, port, _ := net.SplitHostPort(pc.LocalAddr().String())
	k := talk(t, ncBinary, "-uvn", "127.0.0.1", port)
	k.say(t, "hello\n")
	buf := make([]byte, 100)
	n, from, err := pc.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello\n" {
		t.Fatalf("got %q, %v", buf[:n], err)
	}
	if s := k.errs.String(); s != "" {
		t.Errorf("before an answer it says %q", s)
	}
	pc.WriteTo([]byte("yes\n"), from)
	k.hears(t, "yes\n")
	k.says(t, "Connection to 127.0.0.1 "+port+" port [udp/*] succeeded!\n")
	pc.Close()
	k.say(t, "still there?\n")

	// Nobody has ever been there.
	k = talk(t, ncBinary, "-uvn", "127.0.0.1", port)
	k.say(t, "hello\n")
	k.wait(t)
	if s := k.errs.String(); k.status == nil || !strings.HasPrefix(s, "error: connection refused: ") {
		t.Errorf("a closed port: %v, %q", k.status, s)
	}
}
