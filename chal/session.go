package chal

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// Session is one player's connection to one challenge. It is a *tube.Tube, so every method of tube is
// at hand; the tube's waits take at most the server's IdleTimeout and hold at most its MaxBuffer bytes
// (after tube.ErrTooLong, s.Skip("\n") passes over the long line).
//
// The fields are for the handler to read; middleware may set them before it calls the next handler. The
// tube's methods may be called by several goroutines at once.
type Session struct {
	*tube.Tube

	Challenge string         // its name
	ID        string         // unique, in lower case letters and digits; not a secret
	Remote    netip.AddrPort // where the player comes from; not valid on a Unix socket
	Team      Team           // who the player plays for, where the server knows
	Flag      string         // what the player gets for a win
	Log       *slog.Logger   // logs with the session's ID and Remote
	Started   time.Time      // when the session was admitted
	Ends      time.Time      // when its time is up; zero: never

	own *session // nil: no server's
}

// Close ends the session's connection as the server does when the handler returns: all that was written arrives, also at a player who
// reads slowly or whose input was not read. A handler need not call it.
func (s *Session) Close() error {
	if s.own != nil {
		if t, _ := s.own.ways(); t == s.Tube {
			s.own.farewell("")
			return nil
		}
	}
	return s.Tube.Close()
}

// Ask sends prompt and returns the player's next line, without its line end. At the end of the stream
// the error is io.EOF, when the player takes too long os.ErrDeadlineExceeded, when the line is too long
// tube.ErrTooLong, when the session was ended context.Cause(ctx): each in a *tube.Error, to be tested
// with errors.Is.
func (s *Session) Ask(prompt string) (string, error) {
	if err := s.Send(prompt); err != nil {
		return "", err
	}
	return s.RecvLine()
}

// Say sends each text as a line of its own, all in one write.
func (s *Session) Say(text ...string) error {
	if len(text) == 1 {
		return s.Send(text[0] + "\n")
	}
	var b strings.Builder
	for _, line := range text {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return s.Send(b.String())
}

// Sayf sends one line, formatted as by fmt.Sprintf.
func (s *Session) Sayf(format string, args ...any) error {
	return s.Send(fmt.Sprintf(format, args...) + "\n")
}

const idAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

// sessionID writes the nth ID of a server whose IDs begin at base: 13 characters that look random. The
// mixing is a bijection (splitmix64), so a server never gives an ID twice, without asking for randomness
// each time.
func sessionID(base, n uint64) string {
	z := base + n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	var b [13]byte
	for i := range b {
		b[i] = idAlphabet[z&31]
		z >>= 5
	}
	return string(b[:])
}
