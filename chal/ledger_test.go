package chal

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

// plainEntry is an Entry as package json writes it.
type plainEntry struct {
	Event     string    `json:"event"`
	Challenge string    `json:"challenge,omitempty"`
	Addr      string    `json:"addr,omitempty"`
	Session   string    `json:"session,omitempty"`
	Remote    string    `json:"remote,omitempty"`
	Team      string    `json:"team,omitempty"`
	Reason    Reason    `json:"reason,omitempty"`
	Seconds   float64   `json:"seconds,omitempty"`
	Time      time.Time `json:"time,omitzero"`
}

// FuzzEntryJSON: an entry is written as package json would.
func FuzzEntryJSON(f *testing.F) {
	f.Add("end", "double", "", "abc", uint16(1), "team \"7\"", "done", int64(1500), int64(1))
	f.Add("listening", "a<b>&c\\", "127.0.0.1:1", "", uint16(0), "\x00\xff\u2028é", "", int64(0), int64(0))
	f.Add("", "", "", "", uint16(0), "", "", int64(-1), int64(-1))
	f.Add("end", "", "", "", uint16(0), "", "", int64(999), int64(1e18))
	f.Fuzz(func(t *testing.T, what, challenge, addr, session string, port uint16, team, reason string, took, at int64) {
		e := Entry{What: what, Challenge: challenge, Addr: addr, Session: session, Team: team, Reason: Reason(reason), Duration: time.Duration(took)}
		p := plainEntry{what, challenge, addr, session, "", team, Reason(reason), time.Duration(took).Seconds(), time.Time{}}
		if at != 0 {
			e.Time = time.Unix(0, at).UTC()
			p.Time = e.Time
		}
		if port > 0 {
			e.Remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), port)
			p.Remote = e.Remote.String()
		}
		want, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(e); err != nil || string(got) != string(want) {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
		if got := string(e.appendJSON(nil)); got != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
