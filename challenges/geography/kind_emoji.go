package geography

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var emojiKind = kind{
	name: "emoji", tier: 1,
	asks: "the UTF-8 bytes of an emoji flag, or whose they are",
	form: "bytes in hexadecimal, or a country. A flag is two letters, U+1F1E6 is A",

	draw: func(r *rand.Rand) question {
		c := pick(r, askCode())
		q := question{
			key:     c.Alpha2(),
			why:     "regional indicators " + c.Alpha2() + ": U+1F1E6 is A",
			sources: []string{"cldr-core"},
		}
		bytes := fmt.Sprintf("% x", c.EmojiFlag())
		if r.IntN(2) == 0 {
			q.prompt = say("Which bytes, in hexadecimal, are the emoji flag of %s in UTF-8?", c)
			q.answer = bytes
			q.accepts = func(answer string) bool { return parseHex(answer) == c.EmojiFlag() }
			return q
		}
		q.prompt = say("Which country's emoji flag is %s in UTF-8?", bytes)
		q.accepts, q.answer, q.also = c.Accepts, c.String(), others(c.AcceptedNames, c.String())
		return q
	},

	solve: func(prompt string, _ []string) string {
		if c := geo.ByName(between(prompt, "emoji flag of ", " in UTF-8")); c != nil {
			return hex.EncodeToString([]byte(c.EmojiFlag()))
		}
		var letters strings.Builder
		for _, r := range parseHex(between(prompt, "emoji flag is ", " in UTF-8")) {
			letters.WriteRune(r - '🇦' + 'A')
		}
		return letters.String()
	},
}

// parseHex reads bytes as people write them: f09f…, f0 9f, 0xf0 0x9f, \xf0\x9f, F0:9F. It returns ""
// for anything else.
func parseHex(s string) string {
	s = strings.ToLower(s)
	for _, drop := range []string{"0x", `\x`, " ", "\t", ":", ",", "-", "%"} {
		s = strings.ReplaceAll(s, drop, "")
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(b)
}
