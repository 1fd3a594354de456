package servercheck

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// kvServer is a key-value server with a mistake, and the network before it: a
// datagram is answered while it is being sent.
type kvServer struct {
	m      string
	values map[string]string
	peers  []*kvPeer
	gone   bool
	rng    *rand.Rand
}

// kvPeer is a client's socket.
type kvPeer struct {
	net.Conn // nil: what is not below is not called
	s        *kvServer
	queue    chan []byte
	deadline time.Time
	values   map[string]string
}

func (s *kvServer) dial(context.Context, string, string) (net.Conn, error) {
	p := &kvPeer{s: s, queue: make(chan []byte, 64), values: map[string]string{"version": "test"}}
	s.peers = append(s.peers, p)
	return p, nil
}

func (p *kvPeer) Close() error                      { return nil }
func (p *kvPeer) SetReadDeadline(t time.Time) error { p.deadline = t; return nil }

func (p *kvPeer) Read(b []byte) (int, error) {
	if p.s.gone {
		return 0, syscall.ECONNREFUSED
	}
	if p.s.m == "floods" {
		return copy(b, "a datagram that nobody asked for"), nil
	}
	select {
	case d := <-p.queue:
		return copy(b, d), nil
	case <-time.After(time.Until(p.deadline)):
		return 0, os.ErrDeadlineExceeded
	}
}

func (p *kvPeer) Write(b []byte) (int, error) {
	if p.s.gone {
		return 0, syscall.ECONNREFUSED
	}
	if p.s.m == "the network loses one of four" && p.s.rng.IntN(4) == 0 {
		return len(b), nil
	}
	a := p.s.answer(p, bytes.Clone(b))
	to := p
	if p.s.m == "answers the first client" {
		to = p.s.peers[0]
	}
	if a != nil {
		to.queue <- a
		if p.s.m == "the network doubles" {
			to.queue <- a
		}
	}
	return len(b), nil
}

func (s *kvServer) answer(p *kvPeer, b []byte) []byte {
	m := s.m
	values := s.values
	if m == "a store for each client" {
		values = p.values
	}
	const most = 1000
	if len(b) > most {
		switch m {
		case "cuts off":
			b = b[:most]
		case "any size":
		default:
			return nil
		}
	}
	if m == "cuts off at 512" && len(b) > 512 {
		b = b[:512]
	}
	if m == "strips" {
		b = bytes.TrimSpace(b)
	}
	if m == "small letters" {
		b = bytes.ToLower(b)
	}
	if m == "C strings" {
		b = bytes.TrimRight(b, "\x00")
	}
	if m == "text" {
		b = []byte(strings.ToValidUTF8(string(b), "\uFFFD"))
	}
	if len(b) == 0 {
		s.gone = m == "an empty datagram ends the server"
		return nil
	}
	rest := string(b[1:])
	switch b[0] {
	case '?':
		if m == "a prefix asks for the version" && strings.HasPrefix(rest, "version") {
			rest = "version"
		}
		v, ok := values[rest]
		if !ok && m == "no answer for a missing key" {
			return nil
		}
		a := rest + "=" + v
		switch m {
		case "no key":
			a = v
		case "a newline":
			a += "\n"
		}
		return []byte(a)
	case '+':
		i := strings.Index(rest, "=")
		if m == "the last =" {
			i = strings.LastIndex(rest, "=")
		}
		if i < 0 {
			s.gone = m == "no = ends the server"
			return nil
		}
		k, v := rest[:i], rest[i+1:]
		if m == "split" {
			v, _, _ = strings.Cut(v, "=")
		}
		if k == "version" && m != "stores the version" {
			return nil
		}
		if _, ok := values[k]; ok && m == "keeps the first" {
			return nil
		}
		values[k] = v
		if m == "answers a store" {
			return []byte("OK")
		}
		return nil
	}
	if m == "answers garbage" {
		return []byte("error")
	}
	return nil
}

func TestKV(t *testing.T) {
	mustTellApart(t, "kv", []mistake{
		{"", "", ""},
		{"no key", "version", "must be version="},
		{"answers a store", "store", "Only questions are answered"},
		{"a newline", "store", "newline at its end"},
		{"no answer for a missing key", "replace", "cannot tell that from a lost datagram"},
		{"keeps the first", "replace", "another value"},
		{"the last =", "equals", "the first = ends the key"},
		{"split", "equals", "the first = ends the key"},
		{"strips", "binary", "do not strip()"},
		{"text", "binary", "text decoding"},
		{"small letters", "binary", "Capital and small letters"},
		{"C strings", "binary", "NUL"},
		{"a prefix asks for the version", "fixed", "another key"},
		{"stores the version", "fixed", "stored over"},
		{"cuts off at 512", "size", "cut off"},
		{"cuts off", "size", "says nothing"},
		{"any size", "size", "was stored"},
		{"an empty datagram ends the server", "garbage", "ended the server"},
		{"no = ends the server", "garbage", "ended the server"},
		{"answers garbage", "garbage", "is no request, and was answered"},
		{"answers the first client", "store", "the address its question came from"},
		{"a store for each client", "shared", "the values belong to the server"},
	}, runKV)
}

func runKV(t *testing.T, m string, test func(t *testing.T, o Options)) {
	synctest.Test(t, func(t *testing.T) {
		s := &kvServer{m: m, values: map[string]string{"version": "test"}, rng: rand.New(rand.NewPCG(1, 2))}
		test(t, Options{Seed: 1, dial: s.dial})
	})
}

// TestKVUnkindNetwork: a right server passes though datagrams are lost or
// doubled.
func TestKVUnkindNetwork(t *testing.T) {
	for _, m := range []string{"the network loses one of four", "the network doubles"} {
		runKV(t, m, func(t *testing.T, o Options) {
			if passed, checks, _ := records(t, "kv", o); !passed {
				t.Errorf("%s: %+v", m, checks)
			}
		})
	}
}

// TestKVFlood: a server that never stops sending costs bounded time, though
// every datagram of it is there at once.
func TestKVFlood(t *testing.T) {
	runKV(t, "floods", func(t *testing.T, o Options) {
		o.All = true
		passed, checks, _ := records(t, "kv", o)
		if passed || !strings.Contains(checks[1].Cause, "Only questions are answered") {
			t.Errorf("got %v %+v", passed, checks[1])
		}
	})
}
