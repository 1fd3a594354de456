package geography

import (
	"math/rand/v2"
	"slices"

	"github.com/flagstaff-ctf/flagstaff/geo"
)

var askName = askable(geo.AskName)

// languageNames are the languages of package geo in English.
var languageNames = map[string]string{
	"ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "hi": "Hindi", "id": "Indonesian",
	"it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian",
	"sv": "Swedish", "tr": "Turkish", "zh": "Chinese", "uk": "Ukrainian", "el": "Greek", "vi": "Vietnamese",
}

var nameKind = kind{
	name: "name", tier: 1,
	asks: "the country behind its name in another language",
	form: "a country, not in the words you see: English or its ISO code is best",

	draw: func(r *rand.Rand) question {
		var c *geo.Country
		var lang, name string
		for c == nil || geo.Normalise(name) == geo.Normalise(c.String()) || !c.Accepts(name) {
			c = pick(r, askName())
			lang = pick(r, geo.Languages()[1:])
			name = c.Name(lang)
		}
		given := geo.Normalise(name)
		return question{
			key:    c.Alpha2(),
			prompt: say("Which country is called %s in "+languageNames[lang]+"? (not in the same words)", name),
			// To echo the question is no answer.
			accepts: func(answer string) bool { return geo.Normalise(answer) != given && c.Accepts(answer) },
			answer:  c.String(),
			also: others(func() []string {
				return slices.DeleteFunc(c.AcceptedNames(), func(s string) bool { return s == given })
			}, c.String()),
			sources: []string{"cldr-localenames-full"},
		}
	},

	solve: func(prompt string, _ []string) string {
		return code(geo.ByName(between(prompt, "is called ", " in ")))
	},
}
