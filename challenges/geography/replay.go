package geography

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// The errors of ParseReplay.
var (
	ErrReplayFormat  = errors.New("not a replay id: it looks like geo1-… and was printed after BYE")
	ErrReplayKey     = errors.New("the replay id was changed, or made with another event key")
	ErrReplayVersion = errors.New("the replay id is of another version of the game or its data, which asks other questions")
)

const (
	replayPrefix = "geo1-"
	replayMAC    = 10 // bytes: 80 bits
	longestTeam  = 64 // bytes; longer names are hashed
)

var replayText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Replay names one ranked game: whose it was, and its number. With the event key it gives the game's
// questions again, in any process with the same data. The zero value is no game.
type Replay struct {
	team   string
	number uint64
	id     string
	seed   [32]byte
}

// ID returns the id, a word of small letters, digits and one dash: "geo1-" and at least 34 more.
func (r Replay) ID() string { return r.id }

// Team returns the team whose game it was, as Session.Team.ID had it; of a name longer than 64 bytes
// only a hash. It is "" where nobody was known.
func (r Replay) Team() string { return r.team }

// newReplay names team's game of that number. The seed is HMAC-SHA256(key, "seed", team, number), so
// who has no key cannot know the questions, though the id is public.
func newReplay(key []byte, team string, number uint64) Replay {
	if len(team) > longestTeam {
		sum := sha256.Sum256([]byte(team))
		team = replayText.EncodeToString(sum[:20])
	}
	body := binary.BigEndian.AppendUint32(nil, edition())
	body = binary.BigEndian.AppendUint64(body, number)
	body = append(body, team...)
	signed := append(body, sign(key, "id", body)[:replayMAC]...)
	r := Replay{team: team, number: number, id: replayPrefix + replayText.EncodeToString(signed)}
	copy(r.seed[:], sign(key, "seed", body))
	return r
}

// ParseReplay reads an id that was printed after a ranked game of an event with that key. The error is
// [ErrReplayFormat], [ErrReplayKey] or [ErrReplayVersion], with the id named.
func ParseReplay(id string, key []byte) (Replay, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	text, ok := strings.CutPrefix(id, replayPrefix)
	signed, err := replayText.DecodeString(text)
	if !ok || err != nil || len(signed) < 4+8+replayMAC || len(signed) > 4+8+longestTeam+replayMAC {
		return Replay{}, fmt.Errorf("replay %q: %w", clip(id, 80), ErrReplayFormat)
	}
	body, mac := signed[:len(signed)-replayMAC], signed[len(signed)-replayMAC:]
	if !hmac.Equal(mac, sign(key, "id", body)[:replayMAC]) {
		return Replay{}, fmt.Errorf("replay %q: %w", id, ErrReplayKey)
	}
	if binary.BigEndian.Uint32(body) != edition() {
		return Replay{}, fmt.Errorf("replay %q: %w", id, ErrReplayVersion)
	}
	r := newReplay(key, string(body[12:]), binary.BigEndian.Uint64(body[4:]))
	if r.id != id { // base32 leaves bits unused: one game has one id
		return Replay{}, fmt.Errorf("replay %q: %w", id, ErrReplayKey)
	}
	return r, nil
}

func sign(key []byte, purpose string, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("flagstaff geography " + purpose + "\x00"))
	h.Write(body)
	return h.Sum(nil)
}

// clip cuts s to n bytes, for messages.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
