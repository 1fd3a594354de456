package servercheck

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

var primeChecks = []check{
	{Info{"connect", "Something listens at the address."}, checkConnect},
	{Info{"answer", "A request of one line is answered by one line, newline included."}, primeAnswer},
	{Info{"numbers", "The answers are right from 0 to 1,000,000,000,000, at the edges and for the squares of primes."}, primeNumbers},
	{Info{"pieces", "A line may arrive in pieces: the request is complete when its newline has come."}, primePieces},
	{Info{"glued", "Several lines may arrive at once: each is answered, in order, and half a line waits for its rest."}, primeGlued},
	{Info{"malformed", "A line that is no request gets an error, and the connection goes on."}, primeMalformed},
	{Info{"long", "A line longer than 4,096 bytes gets an error and the end of its connection, not the server's memory."}, primeLong},
	{Info{"half-close", "After the client's FIN the answers still come, and then the server's own FIN."}, primeHalfClose},
	{Info{"crowd", "Ten clients are served at the same time, in any order."}, primeCrowd},
	{Info{"reset", "A client that vanishes with a RST ends its own connection and nothing else."}, primeReset},
}

type primeRequest struct {
	ID int   `json:"id"`
	N  int64 `json:"n"`
}

func (r primeRequest) line() string {
	b, _ := json.Marshal(r) // two integers: it cannot fail
	return string(b) + "\n"
}

func (r primeRequest) prime() bool { return big.NewInt(r.N).ProbablyPrime(0) }

func (p *player) request(n int64) primeRequest {
	return primeRequest{ID: p.rng.IntN(1 << 30), N: n}
}

// object receives a line that must be a JSON object.
func (w *wire) object(what string) (map[string]any, string, error) {
	s, err := w.line(what)
	if err != nil {
		return nil, "", err
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(s)))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil || m == nil || dec.More() {
		return nil, s, w.fail(fmt.Sprintf("The line that came instead of %s is no JSON object: %s", what, clip(s)))
	}
	return m, s, nil
}

// clip quotes s for a sentence.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q… (%d bytes).", s[:most], len(s))
	}
	return fmt.Sprintf("%q.", s)
}

// answers expects the answer to r.
func (w *wire) answers(r primeRequest) error {
	what := fmt.Sprintf("the answer for %d", r.N)
	m, s, err := w.object(what)
	if err != nil {
		return err
	}
	want := fmt.Sprintf(`{"id":%d,"prime":%t}`, r.ID, r.prime())
	fail := func(cause string) error {
		return &failure{cause: cause, sent: w.r.sent.excerpt(), want: whole(want + "\n"), got: w.r.got.excerpt()}
	}
	if e, ok := m["error"]; ok {
		return fail(fmt.Sprintf("A good request for %d was answered with the error %q.", r.N, fmt.Sprint(e)))
	}
	if id, _ := m["id"].(json.Number); id.String() != fmt.Sprint(r.ID) {
		return fail(fmt.Sprintf("The answer's id is not the request's, %d: %s", r.ID, clip(s)))
	}
	got, ok := m["prime"].(bool)
	switch {
	case !ok:
		return fail(fmt.Sprintf("The answer has no field prime that is true or false: %s", clip(s)))
	case got != r.prime() && r.prime():
		return fail(fmt.Sprintf("%d is a prime, and the server says it is none.", r.N))
	case got != r.prime():
		return fail(fmt.Sprintf("%d is no prime, and the server says it is: %s", r.N, whyNot(r.N)))
	}
	return nil
}

func whyNot(n int64) string {
	if n < 2 {
		return "the first prime is 2."
	}
	for d := int64(2); ; d++ {
		if n%d != 0 {
			continue
		}
		if d*d == n {
			return fmt.Sprintf("it is %d times %d, so the search for a divisor must include the square root.", d, d)
		}
		return fmt.Sprintf("%d divides it.", d)
	}
}

func (w *wire) asks(r primeRequest) error {
	if err := w.send(r.line()); err != nil {
		return err
	}
	return w.answers(r)
}

func primeAnswer(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	for _, n := range []int64{7, 8} {
		if err := w.asks(p.request(n)); err != nil {
			return err
		}
	}
	r := p.request(11)
	if err := w.send(fmt.Sprintf(`{"more": [1, {"n": 4}], "n": %d, "id": %d}`+"\n", r.N, r.ID)); err != nil {
		return err
	}
	if err := w.answers(r); err != nil {
		f := err.(*failure)
		f.cause = "A request was not understood whose fields came in another order, with one more among them: fields have names, and those you do not know are passed over. " + f.cause
		return f
	}
	return nil
}

func primeNumbers(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	numbers := []int64{2, 3, 4, 0, 1, 9, 25, 49, 121, 561, 1_299_709, 999_983 * 999_983, 999_999_999_989, 1_000_000_000_000}
	for range 8 {
		numbers = append(numbers, p.rng.Int64N(1_000_000))
	}
	for _, n := range numbers {
		if err := w.asks(p.request(n)); err != nil {
			return err
		}
	}
	return nil
}

func primePieces(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	r := p.request(p.rng.Int64N(1000))
	line := r.line()
	for _, piece := range []string{line[:2], line[2 : len(line)-3], line[len(line)-3 : len(line)-1], line[len(line)-1:]} {
		if err = w.send(piece); err != nil {
			break
		}
		p.pause(ctx)
	}
	if err == nil {
		err = w.answers(r)
	}
	if err != nil {
		f := err.(*failure)
		f.cause = "A request that arrived in four pieces was not understood: what one recv returns is not a line. " + f.cause
		f.hint = "keep what came in a buffer, and take a line out of it when a newline is there"
		return f
	}
	return nil
}

func primeGlued(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	var all []primeRequest
	var text strings.Builder
	for range 4 {
		r := p.request(p.rng.Int64N(1000))
		all = append(all, r)
		text.WriteString(r.line())
	}
	last := len(text.String()) - len(all[3].line())/2
	if err := w.send(text.String()[:last]); err != nil {
		return err
	}
	for i, r := range all {
		if i == 3 {
			if err := w.send(text.String()[last:]); err != nil {
				return err
			}
		}
		if err := w.answers(r); err != nil {
			f := err.(*failure)
			f.cause = fmt.Sprintf("Three requests and a half were sent at once, and request %d of 4 was not answered well: what one recv returns may hold several lines. ", i+1) + f.cause
			f.hint = "keep what came in a buffer, and take lines out of it as long as there are some"
			return f
		}
	}
	return nil
}

// malformed are lines that are no requests, each with what is wrong with it.
var malformed = []struct{ line, why string }{
	{"hello", "it is not JSON"},
	{"", "it is empty"},
	{"[1, 2]", "it is a list, not an object"},
	{"7", "it is a number, not an object"},
	{"null", "it is null, not an object"},
	{`{"id": 1, "n": 7`, "its bracket is never closed"},
	{`{"id": 1}`, "it has no n"},
	{`{"n": 7}`, "it has no id"},
	{`{"id": "1", "n": 7}`, "its id is a string"},
	{`{"id": -1, "n": 7}`, "its id is below 0"},
	{`{"id": 2147483648, "n": 7}`, "its id is above 2^31 - 1"},
	{`{"id": 1, "n": "7"}`, "its n is a string"},
	{`{"id": 1, "n": 7.5}`, "its n is no integer"},
	{`{"id": 1, "n": true}`, "its n is true, which some languages take for the number 1"},
	{`{"id": 1, "n": null}`, "its n is null"},
	{`{"id": 1, "n": -7}`, "its n is below 0"},
	{`{"id": 1, "n": 1000000000001}`, "its n is above 1,000,000,000,000"},
	{"{\"id\": 1, \"n\": \"\xff\xfe\"}", "it is not UTF-8"},
}

func primeMalformed(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	for _, bad := range malformed {
		if err := w.send(bad.line + "\n"); err != nil {
			return err
		}
		m, s, err := w.object("an error")
		if err != nil {
			f := err.(*failure)
			if gone := p.alive(ctx, "a malformed line"); gone != nil {
				f.cause = fmt.Sprintf("The malformed line %s (%s) ended the whole server: it no longer accepts connections.", bad.line, bad.why)
				f.hint = "what goes wrong in one connection must end that connection only"
				return f
			}
			f.cause = fmt.Sprintf("The malformed line %s (%s) was not answered with an error. ", bad.line, bad.why) + f.cause
			return f
		}
		if e, _ := m["error"].(string); e == "" {
			f := w.fail(fmt.Sprintf("The malformed line %s was not answered with an error and its text, though %s; the answer was %s", bad.line, bad.why, clip(s)))
			f.want = whole("{\"error\":\"…\"}\n")
			return f
		}
		if err := w.asks(p.request(p.rng.Int64N(1000))); err != nil {
			f := err.(*failure)
			f.cause = fmt.Sprintf("After the malformed line %s the connection should have gone on. ", bad.line) + f.cause
			return f
		}
	}
	return nil
}

func primeLong(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	if err := w.send(`{"id": 1, "n": ` + strings.Repeat(" ", 6000)); err != nil {
		return err
	}
	m, s, err := w.object("an error")
	if err != nil {
		f := err.(*failure)
		f.cause = "6,000 bytes without a newline were not answered with an error: a server that waits for the end of any line can be made to hold any amount. " + f.cause
		return f
	}
	if e, _ := m["error"].(string); e == "" {
		return w.fail(fmt.Sprintf("6,000 bytes without a newline were answered with %s", clip(s)))
	}
	// The end may be a reset: the server need not read what it refuses.
	b := make([]byte, 1)
	switch n, err := w.t.Read(b); {
	case n > 0:
		return w.fail("More bytes came after the error about a line that is too long.")
	case endingOf(err) == timeout:
		return w.fail("After the error about a line that is too long the connection stays open, though nobody can tell where the next line begins.")
	}
	return nil
}

func primeHalfClose(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	a, b := p.request(999_999_999_989), p.request(10)
	if err := w.send(a.line() + b.line() + `{"id": 1, "n": 7}`); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	for _, r := range []primeRequest{a, b} {
		if err := w.answers(r); err != nil {
			f := err.(*failure)
			f.cause = "The client's FIN ended its sending, not its receiving: the answers are still due. " + f.cause
			return f
		}
	}
	if err := w.eof("the server"); err != nil {
		f := err.(*failure)
		f.cause += " (What came after the last newline was no request.)"
		return f
	}
	return nil
}

func primeCrowd(ctx context.Context, p *player) error {
	crowd, err := p.crowd(ctx, 10)
	if err != nil {
		return err
	}
	for i := len(crowd) - 1; i >= 0; i-- {
		if err := crowd[i].asks(p.request(p.rng.Int64N(1000))); err != nil {
			f := err.(*failure)
			if f.got != nil && f.got.total == 0 {
				f.cause = orElse(oneAtATime(i, nil)(nil, timeout), f.cause)
			}
			return f
		}
	}
	return nil
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func primeReset(ctx context.Context, p *player) error {
	quiet, err := p.connect(ctx)
	if err != nil {
		return err
	}
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	if err := w.asks(p.request(11)); err != nil {
		return err
	}
	if err := w.send(`{"id": 1, `); err != nil {
		return err
	}
	w.reset()
	if err := p.alive(ctx, "a client's reset"); err != nil {
		return err
	}
	if err := quiet.asks(p.request(13)); err != nil {
		f := err.(*failure)
		f.cause = "After a reset of one connection another one no longer answers. " + f.cause
		return f
	}
	return nil
}
