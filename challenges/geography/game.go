package geography

import (
	"math/rand/v2"
)

// rounds is the length of a ranked game, and of practice with all kinds.
const (
	rounds         = 60
	practiceRounds = 20 // of one kind
	checkpoint     = 20 // every so many right answers
)

// tierRounds are the rounds of each tier in a ranked game, in this order.
var tierRounds = [...]int{1: 30, 2: 20, 3: 10}

// game is a sequence of questions: the same seed gives the same ones, whatever the player does.
type game struct {
	r     *rand.Rand
	plan  []*kind // of each round
	n     int     // rounds asked
	asked map[string]bool
}

// newGame plans a game with all kinds, tier by tier.
func newGame(seed [32]byte) *game {
	g := &game{r: rand.New(rand.NewChaCha8(seed)), asked: map[string]bool{}}
	missing := 0
	for tier := len(tierRounds) - 1; tier >= 1; tier-- {
		n := tierRounds[tier] + missing
		deck := ofTier(tier)
		if missing = 0; len(deck) == 0 {
			missing = n // the tier below plays them
			continue
		}
		g.plan = append(g.deal(deck, n), g.plan...)
	}
	return g
}

// newDrill plans a game of one kind.
func newDrill(seed [32]byte, k *kind, n int) *game {
	g := &game{r: rand.New(rand.NewChaCha8(seed)), asked: map[string]bool{}}
	g.plan = g.deal([]*kind{k}, n)
	return g
}

func ofTier(tier int) []*kind {
	var out []*kind
	for _, k := range kinds {
		if k.tier == tier {
			out = append(out, k)
		}
	}
	return out
}

// deal takes n kinds of a deck, shuffled anew whenever it is used up: all come equally often.
func (g *game) deal(deck []*kind, n int) []*kind {
	var out []*kind
	for len(out) < n {
		for _, i := range g.r.Perm(len(deck)) {
			out = append(out, deck[i])
		}
	}
	return out[:n]
}

// next draws the next question, one that was not yet asked in this game. Every kind has many times
// the questions that a game asks, so the loop is short; its bound only makes that obvious.
func (g *game) next() question {
	k := g.plan[g.n]
	g.n++
	var q question
	for range 1000 {
		q = k.draw(g.r)
		q.kind = k
		if !g.asked[k.name+" "+q.key] {
			break
		}
	}
	g.asked[k.name+" "+q.key] = true
	return q
}
