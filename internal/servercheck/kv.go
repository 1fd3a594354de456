package servercheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

var kvChecks = []check{
	{Info{"version", "A datagram that asks for version is answered by one datagram, with the server's name for itself."}, kvVersion},
	{Info{"store", "What is stored under a key is answered when the key is asked for, with the key in front."}, kvStore},
	{Info{"replace", "A second value replaces the first, and a key that was never stored has the empty value."}, kvReplace},
	{Info{"equals", "The first = ends the key; the value may have more of them, and either may be empty."}, kvEquals},
	{Info{"binary", "Keys and values are bytes: NUL, newlines and spaces stay, and nothing is added."}, kvBinary},
	{Info{"fixed", "The version cannot be stored over."}, kvFixed},
	{Info{"size", "A datagram of 1,000 bytes is taken whole, and a longer one not at all: never a part of it."}, kvSize},
	{Info{"garbage", "A datagram that is no request is not answered, and harms nothing."}, kvGarbage},
	{Info{"shared", "All clients see the same values, and each answer goes to the one who asked."}, kvShared},
}

// maxDatagram is the length of the longest request and answer, in bytes.
const maxDatagram = 1000

// peer is a datagram socket that hears and speaks to the server only.
type peer struct {
	c       net.Conn
	sent    *excerpt // the last datagram
	timeout time.Duration
	old     [][]byte // answers that were right once, and may come again
}

func (d *peer) end() { d.c.Close() }

func (p *player) peer(ctx context.Context) (*peer, error) {
	c, err := p.dialer(ctx, p.network, p.addr)
	if err != nil {
		return nil, p.noConnection(err)
	}
	d := &peer{c: c, timeout: p.timeout}
	p.open = append(p.open, d)
	return d, nil
}

func (d *peer) send(b []byte) error {
	d.sent = whole(b)
	_, err := d.c.Write(b)
	return err
}

func (d *peer) refused() *failure {
	return &failure{
		cause: "The system answered for the server that nothing listens on this UDP port (ICMP port unreachable).",
		hint:  "start the server first; when it had been running, look whether it crashed, and whether its socket is SOCK_DGRAM",
		sent:  d.sent,
	}
}

// A question is asked attempts times, since datagrams may get lost, and waited
// for during the time of a check divided by patience: a check asks several.
// No more than flood datagrams are read for each attempt.
const (
	attempts = 8
	patience = 40
	flood    = 100
)

// ask sends before, which has no answer, and then question until the answer is
// want. why may give the cause of another one, and gets nil for none at all.
func (d *peer) ask(ctx context.Context, before [][]byte, question, want []byte, why func(got []byte) string) error {
	var got, stale []byte
	key, _, _ := bytes.Cut(want, []byte("="))
	wrong := false
	wait := d.timeout / patience
	buf := make([]byte, 2*maxDatagram)
	for range attempts {
		for _, b := range append(before[:len(before):len(before)], question) {
			if err := d.send(b); errors.Is(err, syscall.ECONNREFUSED) {
				return d.refused()
			} else if err != nil {
				return &failure{cause: fmt.Sprintf("cannot send: %v.", err)}
			}
		}
		d.c.SetReadDeadline(time.Now().Add(wait))
		for range flood {
			n, err := d.c.Read(buf)
			if errors.Is(err, syscall.ECONNREFUSED) {
				return d.refused()
			}
			if err != nil {
				break
			}
			b := bytes.Clone(buf[:n])
			if bytes.Equal(b, want) {
				d.old = append(d.old, b)
				if wrong && !bytes.HasPrefix(got, append(bytes.Clone(key), '=')) {
					return d.wrong(want, got, why)
				}
				return nil
			}
			if d.known(b) {
				stale = b
				continue
			}
			if got = b; !wrong {
				wrong = true
				// Nothing better is likely to come.
				wait = min(wait, grace)
				d.c.SetReadDeadline(time.Now().Add(wait))
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	if !wrong {
		got = stale
	}
	return d.wrong(want, got, why)
}

// wrong makes a failure of got, which is nil where no answer came.
func (d *peer) wrong(want, got []byte, why func(got []byte) string) *failure {
	f := &failure{sent: d.sent, want: whole(want), got: whole(got)}
	if why != nil {
		f.cause = why(got)
	}
	switch {
	case f.cause != "":
	case got == nil:
		f.cause = fmt.Sprintf("No answer came, though the question was asked %d times; an answer goes to the address its question came from.", attempts)
	default:
		f.cause = kvCause(want, got)
	}
	return f
}

// known says whether b was a right answer to an earlier question.
func (d *peer) known(b []byte) bool {
	for _, o := range d.old {
		if bytes.Equal(b, o) {
			return true
		}
	}
	return false
}

// kvCause knows the classic wrong answers.
func kvCause(want, got []byte) string {
	key, value, _ := bytes.Cut(want, []byte("="))
	switch {
	case len(value) > 0 && bytes.Equal(bytes.TrimRight(got, "\r\n"), value):
		return "The answer has no key in front of the value: datagrams may be lost, doubled or late, and only the key says which question an answer belongs to."
	case bytes.Equal(got, append(bytes.Clone(want), '\n')), bytes.Equal(got, append(bytes.Clone(want), '\r', '\n')):
		return "The answer has a newline at its end: the datagram's end is the end, and nothing is added."
	case bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)),
		len(bytes.TrimSpace(key)) < len(key) && bytes.HasPrefix(got, append(bytes.Clone(bytes.TrimSpace(key)), '=')):
		return "White space at an end is missing: keys and values are bytes, so do not strip() them."
	case bytes.Contains(got, []byte("\uFFFD")):
		return "The bytes went through a text decoding, which replaced those that are not UTF-8: keep bytes as bytes."
	case bytes.EqualFold(got, want):
		return "Capital and small letters were taken for the same: keys and values are bytes."
	case bytes.Equal(got, bytes.TrimRight(want, "\x00")),
		bytes.HasSuffix(key, []byte{0}) && bytes.HasPrefix(got, append(bytes.TrimRight(bytes.Clone(key), "\x00"), '=')):
		return "The NUL at the end is missing: it is a byte like the others, and a datagram has a length."
	case len(got) < len(want) && len(got) > len(key) && bytes.HasPrefix(want, got):
		return fmt.Sprintf("The value was cut off after %d of %d bytes.", len(got)-len(key)-1, len(value))
	case !bytes.HasPrefix(got, append(bytes.Clone(key), '=')):
		return fmt.Sprintf("A datagram came that is no answer to the question, which begins with the key and =: %s Only questions are answered.", clip(string(got)))
	}
	return fmt.Sprintf("The answer has another value: %s", clip(string(got)))
}

func store(key, value string) []byte    { return []byte("+" + key + "=" + value) }
func question(key string) []byte        { return []byte("?" + key) }
func answer(key, value string) []byte   { return []byte(key + "=" + value) }
func list(datagrams ...[]byte) [][]byte { return datagrams }

// version asks for the version and returns the answer.
func (d *peer) version(ctx context.Context) ([]byte, error) {
	buf := make([]byte, 2*maxDatagram)
	for range attempts {
		if err := d.send(question("version")); errors.Is(err, syscall.ECONNREFUSED) {
			return nil, d.refused()
		}
		d.c.SetReadDeadline(time.Now().Add(d.timeout / patience))
		n, err := d.c.Read(buf)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return nil, d.refused()
		case err == nil:
			b := bytes.Clone(buf[:n])
			if !bytes.HasPrefix(b, []byte("version=")) || len(b) == len("version=") || len(b) > maxDatagram {
				return nil, &failure{cause: "The answer to ?version must be version= and then a name of the server.", sent: d.sent, want: whole("version=…"), got: whole(b)}
			}
			d.old = append(d.old, b)
			return b, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &failure{cause: fmt.Sprintf("No answer came, though the question was asked %d times: the datagram is the message, and it has no newline.", attempts), sent: d.sent}
}

func kvVersion(ctx context.Context, p *player) error {
	d, err := p.peer(ctx)
	if err != nil {
		return err
	}
	_, err = d.version(ctx)
	return err
}

func kvStore(ctx context.Context, p *player) error {
	d, err := p.peer(ctx)
	if err != nil {
		return err
	}
	for range 3 {
		k, v := p.text(8), p.text(12)
		if err := d.ask(ctx, list(store(k, v)), question(k), answer(k, v), nil); err != nil {
			return err
		}
	}
	return nil
}

func kvReplace(ctx context.Context, p *player) error {
	d, err := p.peer(ctx)
	if err != nil {
		return err
	}
	k := p.text(8)
	if err := d.ask(ctx, nil, question(k), answer(k, ""), func(got []byte) string {
		if got == nil {
			return "A key that was never stored got no answer: whoever asks cannot tell that from a lost datagram. Answer with the empty value."
		}
		return ""
	}); err != nil {
		return err
	}
	for _, v := range []string{"first", "second", ""} {
		if err := d.ask(ctx, list(store(k, v)), question(k), answer(k, v), nil); err != nil {
			return err
		}
	}
	return nil
}

func kvEquals(ctx context.Context, p *player) error {
	d, err := p.peer(ctx)
	if err != nil {
		return err
	}
	k, v := p.text(8), p.text(4)+"="+p.text(4)+"=="
	err = d.ask(ctx, list(store(k, v)), question(k), answer(k, v), func(got []byte) string {
		return fmt.Sprintf("Stored was +%s=%s: the first = ends the key, and the value is all that follows it.", k, v)
	})
	if err != nil {
		return err
	}
	return d.ask(ctx, list(store("", v)), question(""), answer("", v), nil)
}

func kvBinary(ctx context.Context, p *player) error {
	d, err := p.peer(ctx)
	if err != nil {
		return err
	}
	for _, tail := range []string{"aA", "\x00", "\n", " \t ", "\x00\x01\x02", "\xff\xfe\xc3\x28", "\r\nthree\n"} {
		k := p.text(6) + tail
		if err := d.ask(ctx, list(store(k, tail+"v"+tail)), question(k), answer(k, tail+"v"+tail), nil); err != nil {
			return err
		}
	}
	return nil
}

func kvFixed(ctx context.Context, p *player) error {
	d, err := p.peer(ctx)
	if err != nil {
		return err
	}
	v, err := d.version(ctx)
	if err != nil {
		return err
	}
	// A longer key is another one.
	k, other := "version"+p.text(4), p.text(6)
	if err := d.ask(ctx, list(store(k, other)), question(k), answer(k, other), func(got []byte) string {
		if bytes.HasPrefix(got, []byte("version=")) {
			return fmt.Sprintf("The question ?%s was answered with the version: it is another key, which begins with the same letters.", k)
		}
		return ""
	}); err != nil {
		return err
	}
	return d.ask(ctx, list(store("version", "stored over")), question("version"), v, func(got []byte) string {
		if string(got) == "version=stored over" {
			return "The version was stored over: +version=… changes nothing."
		}
		return ""
	})
}

func kvSize(ctx context.Context, p *player) error {
	d, err := p.peer(ctx)
	if err != nil {
		return err
	}
	k := p.text(8)
	full := p.text(maxDatagram - len(k) - 2)
	if err := d.ask(ctx, list(store(k, full)), question(k), answer(k, full), nil); err != nil {
		return err
	}
	k = p.text(8)
	if err := d.ask(ctx, list(store(k, "kept")), question(k), answer(k, "kept"), nil); err != nil {
		return err
	}
	long := strings.Repeat("x", maxDatagram-len(k)-1)
	return d.ask(ctx, list(store(k, long)), question(k), answer(k, "kept"), func(got []byte) string {
		_, v, _ := bytes.Cut(got, []byte("="))
		switch {
		case string(v) == long:
			return "A datagram of 1,001 bytes was stored: longer ones than 1,000 bytes are not taken."
		case len(v) > 0 && strings.HasPrefix(long, string(v)):
			return fmt.Sprintf("Of a datagram of 1,001 bytes the first %d were taken: recvfrom(n) cuts off what is longer than n and says nothing, so give it a larger buffer than any good datagram needs.", len(v)+len(k)+2)
		}
		return ""
	})
}

func kvGarbage(ctx context.Context, p *player) error {
	d, err := p.peer(ctx)
	if err != nil {
		return err
	}
	for _, g := range []string{"", "\n", "hello", "+no equals sign", "\xff\x00", "!x=1"} {
		k, v := p.text(8), p.text(4)
		err := d.ask(ctx, list([]byte(g), store(k, v)), question(k), answer(k, v), func(got []byte) string {
			if got != nil && !bytes.HasPrefix(got, []byte(k)) {
				return fmt.Sprintf("The datagram %q is no request, and was answered: %s", g, clip(string(got)))
			}
			if got == nil {
				return fmt.Sprintf("After the datagram %q, which is no request, no answer comes any more.", g)
			}
			return ""
		})
		if err != nil {
			f := err.(*failure)
			if strings.Contains(f.cause, "ICMP") {
				f.cause = fmt.Sprintf("The datagram %q, which is no request, ended the server: nothing listens on its port any more.", g)
				f.hint = "an error over one datagram must end with that datagram"
			}
			return f
		}
	}
	return nil
}

func kvShared(ctx context.Context, p *player) error {
	a, err := p.peer(ctx)
	if err != nil {
		return err
	}
	b, err := p.peer(ctx)
	if err != nil {
		return err
	}
	k, v := p.text(8), p.text(8)
	if err := a.ask(ctx, list(store(k, v)), question(k), answer(k, v), nil); err != nil {
		return err
	}
	return b.ask(ctx, nil, question(k), answer(k, v), func(got []byte) string {
		switch {
		case got == nil:
			return "A second client got no answer: an answer goes to the address its question came from (sendto, WriteTo)."
		case bytes.Equal(got, answer(k, "")):
			return "A second client does not see what the first stored: the values belong to the server, since UDP has no connections."
		}
		return ""
	})
}
