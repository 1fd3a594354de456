package servercheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
)

// primeOne serves one client, with a mistake.
func primeOne(h *host, c *memnet.Conn, m string) {
	defer c.Close()
	reply := func(v any) {
		b, _ := json.Marshal(v)
		if m != "no newline" {
			b = append(b, '\n')
		}
		c.Write(b)
	}
	var held []byte
	for buf := make([]byte, 4096); ; {
		n, err := c.Read(buf)
		if err != nil {
			if m == "a reset ends the server" && err != io.EOF {
				h.crash()
			}
			if m == "the end is a newline" && len(held) > 0 {
				reply(primeAnswerOf(h, string(held), m))
			}
			return
		}
		held = append(held, buf[:n]...)
		if m == "a recv is a request" {
			reply(primeAnswerOf(h, string(held), m))
			held = nil
			continue
		}
		if len(held) > 4096 && m != "holds any line" && bytes.IndexByte(held, '\n') < 0 {
			reply(map[string]string{"error": "too long"})
			if m == "a long line goes on" {
				held = nil
				continue
			}
			c.CloseWrite()
			io.Copy(io.Discard, c)
			return
		}
		for i := bytes.IndexByte(held, '\n'); i >= 0; i = bytes.IndexByte(held, '\n') {
			line := string(held[:i])
			held = held[i+1:]
			if m == "drops what is glued" {
				held = nil
			}
			a := primeAnswerOf(h, line, m)
			if a == nil {
				return
			}
			if m == "always the same id" {
				a["id"] = json.Number("1")
			}
			reply(a)
			if _, bad := a["error"]; bad && m == "hangs up on malformed" {
				return
			}
		}
	}
}

func primeAnswerOf(h *host, line, m string) map[string]any {
	var r struct{ ID, N any }
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&r); err != nil || !utf8.ValidString(line) {
		if m == "crashes on malformed" {
			go h.crash()
			return nil
		}
		return map[string]any{"error": "malformed"}
	}
	if r.N == true && m == "true is 1" {
		r.N = json.Number("1")
	}
	id, ok1 := r.ID.(json.Number)
	num, ok2 := r.N.(json.Number)
	if s, ok := r.N.(string); ok && m == "a string is a number" {
		num, ok2 = json.Number(s), true
	}
	if m == "no id needed" && !ok1 {
		id, ok1 = "0", true
	}
	n, err := num.Int64()
	if m == "7.5 is 7" && err != nil {
		f, _ := num.Float64()
		n, err = int64(f), nil
	}
	if i, err := id.Int64(); m != "any id" && (err != nil || i < 0 || i > 1<<31-1) {
		ok1 = false
	}
	if m == "no other fields" {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		ok2 = ok2 && dec.Decode(&r) == nil
	}
	if m == "fields in order" {
		ok2 = ok2 && strings.Index(line, "id") < strings.Index(line, `"n"`)
	}
	if !ok1 || !ok2 || err != nil || n < 0 || n > 1_000_000_000_000 {
		return map[string]any{"error": "malformed"}
	}
	prime := big.NewInt(n).ProbablyPrime(0)
	switch {
	case m == "range ends before the root":
		root := new(big.Int).Sqrt(big.NewInt(n)).Int64()
		prime = prime || n > 3 && root*root == n && big.NewInt(root).ProbablyPrime(0)
	case m == "1 is prime":
		prime = prime || n == 1
	case m == "2 is not":
		prime = prime && n != 2
	}
	return map[string]any{"id": id, "prime": prime}
}

func servePrime(h *host, m string) {
	if m == "reads to the end first" {
		h.each(true, func(c *memnet.Conn) {
			b, _ := io.ReadAll(c)
			for line := range strings.Lines(string(b)) {
				json.NewEncoder(c).Encode(primeAnswerOf(h, line, m))
			}
			c.Close()
		})
		return
	}
	h.each(m != "one client at a time", func(c *memnet.Conn) { primeOne(h, c, m) })
}

func TestPrime(t *testing.T) {
	mustTellApart(t, "prime", []mistake{
		{"", "", ""},
		{"no newline", "answer", "no newline at its end"},
		{"reads to the end first", "answer", "still open"},
		{"always the same id", "answer", "id is not the request's"},
		{"no other fields", "answer", "passed over"},
		{"fields in order", "answer", "another order"},
		{"any id", "malformed", "its id is"},
		{"the end is a newline", "half-close", "was no request"},
		{"range ends before the root", "numbers", "must include the square root"},
		{"1 is prime", "numbers", "the first prime is 2"},
		{"2 is not", "numbers", "2 is a prime"},
		{"a recv is a request", "pieces", "what one recv returns is not a line"},
		{"drops what is glued", "glued", "may hold several lines"},
		{"crashes on malformed", "malformed", "ended the whole server"},
		{"hangs up on malformed", "malformed", "should have gone on"},
		{"true is 1", "malformed", "its n is true"},
		{"a string is a number", "malformed", "its n is a string"},
		{"7.5 is 7", "malformed", "its n is no integer"},
		{"no id needed", "malformed", "it has no id"},
		{"holds any line", "long", "can be made to hold any amount"},
		{"a long line goes on", "long", "stays open"},
		{"one client at a time", "crowd", "one client at a time"},
		{"a reset ends the server", "reset", "the server is gone"},
	}, func(t *testing.T, m string, test func(t *testing.T, o Options)) {
		against(t, func(h *host) { servePrime(h, m) }, test)
	})
}

// TestPrimeFlood: an answer without an end costs bounded memory.
func TestPrimeFlood(t *testing.T) {
	against(t, func(h *host) {
		h.each(true, func(c *memnet.Conn) {
			defer c.Close()
			for b := bytes.Repeat([]byte("x"), 4096); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		})
	}, func(t *testing.T, o Options) {
		passed, checks, _ := records(t, "prime", o)
		if passed || !strings.Contains(checks[1].Cause, fmt.Sprintf("longer than %d bytes", maxLine)) {
			t.Errorf("got %v %+v", passed, checks[1])
		}
	})
}
