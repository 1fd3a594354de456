package nc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/telnet"
)

// send moves the input to the connection: by the kernel when nothing is to be
// done with the bytes, else chunk by chunk.
func (s *session) send() error {
	c := s.n.c
	if v := s.solver; v != nil {
		select {
		case <-v.Free():
		case <-s.over:
			return relay.ErrStopped
		}
		defer v.Settle()
	}
	if err := s.runSteps(); err != nil {
		return err
	}
	if c.RecvOnly || c.NoStdin {
		// Only the steps were to be sent.
		return nil
	}
	if s.datagrams() && !c.ByLine() {
		return s.sendDatagrams()
	}
	if c.PlainIn() && s.n.editor == nil {
		return relay.Send(s.conn, s.n.in, s.sent, s.stop)
	}
	return s.sendFiltered()
}

func (s *session) datagrams() bool { return s.n.c.UDP }

// maxFileDatagram is what a file is cut into: it has no packets to keep, and other netcats drop, silently, what is longer than the 8 or
// 16 KiB that they read at once.
const maxFileDatagram = 8 << 10

// maxDatagram is the most that a datagram over IPv4 carries; the BSDs' sockets take no more than 9,216 bytes at once.
func maxDatagram() int {
	switch runtime.GOOS {
	case "linux", "windows":
		return 65_507
	}
	return 9216
}

// sendDatagrams sends every read of the input as one datagram, at once.
// Two reads are never joined, and what was written at once is read at once:
// the sender's packets stay packets.
func (s *session) sendDatagrams() error {
	size := maxDatagram()
	if s.n.in.Regular() {
		size = maxFileDatagram
	}
	read := s.n.in.Read
	if e := s.n.editor; e != nil {
		read = e.read
	}
	buf := make([]byte, size)
	for {
		n, err := read(buf, s.stop)
		for packet := range slices.Chunk(s.shape(buf[:n]), maxDatagram()) { // -C may make more of it than one carries
			if werr := s.write(packet); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// shape applies -C and -t.
func (s *session) shape(p []byte) []byte {
	c := s.n.c
	if c.CRLF {
		p = s.lines.Append(nil, p)
	}
	if c.Telnet {
		p = telnet.Escape(nil, p)
	}
	return p
}

const (
	// pieceSize is how much of a line that does not end is sent between two pauses of -i. What has come when nothing more is
	// there is sent too: who writes a prompt waits for the answer.
	pieceSize = 16 << 10
	// maxHexLine bounds a line of --hex, which can be read only when it is whole.
	maxHexLine = 1 << 20
)

// sendFiltered sends what the options make of the input.
func (s *session) sendFiltered() error {
	c := s.n.c
	read := s.n.in.Read
	if e := s.n.editor; e != nil {
		read = e.read
	}
	if v := s.solver; v != nil && v.Asks() {
		typed := read
		read = func(p []byte, stop *relay.Stop) (int, error) {
			n, err := typed(p, stop)
			return copy(p, v.Intercept(p[:n])), err
		}
	}
	buf := make([]byte, 64<<10)
	var line []byte // what is not sent yet, where lines matter
	searched := 0   // so much of it holds no line end
	first := true
	for {
		n, err := read(buf, s.stop)
		chunk := buf[:n]
		if c.ByLine() {
			line = append(line, chunk...)
			for len(line) > 0 {
				i := bytes.IndexByte(line[searched:], '\n') + 1
				switch {
				case i > 0:
					i += searched
				case err != nil:
					i = len(line)
				case c.HexInput && len(line) > maxHexLine:
					return report.WithHint(fmt.Errorf("--hex: a line is longer than %d bytes", maxHexLine), "a line is sent when it ends: put line feeds between the digits")
				case c.HexInput:
				case len(line) >= pieceSize:
					i = pieceSize
				case !s.n.in.Ready():
					i = len(line)
				}
				if i == 0 {
					searched = len(line)
					break
				}
				searched = 0
				if !first && c.Interval > 0 && !s.pause(c.Interval) {
					return relay.ErrStopped
				}
				first = false
				if werr := s.sendLine(line[:i]); werr != nil {
					return werr
				}
				line = line[i:]
			}
		} else if n > 0 {
			if werr := s.write(s.shape(chunk)); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) sendLine(line []byte) error {
	if s.n.c.HexInput {
		p, err := cmdline.HexLine(line)
		if err != nil {
			if s.n.in.Terminal() {
				s.n.r.Note("%v", err)
				return nil
			}
			return report.WithHint(err, `a line is hex digits (41 42 0a) or text with escapes (AB\n, \x00)`)
		}
		line = p
	}
	return s.write(s.shape(line))
}

// write sends bytes that are ready to go, under --delay and --limit-rate, and
// writes them down.
func (s *session) write(p []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for len(p) > 0 {
		part := p
		if s.outRate != nil && !s.n.c.UDP {
			part = p[:min(len(p), s.outRate.chunk())]
		}
		if s.outRate != nil && !s.pause(s.outRate.take(len(part))) {
			return relay.ErrStopped
		}
		if d := s.n.c.Delay; d > 0 && !s.pause(d) {
			return relay.ErrStopped
		}
		// Before it is sent, or the answer could be written down first.
		if t := s.n.taps; t != nil {
			if err := t.sentBytes(part); err != nil {
				return tapError{err, relay.ErrInput}
			}
		}
		_, err := s.conn.Write(part)
		if err != nil && s.datagrams() && (report.Reset(err) || report.Refused(err)) {
			err = nil // a refused datagram tells nothing about the next one
		}
		if err != nil {
			return err
		}
		s.sent.Add(len(part))
		p = p[len(part):]
	}
	return nil
}

// pause waits; it returns false when the session ended meanwhile.
func (s *session) pause(d time.Duration) bool {
	for end := time.Now().Add(d); d > 0; d = time.Until(end) {
		t := time.NewTimer(min(d, touchEvery))
		select {
		case <-t.C:
			s.sent.Touch() // -w and --idle-timeout are about the peer, not about our own pauses
		case <-s.over:
			t.Stop()
			return false
		}
	}
	return true
}

// touchEvery is less than any useful -w.
const touchEvery = 50 * time.Millisecond

// receive moves the connection to the output.
func (s *session) receive() error {
	c := s.n.c
	if c.SendOnly {
		return s.discard()
	}
	if c.PlainOut() && !s.datagrams() && s.n.editor == nil {
		return relay.Receive(s.n.stdout, s.conn, s.got)
	}
	var tn telnet.Filter
	stamps := stamper{on: c.Timestamps}
	buf := make([]byte, relay.BufferSize)
	packets := 0
	for {
		if c.Delay > 0 && !s.pause(c.Delay) {
			return nil
		}
		room := len(buf)
		if s.inRate != nil && !c.UDP {
			room = s.inRate.chunk()
		}
		n, err := s.conn.Read(buf[:room])
		if n > 0 || err == nil && c.UDP {
			p := buf[:n]
			s.n.heard()
			s.got.Add(n)
			if s.inRate != nil && !s.pause(s.inRate.take(n)) {
				return nil
			}
			if t := s.n.taps; t != nil {
				if terr := t.gotBytes(p); terr != nil {
					return tapError{terr, relay.ErrOutput}
				}
			}
			if c.Telnet {
				var reply []byte
				p, reply = tn.Filter(nil, nil, p)
				if len(reply) > 0 && !c.RecvOnly {
					s.conn.Write(reply)
				}
			}
			if s.steps != nil {
				s.steps.feed(p)
			}
			if e := s.n.editor; e != nil && e.ended.Swap(false) {
				stamps.inLine = false
			}
			if werr := s.n.output(stamps.stamp(p)); werr != nil {
				return werr
			}
			if s.solver != nil {
				s.solver.Feed(p) // after the output: a question stands below the puzzle
			}
			if packets++; packets == c.RecvLimit {
				s.enough()
				return nil
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil && c.UDP && (report.Refused(err) || report.Reset(err)):
			if s.got.Bytes() == 0 {
				return report.ConnectError(err, s.conn.RemoteAddr().String(), "udp", "")
			}
		case err != nil:
			return err
		}
	}
}

// discard reads for --send-only: what is unread when a socket is closed
// becomes a reset, which may destroy what was sent.
func (s *session) discard() error {
	buf := make([]byte, 64<<10)
	for {
		if _, err := s.conn.Read(buf); err != nil {
			switch {
			case errors.Is(err, io.EOF):
				return nil
			case s.datagrams() && report.Refused(err):
				return report.ConnectError(err, s.conn.RemoteAddr().String(), "udp", "")
			}
			return err
		}
		s.n.heard()
	}
}

// output writes received bytes, beside the line that is being edited if there is one.
func (n *netcat) output(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if n.editor != nil {
		return n.editor.output(p)
	}
	return relay.WriteAll(n.stdout, p)
}

// stamper puts the time in front of each line.
type stamper struct {
	on, inLine bool
}

func (t *stamper) stamp(p []byte) []byte {
	if !t.on {
		return p
	}
	var out []byte
	now := time.Now().Format("15:04:05.000 ")
	for len(p) > 0 {
		if !t.inLine {
			out = append(out, now...)
		}
		i := bytes.IndexByte(p, '\n') + 1
		t.inLine = i == 0
		if t.inLine {
			i = len(p)
		}
		out = append(out, p[:i]...)
		p = p[i:]
	}
	return out
}

// rate paces one direction: bytes may go when their time has come.
type rate struct {
	perSecond int64
	next      time.Time
}

// chunk is what may go at once: a tenth of a second's worth.
func (r *rate) chunk() int { return int(min(max(r.perSecond/10, 1), 64<<10)) }

// take returns how long to wait before n more bytes go.
func (r *rate) take(n int) time.Duration {
	now := time.Now()
	if r.next.Before(now) {
		r.next = now
	}
	wait := r.next.Sub(now)
	r.next = r.next.Add(time.Duration(float64(n) / float64(r.perSecond) * float64(time.Second)))
	return wait
}
