package servercheck

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
)

// TestHostile: no server makes the checker wait or hold without end, whatever
// it is asked to be.
func TestHostile(t *testing.T) {
	flood := func(b []byte) func(h *host) {
		return func(h *host) {
			h.each(true, func(c *memnet.Conn) {
				defer c.Close()
				for {
					if _, err := c.Write(b); err != nil {
						return
					}
				}
			})
		}
	}
	servers := map[string]func(h *host){
		"floods":            flood(bytes.Repeat([]byte("x"), 4096)),
		"floods with lines": flood(bytes.Repeat([]byte("name?\n* here:\n* a joined\n"), 100)),
		"floods with zeros": flood(make([]byte, 4096)),
		"never accepts":     func(h *host) { <-h.done },
		"accepts and closes": func(h *host) {
			h.each(true, func(c *memnet.Conn) { c.Close() })
		},
		"accepts and resets": func(h *host) {
			h.each(true, func(c *memnet.Conn) { c.SetLinger(0); c.Close() })
		},
		"never reads, never answers": func(h *host) {
			h.each(true, func(c *memnet.Conn) { <-h.done })
		},
		"reads, never answers": func(h *host) {
			h.each(true, func(c *memnet.Conn) { io.Copy(io.Discard, c); <-h.done })
		},
		"a byte a minute": func(h *host) {
			h.each(true, func(c *memnet.Conn) {
				for {
					select {
					case <-h.done:
						return
					case <-time.After(time.Minute):
						if _, err := c.Write([]byte("x")); err != nil {
							return
						}
					}
				}
			})
		},
		"a byte a second": func(h *host) {
			h.each(true, func(c *memnet.Conn) {
				for i := 0; ; i++ {
					select {
					case <-h.done:
						return
					case <-time.After(time.Second):
						if _, err := c.Write([]byte(fmt.Sprint(i % 10))); err != nil {
							return
						}
					}
				}
			})
		},
	}
	for name, serve := range servers {
		for _, kind := range []string{"echo", "prime", "prices", "chat"} {
			t.Run(kind+" "+name, func(t *testing.T) {
				against(t, serve, func(t *testing.T, o Options) {
					o.All = true
					start := time.Now()
					passed, checks, _ := records(t, kind, o)
					if passed {
						t.Error("passed")
					}
					// Half a second of a check is for hanging up and stragglers.
					most := time.Duration(len(checks)) * (5*time.Second + 500*time.Millisecond)
					if took := time.Since(start); took > most {
						t.Errorf("took %v of the server's time, at most %v is right", took, most)
					}
				})
			})
		}
	}
}

// TestTail holds the memory of a recorder to its bound.
func TestTail(t *testing.T) {
	var r tail
	for i := range 1000 {
		r.add(bytes.Repeat([]byte{byte(i)}, i))
	}
	e := r.excerpt()
	if len(e.b) != keep || cap(r.b) > 4*keep || e.total != 999*1000/2 || e.off != e.total-keep {
		t.Errorf("held %d (cap %d) bytes of %d from %d", len(e.b), cap(r.b), e.total, e.off)
	}
}

// FuzzServer plays servers that say anything at all: the checker must come to
// its end, in words, and never pass what does not listen.
func FuzzServer(f *testing.F) {
	f.Add(uint8(0), true, []byte("echo"))
	f.Add(uint8(1), false, []byte(`{"id":1,"prime":true}`+"\n{}\nnull\n[]\n\"\xff\"\n"))
	f.Add(uint8(2), false, make([]byte, 40))
	f.Add(uint8(3), false, []byte("name?\n* here: a b\n* a joined\n* left\n<> \n!\n! no\n* here:\n"))
	f.Add(uint8(3), true, []byte("name?\r\n* here:  \n"))
	f.Fuzz(func(t *testing.T, kind uint8, stays bool, said []byte) {
		against(t, func(h *host) {
			h.each(true, func(c *memnet.Conn) {
				defer c.Close()
				c.Write(said)
				if stays {
					io.Copy(io.Discard, c)
				}
			})
		}, func(t *testing.T, o Options) {
			o.All = true
			passed, checks, _ := records(t, Kinds()[kind%4], o)
			if passed {
				t.Errorf("passed, with %q", said)
			}
			for _, c := range checks {
				if c.Status == "failed" && c.Cause == "" {
					t.Errorf("%s failed without a cause", c.Check)
				}
			}
		})
	})
}
