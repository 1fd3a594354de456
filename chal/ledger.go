package chal

import (
	"encoding/json"
	"io"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// What an [Entry] is about.
const (
	EntryListening = "listening" // a server accepts on Addr; written by Run
	EntryStart     = "start"     // a session was admitted
	EntryEnd       = "end"       // a session is over, its slot free
	EntryRefused   = "refused"   // a connection was refused
)

// Reason is why a session ended, or why none began.
type Reason string

// The reasons of an [EntryEnd].
const (
	ReasonDone     Reason = "done"     // the handler returned nil
	ReasonLeft     Reason = "left"     // the player closed the connection, or it broke
	ReasonIdle     Reason = "idle"     // the player took longer than IdleTimeout, or than the handler waits
	ReasonTimeUp   Reason = "time"     // SessionTimeout
	ReasonShutDown Reason = "shutdown" // cut by Shutdown or Close
	ReasonFailed   Reason = "error"    // the handler returned an error
	ReasonPanicked Reason = "panic"    // the handler panicked
)

// The reasons of an [EntryRefused] by this package; an [Admitter] may have its own.
const (
	ReasonFull      Reason = "full"   // all slots are taken
	ReasonPerSource Reason = "source" // the source has all the slots one may have
	ReasonDenied    Reason = "denied" // the Admitter's error was no *Refusal, or one without a reason
	ReasonLate      Reason = "late"   // the handshake took longer than HandshakeTimeout
)

// Entry is one line of a server's ledger: what happened, for metrics and event streams. As JSON it is an
// object with the keys event, challenge, addr, session, remote, team, reason, seconds and time, those
// that apply.
type Entry struct {
	What      string // EntryListening, EntryStart, EntryEnd or EntryRefused
	Time      time.Time
	Challenge string         // the server's Name
	Addr      string         // of an EntryListening
	Session   string         // the session's ID
	Remote    netip.AddrPort // where the player comes from
	Team      string         // the team's ID
	Reason    Reason         // of an EntryEnd or EntryRefused
	Duration  time.Duration  // of an EntryEnd: from the start until the slot was free
}

// MarshalJSON writes the entry as an object on one line.
func (e Entry) MarshalJSON() ([]byte, error) { return e.appendJSON(nil), nil }

// appendJSON is what package json would write, at a tenth of its cost: a session has two entries, and an event stream is on for
// all of an event.
func (e Entry) appendJSON(b []byte) []byte {
	b = append(b, `{"event":`...)
	b = appendString(b, e.What)
	for _, f := range [...]struct{ key, value string }{
		{`,"challenge":`, e.Challenge}, {`,"addr":`, e.Addr}, {`,"session":`, e.Session}, {`,"remote":`, ""}, {`,"team":`, e.Team}, {`,"reason":`, string(e.Reason)},
	} {
		switch {
		case f.key == `,"remote":` && e.Remote.IsValid():
			b = appendString(append(b, f.key...), e.Remote.String())
		case f.value != "":
			b = appendString(append(b, f.key...), f.value)
		}
	}
	if e.Duration != 0 {
		b = append(b, `,"seconds":`...)
		if e.Duration.Abs() < time.Microsecond {
			seconds, _ := json.Marshal(e.Duration.Seconds()) // with an exponent
			b = append(b, seconds...)
		} else {
			b = strconv.AppendFloat(b, e.Duration.Seconds(), 'f', -1, 64)
		}
	}
	if !e.Time.IsZero() {
		b = append(b, `,"time":"`...)
		b = e.Time.AppendFormat(b, time.RFC3339Nano)
		b = append(b, '"')
	}
	return append(b, '}')
}

// appendString appends s as JSON; only names that somebody has chosen may need more than quotes.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s)
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// JSONLedger returns a function for Server.Ledger that writes each entry to w as a line of JSON, one
// Write a line. It may be shared by servers. Errors of w are ignored: a full disk ends no session.
func JSONLedger(w io.Writer) func(Entry) {
	var mu sync.Mutex
	var line []byte
	return func(e Entry) {
		mu.Lock()
		defer mu.Unlock()
		line = append(e.appendJSON(line[:0]), '\n')
		w.Write(line)
	}
}
