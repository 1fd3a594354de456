package chal

import (
	"encoding/json"
	"io"
	"net/netip"
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
	ReasonDenied    Reason = "denied" // the Admitter's error was no *Refusal
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
func (e Entry) MarshalJSON() ([]byte, error) {
	var remote string
	if e.Remote.IsValid() {
		remote = e.Remote.String()
	}
	return json.Marshal(struct {
		Event     string    `json:"event"`
		Challenge string    `json:"challenge,omitempty"`
		Addr      string    `json:"addr,omitempty"`
		Session   string    `json:"session,omitempty"`
		Remote    string    `json:"remote,omitempty"`
		Team      string    `json:"team,omitempty"`
		Reason    Reason    `json:"reason,omitempty"`
		Seconds   float64   `json:"seconds,omitempty"`
		Time      time.Time `json:"time,omitzero"`
	}{e.What, e.Challenge, e.Addr, e.Session, remote, e.Team, e.Reason, e.Duration.Seconds(), e.Time})
}

// JSONLedger returns a function for Server.Ledger that writes each entry to w as a line of JSON, one
// Write a line. It may be shared by servers. Errors of w are ignored: a full disk ends no session.
func JSONLedger(w io.Writer) func(Entry) {
	var mu sync.Mutex
	return func(e Entry) {
		line, err := e.MarshalJSON() // json.Marshal would read through it once more
		if err != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		w.Write(append(line, '\n'))
	}
}
