package proxy

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// pipe is a stream whose two directions are given.
type pipe struct {
	io.Reader
	io.Writer
}

// TestHandshakes lets the client and the server of this package talk.
func TestHandshakes(t *testing.T) {
	auth := &Auth{"user", "pass:word"}
	for _, kind := range []Kind{HTTP, SOCKS5} {
		for _, host := range []string{"chal.example.org", "192.0.2.7", "2001:db8::1"} {
			for _, a := range []*Auth{nil, auth} {
				client, server := net.Pipe()
				got := make(chan *Request, 1)
				go func() {
					accept := AcceptHTTP
					if kind == SOCKS5 {
						accept = AcceptSOCKS5
					}
					req, err := accept(server, a)
					if err == nil {
						req.Reply(server, nil)
						io.WriteString(server, "after")
					}
					got <- req
				}()
				if err := Connect(client, kind, host, 1337, a); err != nil {
					t.Fatalf("%s to %s: %v", kind, host, err)
				}
				after := make([]byte, 5)
				io.ReadFull(client, after)
				if req := <-got; req.Host != host || req.Port != 1337 || string(after) != "after" {
					t.Errorf("%s: got %+v, then %q", kind, req, after)
				}
				client.Close()
			}
		}
	}
}

func TestWrongPassword(t *testing.T) {
	for _, kind := range []Kind{HTTP, SOCKS5} {
		client, server := net.Pipe()
		go func() {
			if kind == HTTP {
				AcceptHTTP(server, &Auth{"user", "right"})
			} else {
				AcceptSOCKS5(server, &Auth{"user", "right"})
			}
			server.Close()
		}()
		err := Connect(client, kind, "h", 1, &Auth{"user", "wrong"})
		if e, ok := err.(*Error); !ok || !e.Auth {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

// TestPlainRequest sends on what an origin and the client understand, and nothing with two meanings.
func TestPlainRequest(t *testing.T) {
	const post = "POST http://h:81/p?q HTTP/1.1\r\nHost: other\r\n"
	for _, tt := range []struct{ name, request, head, answer string }{
		{"old client", "GET http://h HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nHost: h\r\nConnection: close\r\n\r\n", ""},
		{"the URL's host", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", "POST /p?q HTTP/1.1\r\nHost: h:81\r\nContent-Length: 3\r\nContent-Length: 3\r\nConnection: close\r\n\r\n", ""},
		{"what is the proxy's", post + "Proxy-Connection: x\r\nproxy-authorization: x\r\nX: y\r\n\r\n", "POST /p?q HTTP/1.1\r\nHost: h:81\r\nX: y\r\nConnection: close\r\n\r\n", ""},
		{"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "", "400"},
		{"length and chunks", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "", "400"},
		{"no header", post + "word\r\n\r\n", "", "400"},
		{"a blank before the colon", post + "Content-Length : 3\r\n\r\n", "", "400"},
		{"no end", post + "X: " + strings.Repeat("x", maxHead) + "\r\n\r\n", "", "431"},
	} {
		var out bytes.Buffer
		req, err := AcceptHTTP(pipe{strings.NewReader(tt.request), &out}, nil)
		if tt.answer != "" {
			if err == nil || !strings.HasPrefix(out.String(), "HTTP/1.1 "+tt.answer+" ") {
				t.Errorf("%s: got %v and answered %q, want %s", tt.name, err, out.String(), tt.answer)
			}
			continue
		}
		if err != nil || string(req.Head) != tt.head || out.Len() > 0 {
			t.Errorf("%s: got %+v, %v, answered %q, want the head %q", tt.name, req, err, out.String(), tt.head)
		}
	}
}

func TestSOCKS4(t *testing.T) {
	var sent bytes.Buffer
	granted := "\x00\x5a\x00\x00\x00\x00\x00\x00"
	if err := Connect(pipe{strings.NewReader(granted), &sent}, SOCKS4a, "host", 80, &Auth{User: "me"}); err != nil {
		t.Fatal(err)
	}
	if want := "\x04\x01\x00\x50\x00\x00\x00\x01me\x00host\x00"; sent.String() != want {
		t.Errorf("sent %q, want %q", sent.String(), want)
	}
	sent.Reset()
	if err := Connect(pipe{strings.NewReader(granted), &sent}, SOCKS4, "192.0.2.7", 80, nil); err != nil || sent.String() != "\x04\x01\x00\x50\xc0\x00\x02\x07\x00" {
		t.Errorf("sent %q, %v", sent.String(), err)
	}
	if err := Connect(pipe{strings.NewReader(granted), io.Discard}, SOCKS4, "name", 80, nil); err == nil {
		t.Error("SOCKS4 took a name")
	}
}

func TestHeaders(t *testing.T) {
	src, dst := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.2:2000")
	if got, want := string(HeaderV1(src, dst)), "PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := string(HeaderV2(src, dst)), "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x03\xe8\x07\xd0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzClient(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\n\r\n")
	f.Add("\x05\x02\x01\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
	f.Add("\x00\x5a\x00\x00\x00\x00\x00\x00")
	f.Fuzz(func(t *testing.T, answer string) {
		for _, kind := range []Kind{HTTP, SOCKS4, SOCKS4a, SOCKS5} {
			Connect(pipe{strings.NewReader(answer), io.Discard}, kind, "192.0.2.7", 80, &Auth{"u", "p"})
		}
	})
}

func FuzzServer(f *testing.F) {
	f.Add("CONNECT h:1 HTTP/1.1\r\n\r\n", true)
	f.Add("GET http://h/ HTTP/1.0\r\nProxy-Authorization: Basic dTpw\r\n\r\n", true)
	f.Add("\x05\x01\x00\x05\x01\x00\x03\x01h\x00\x01", false)
	f.Fuzz(func(t *testing.T, request string, login bool) {
		var auth *Auth
		if login {
			auth = &Auth{"u", "p"}
		}
		for _, accept := range []func(io.ReadWriter, *Auth) (*Request, error){AcceptHTTP, AcceptSOCKS5} {
			req, err := accept(pipe{strings.NewReader(request), io.Discard}, auth)
			if err == nil && (req.Host == "" && req.Kind == HTTP || req.Port < 0 || req.Port > 65535) {
				t.Fatalf("accepted %+v", req)
			}
		}
	})
}
