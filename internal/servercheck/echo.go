package servercheck

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

var echoChecks = []check{
	{Info{"connect", "Something listens at the address."}, checkConnect},
	{Info{"answer", "What the client sends comes back, unchanged, while the connection stays open."}, echoAnswer},
	{Info{"pieces", "A stream has no messages: a single byte without a newline comes back too, and so does the next."}, echoPieces},
	{Info{"again", "A connection lasts until the client ends it: one recv is not enough."}, echoAgain},
	{Info{"binary", "Bytes are not text: all 256 values come back, in any order, with the white space around them."}, echoBinary},
	{Info{"half-close", "After the client's FIN the rest of the answer still comes, and then the server's own FIN."}, echoHalfClose},
	{Info{"big", "Both directions flow at the same time: 1 MiB comes back while it is being sent."}, echoBig},
	{Info{"crowd", "Ten clients are served at the same time, in any order."}, echoCrowd},
	{Info{"reset", "A client that vanishes with a RST ends its own connection and nothing else."}, echoReset},
}

func checkConnect(ctx context.Context, p *player) error {
	_, err := p.connect(ctx)
	return err
}

// echoCause knows the classic ways of bringing back other bytes than sent.
func echoCause(sent []byte) explain {
	return func(got []byte, e ending) string {
		trimmed := bytes.TrimSpace(sent)
		switch {
		case len(got) == 0 && e != other:
			return ""
		case e == closed && bytes.HasPrefix(sent, got):
			return fmt.Sprintf("The server closed after the first %d bytes: a single recv returns what is there, not all that will come.", len(got))
		case bytes.Equal(got, bytes.ReplaceAll(sent, []byte("\r\n"), []byte("\n"))),
			bytes.Equal(got, bytes.ReplaceAll(sent, []byte("\n"), []byte("\r\n"))):
			return "The newlines were translated: keep bytes as bytes."
		case bytes.Equal(bytes.TrimSpace(got), trimmed) && !bytes.Equal(got, sent):
			return "The white space around the bytes is not what was sent: send back what recv returned, without strip() and without adding a newline."
		case !utf8.Valid(sent) && bytes.Equal(got, []byte(strings.ToValidUTF8(string(sent), "\uFFFD"))),
			!utf8.Valid(sent) && bytes.Contains(got, []byte("\uFFFD")):
			return "The bytes went through a text decoding, which replaced those that are not UTF-8: keep bytes as bytes."
		case !utf8.Valid(sent) && bytes.Equal(got, latin1AsUTF8(sent)):
			return "The bytes came back encoded as UTF-8: the server decodes and encodes them with different encodings. Keep bytes as bytes."
		}
		return ""
	}
}

func latin1AsUTF8(b []byte) []byte {
	var out []byte
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

// echo sends b and expects it back.
func (w *wire) echo(b []byte) error {
	if err := w.send(string(b)); err != nil {
		return err
	}
	return w.want(b, "the echo", echoCause(b))
}

func echoAnswer(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	b := []byte(p.text(12) + "\n")
	if err := w.send(string(b)); err != nil {
		return err
	}
	return w.want(b, "the echo", func(got []byte, e ending) string {
		if len(got) == 0 && e == timeout {
			return fmt.Sprintf("In %v, nothing came back: the server answers only when the client closes, or its answer stays in a buffer that is not flushed.", p.timeout)
		}
		return echoCause(b)(got, e)
	})
}

func echoPieces(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	for i := range 4 {
		b := []byte(p.text(1))
		if err := w.send(string(b)); err != nil {
			return err
		}
		err := w.want(b, "the echo of one byte", func(got []byte, e ending) string {
			switch {
			case e == timeout && len(got) == 0:
				return "A single byte without a newline did not come back: the server waits for a line, or for a buffer to fill. An echo answers bytes as they come."
			case e != other && i > 0:
				return "The server closed after one answer: a single recv is one piece of a stream, so receive in a loop until it returns nothing."
			}
			return echoCause(b)(got, e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func echoAgain(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	for i := range 5 {
		b := []byte(p.text(3+p.rng.IntN(40)) + "\n")
		if err := w.send(string(b)); err != nil {
			return err
		}
		err := w.want(b, fmt.Sprintf("the %d. echo on one connection", i+1), func(got []byte, e ending) string {
			if i > 0 && len(got) == 0 && e != other {
				return "The server answered once and no more: a single recv is one piece of a stream, so receive in a loop until it returns nothing."
			}
			return echoCause(b)(got, e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func echoBinary(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	mixed := bytes.Clone(all)
	p.rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	for _, b := range [][]byte{[]byte("  spaces\t\r\n\n"), {0}, {0xff, 0xfe, 0xc3}, all, mixed} {
		if err := w.send(string(b)); err != nil {
			return err
		}
		err := w.want(b, "the echo of binary data", func(got []byte, e ending) string {
			if c := echoCause(b)(got, e); c != "" && len(got) > 0 {
				return c
			}
			if !utf8.Valid(b) && utf8.Valid(got) && e != other { // whoever decodes sends back none of those that are no text
				return "Bytes that are not UTF-8 ended the answers: the server decodes what it receives. Keep bytes as bytes."
			}
			if len(b) == 1 && e != other {
				return "A NUL byte did not come back: it is a byte like any other, not the end of a string."
			}
			return ""
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func echoHalfClose(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	b := p.bytes(40_000)
	if err := w.send(string(b)); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	err = w.want(b, "the echo", func(got []byte, e ending) string {
		switch e {
		case reset:
			return fmt.Sprintf("After the client's FIN the server reset the connection (RST), when %d of %d bytes had come back: it closed with bytes unread, or crashed. Send everything, then close.", len(got), len(b))
		case closed:
			return fmt.Sprintf("After the client's FIN only %d of %d bytes came back: a FIN ends the client's sending, not its receiving. Send everything, then close.", len(got), len(b))
		}
		return ""
	})
	if err != nil {
		return err
	}
	if err := w.eof("the server"); err != nil {
		f := err.(*failure)
		f.hint = "recv returns nothing (b'') at the end of the stream: then leave the loop and close"
		return f
	}
	return nil
}

func echoBig(ctx context.Context, p *player) error {
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	b := p.bytes(1 << 20)
	sent := make(chan error, 1)
	go func() {
		if err := w.send(string(b)); err != nil {
			sent <- err
			return
		}
		sent <- w.finish()
	}()
	err = w.want(b, "the echo of 1 MiB", func(got []byte, e ending) string {
		if e == timeout {
			return fmt.Sprintf("The flow stopped after %d bytes: the server reads everything before it sends, or sends without having read.", len(got))
		}
		return ""
	})
	if err != nil {
		w.reset() // so that send ends
		<-sent
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	return w.eof("the server")
}

func echoCrowd(ctx context.Context, p *player) error {
	crowd, err := p.crowd(ctx, 10)
	if err != nil {
		return err
	}
	for i := len(crowd) - 1; i >= 0; i-- {
		b := []byte(p.text(20) + "\n")
		if err := crowd[i].send(string(b)); err != nil {
			return err
		}
		if err := crowd[i].want(b, "the echo", oneAtATime(i, echoCause(b))); err != nil {
			return err
		}
	}
	return nil
}

// crowd opens n connections.
func (p *player) crowd(ctx context.Context, n int) ([]*wire, error) {
	var all []*wire
	for range n {
		w, err := p.connect(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// oneAtATime explains silence on the connection that was opened i-th, while
// the ones before it are open and quiet.
func oneAtATime(i int, why explain) explain {
	return func(got []byte, e ending) string {
		if i > 0 && len(got) == 0 && e == timeout {
			return "A client is not answered while another is connected: the server serves one client at a time. Give each connection a thread, a task or a goroutine (start(), not run())."
		}
		if why == nil {
			return ""
		}
		return why(got, e)
	}
}

func echoReset(ctx context.Context, p *player) error {
	quiet, err := p.connect(ctx)
	if err != nil {
		return err
	}
	w, err := p.connect(ctx)
	if err != nil {
		return err
	}
	b := []byte(p.text(8))
	if err := w.echo(b); err != nil {
		return err
	}
	w.reset()
	if err := p.alive(ctx, "a client's reset"); err != nil {
		return err
	}
	if err := quiet.echo(b); err != nil {
		f := err.(*failure)
		f.cause = "After a reset of one connection another one no longer answers. " + f.cause
		return f
	}
	return nil
}
