package geography

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/geo"
)

// Name is the challenge's name.
const Name = "geography"

// Protocol is the version of the protocol. Another number means that a script may have to change.
const Protocol = 1

// drawing is the version of how questions are drawn: count it up with every change that gives a seed
// other questions, so that old replay ids are refused instead of showing a game that never was.
const drawing = 3

// Options are the choices of who hosts the challenge. The zero value is a good one.
type Options struct {
	// Key is the event's secret, from which the questions of every game follow. With the same key
	// another process can replay a game. Empty: a random one, so ids are worth nothing once the
	// process ends.
	Key []byte

	// Replay, unless it is zero, makes every game that one.
	Replay Replay

	// Menu, if set, returns what else is served beside this challenge, a line each, for the command
	// `menu`. It is called from the sessions' goroutines.
	Menu func() []string

	// Partial, if set, returns the flag for reaching a checkpoint, after 20 or 40 right answers; "" is
	// none. The last flag is Session.Flag. It is called from the sessions' goroutines.
	Partial func(s *chal.Session, right int) string

	// Result, if set, is called once for each ranked game when it is over, from the session's
	// goroutine: the entry for a leaderboard.
	Result func(ctx context.Context, r Result)
}

// Result is how a ranked game went.
type Result struct {
	Session  string // the session's ID
	Team     chal.Team
	Right    int // of Rounds
	Rounds   int
	Thinking time.Duration
	Replay   string // the game's replay id
}

// Before says whether r stands above other on a leaderboard: more rounds, then less thinking time.
func (r Result) Before(other Result) bool {
	if r.Right != other.Right {
		return r.Right > other.Right
	}
	return r.Thinking < other.Thinking
}

// New returns the challenge, with the reference solver. It may be served by several servers at once.
func New(o Options) chal.Challenge { return withTurns(o, new(turns)) }

// withTurns is New, with the turns its sessions take in practice.
func withTurns(o Options, practice *turns) chal.Challenge {
	if len(o.Key) == 0 {
		o.Key = make([]byte, 32)
		rand.Read(o.Key) // never fails
	}
	return chal.Challenge{
		Name:     Name,
		Category: "misc",
		Description: "60 questions about the world. A minute to think. One wrong answer ends it.\n" +
			"Write a script: the protocol is stable, and practice explains every answer.",
		Points: 300,
		Handler: chal.HandlerFunc(func(ctx context.Context, s *chal.Session) error {
			p := &player{s: s, o: &o, practice: practice, view: view{lang: "en"}}
			return p.play(ctx)
		}),
		Solve: Solve,
		// Practice takes as long as it takes; the ranked game is bounded by its own clock.
		SessionTimeout: time.Hour,
	}
}

// newReplay numbers a new game. The number is random, so that no game comes again after a restart.
func (o *Options) newReplay(s *chal.Session) Replay {
	if o.Replay.id != "" {
		return o.Replay
	}
	var n [8]byte
	rand.Read(n[:])
	return newReplay(o.Key, s.Team.ID, binary.BigEndian.Uint64(n[:]))
}

// drawn are the lists that questions are drawn from.
var drawn = []func() []*geo.Country{
	askCapital, askCode, askCurrency, askCalling, askName, askContinent, askLandlocked, askBorders, askPoint, askClock,
	askMap, askFlag,
}

// edition tells apart versions of the game and of its data that draw different questions.
var edition = sync.OnceValue(func() uint32 {
	h := sha256.New()
	h.Write([]byte{Protocol, drawing})
	for _, k := range kinds {
		h.Write([]byte(k.name + "\n"))
	}
	for _, s := range geo.Sources() {
		h.Write([]byte(s.String() + "\n"))
	}
	// Decisions of package geo change what may be asked without a new version of any source.
	for _, c := range geo.Countries() {
		fmt.Fprintln(h, c.Alpha2(), c, c.Capitals(), c.Currencies(), c.CallingCodes(), c.Borders())
		for _, list := range drawn {
			fmt.Fprint(h, slices.Contains(list(), c))
		}
	}
	for _, c := range geo.Cities() {
		fmt.Fprintln(h, c, c.Point)
	}
	return binary.BigEndian.Uint32(h.Sum(nil))
})
