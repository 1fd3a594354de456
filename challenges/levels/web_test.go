package levels

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// respond reads a response with the standard library's own reader.
func respond(t *testing.T, r *bufio.Reader) (status int, body string) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("read response: %v", err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return resp.StatusCode, string(b)
}

func TestWebTells(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, x := range []struct {
		request string
		status  int
		why     string
	}{
		{"GET / HTTP/1.1\nHost: x\n\n", 400, "lines end with CRLF"},
		{"GET / HTTP/1.1\r\n\r\n", 400, "The Host field is missing"},
		{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "The Host field is missing"},
		{"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "two Host fields"},
		{"GET /\r\n\r\n", 400, "is no request line"},
		{"hello\r\n", 400, "is no request line"},
		{"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "is no request line"},
		{"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400, "does not begin with a slash"},
		{"GET / http\r\nHost: x\r\n\r\n", 400, "is no version"},
		{"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505, "You speak HTTP/1.0"},
		{"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, "blank before the colon"},
		{"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400, "begins with a blank"},
		{"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", 400, "is no header field"},
		{"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", webHeader) + "\r\n\r\n", 431, "more than 8192 bytes"},
		{strings.Repeat("x", 100_000), 431, "more than 8192 bytes"},
		{"POST /flag HTTP/1.1\r\nHost: x\r\n\r\nword=kelumo", 411, "The Content-Length field is missing"},
		{"POST /flag HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n", 400, "is no number"},
		{"POST /flag HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nContent-Length: 12\r\n\r\n", 400, "two Content-Length"},
		{"POST /flag HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n", 413, "too long"},
		{"POST /flag HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nword=kelumo", 408, "announces 20 bytes, and only 11 came"},
		{"POST /flag HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501, "Transfer-Encoding"},
		{"POST /flag HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nword=kelumo", 403, "GET / first"},
		{"GET /flag HTTP/1.1\r\nHost: x\r\n\r\n", 405, "POST the word"},
		{"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "GET and POST"},
		{"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n", 404, "There is no"},
		{"GET /hint HTTP/1.1\r\nHost: x\r\n\r\n", 200, "HINT "},
		{"\r\nGET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 200, "WORD "},
		{"", 408, "web: HTTP/1.1 by hand"},
		{"GET / HTTP/1.1\r\nHost: x\r\n", 408, "an empty one, CRLF alone"},
		{"GET / HT", 408, "is no whole line"},
		{get + "POST /flag HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nword=kelumo", 403, "should be"},
		{get + "POST /flag HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nword=kelumo\r\n\r\n", 400, "is its Content-Length too small?"},
	} {
		t.Run(fmt.Sprintf("%.60q", x.request), func(t *testing.T) {
			inBubble(t, levelNamed(t, "web"), func(w *world) {
				c := w.from("203.0.113.9")
				defer c.Close()
				done := make(chan struct{})
				go func() {
					defer close(done)
					c.Send(x.request)
				}()
				defer func() { <-done }()
				r := bufio.NewReader(c)
				var status int
				var body string
				for {
					status, body = respond(t, r)
					if strings.Contains(body, x.why) && status == x.status {
						return
					}
					if status >= 400 && status != 403 {
						break
					}
				}
				t.Errorf("%d %s, want %d with %q", status, body, x.status, x.why)
			})
		})
	}
}

// TestWebKeepsTheConnection plays with pipelined requests, and closes when it was asked to.
func TestWebKeepsTheConnection(t *testing.T) {
	inBubble(t, levelNamed(t, "web"), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		r := bufio.NewReader(c)
		c.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nhost:x\r\n\r\n")
		_, first := respond(t, r)
		_, second := respond(t, r)
		if first != second {
			t.Errorf("one connection has two words: %q, %q", first, second)
		}
		_, word, _ := strings.Cut(first, "WORD ")
		fmt.Fprintf(c, "POST /flag HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 11\r\n\r\nword=%s", strings.TrimSpace(word))
		if status, body := respond(t, r); status != 200 || body != "FLAG "+testFlag(levelNamed(t, "web"))+"\n" {
			t.Errorf("%d %q", status, body)
		}
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("after Connection: close: %q, %v", rest, err)
		}
	})
}

// TestWebNetHTTP: what the level speaks is HTTP, says a real client.
func TestWebNetHTTP(t *testing.T) {
	t.Parallel()
	addr := serve(t, levelNamed(t, "web"))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	do := func(resp *http.Response, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	_, word, _ := strings.Cut(do(client.Get("http://"+addr+"/")), "WORD ")
	got := do(client.Post("http://"+addr+"/flag", "text/plain", strings.NewReader("word="+strings.TrimSpace(word))))
	if !strings.HasPrefix(got, "FLAG ") {
		t.Errorf("got %q", got)
	}
}

// FuzzWeb: whatever comes, the level answers with HTTP or not at all, and ends.
func FuzzWeb(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	f.Add("POST /flag HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcdef")
	f.Add("\r\n\r\n:\r\n")
	f.Fuzz(func(t *testing.T, input string) {
		inBubble(t, levelNamed(t, "web"), func(w *world) {
			c := w.from("203.0.113.9")
			defer c.Close()
			go func() {
				c.Send(input)
				c.CloseWrite()
			}()
			text, err := c.RecvAll(1 << 20)
			if err != nil && text == "" {
				return
			}
			if text != "" && !strings.HasPrefix(text, "HTTP/1.1 ") {
				t.Errorf("answered %q", text)
			}
		})
	})
}
