package levels

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const rawSize = 12

var (
	wideTexts   = []string{"smörgåsbord", "Ελλάδα 7", "привет", "東京タワー", "naïve café", "žluťoučký kůň", "🏁 finish", "10 €", "¿qué?"}
	latin1Texts = []string{"café", "Übermut", "Ærøskøbing", "mañana", "Þingvellir", "garçon", "blåbær", "½ £"}
)

// encodings: bytes and the ways to write them down. (The level's name is bytes.)
func encodings(Options) Level {
	return tcp(bytesText, func(_ context.Context, p *player) error {
		if err := p.Send(p.level.greeting()); err != nil {
			return err
		}
		r := newRand()
		for _, round := range []func(*player, *rand.Rand) (string, error){
			roundHex, roundRaw, roundBase64, roundUTF8, roundUTF16, roundLatin1,
		} {
			why, err := round(p, r)
			if err != nil {
				return err
			}
			if why != "" {
				return p.no("%s", why)
			}
			if err := p.Say("OK"); err != nil {
				return err
			}
		}
		return p.won()
	})
}

// rawBytes returns bytes among which are those that text tools stumble over.
func rawBytes(r *rand.Rand) []byte {
	b := make([]byte, rawSize)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	copy(b, []byte{0, 0xff, '\n', 0x80})
	r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
	return b
}

// raw waits for n bytes that are no line.
func (p *player) raw(n int) ([]byte, error) {
	for {
		in := p.Within(p.level.IdleTimeout)
		hint, err := p.hinted(in)
		if err != nil {
			return nil, err
		}
		if !hint {
			return in.RecvNBytes(n)
		}
	}
}

// roundHex: the player decodes hex and sends the bytes themselves.
func roundHex(p *player, r *rand.Rand) (string, error) {
	want := rawBytes(r)
	if err := p.Sayf("HEX %x", want); err != nil {
		return "", err
	}
	got, err := p.raw(len(want))
	var short *tube.Error
	switch {
	case errors.As(err, &short) && short.N > 0:
		p.no("Only %d of %d bytes have come: % x.", short.N, len(want), short.Got)
		return "", err
	case err != nil:
		return "", err
	case string(got) == string(want):
		return "", nil
	case strings.HasPrefix(hex.EncodeToString(want), string(got)):
		return fmt.Sprintf("You sent the digits %s as text; I want the %d bytes that they write down.", quote(string(got)), len(want)), nil
	case strings.HasPrefix(strings.ReplaceAll(string(want), "\n", "\r\n"), string(got)):
		return fmt.Sprintf("You sent % x: something made CRLF of the byte 0a.", got), nil
	case strings.HasPrefix(fromLatin1(want), string(got)):
		return fmt.Sprintf("You sent % x, not % x: as if the bytes were characters, encoded in UTF-8.", got, want), nil
	}
	return fmt.Sprintf("You sent % x, not % x.", got, want), nil
}

// line sends a question and waits for the line that answers it.
func (p *player) line(question string) (string, error) {
	if err := p.Send(question); err != nil {
		return "", err
	}
	got, err := p.answer()
	return strings.TrimSpace(got), err
}

// roundRaw: the player reads a counted number of bytes and encodes them as hex.
func roundRaw(p *player, r *rand.Rand) (string, error) {
	want := rawBytes(r)
	p.midLine = true
	got, err := p.line(fmt.Sprintf("RAW %d\n%s", len(want), want))
	switch {
	case err != nil:
		return "", err
	case strings.EqualFold(got, hex.EncodeToString(want)):
		p.midLine = false
		return "", nil
	case got == "":
		return "You sent an empty line: did a newline follow your twelve bytes? It is a byte like the others.", nil
	}
	return fmt.Sprintf("The bytes were %x, you sent %s: NUL, FF and 0A are bytes like the others.", want, quote(got)), nil
}

// roundBase64: from base64 to hex.
func roundBase64(p *player, r *rand.Rand) (string, error) {
	want := rawBytes(r)[:rawSize-1-r.IntN(2)] // so that there is padding
	got, err := p.line("BASE64 " + base64.StdEncoding.EncodeToString(want) + "\n")
	if err != nil || strings.EqualFold(got, hex.EncodeToString(want)) {
		return "", err
	}
	return fmt.Sprintf("In hex that is %x, you sent %s.", want, quote(got)), nil
}

// roundUTF8: bytes are not characters.
func roundUTF8(p *player, r *rand.Rand) (string, error) {
	text := wideTexts[r.IntN(len(wideTexts))]
	size, count := len(text), utf8.RuneCountInString(text)
	got, err := p.line("UTF8 " + text + "\n")
	if err != nil {
		return "", err
	}
	var a, b int
	fmt.Sscanf(got, "%d %d", &a, &b)
	switch {
	case a == size && b == count:
		return "", nil
	case a == count && b == size:
		return "First the bytes, then the characters.", nil
	case a == b && a == count:
		return fmt.Sprintf("%q has %d characters, but UTF-8 writes them in %d bytes.", text, count, size), nil
	case a == b && a == size:
		return fmt.Sprintf("%q has %d bytes, but they are %d characters.", text, size, count), nil
	case b == len(utf16.Encode([]rune(text))):
		return fmt.Sprintf("%q has %d characters; what you counted are the 16-bit units of UTF-16.", text, count), nil
	}
	return fmt.Sprintf("%q has %d bytes and %d characters, you sent %s.", text, size, count, quote(got)), nil
}

// roundUTF16: two bytes a unit, in either order, characters beyond U+FFFF as two units.
func roundUTF16(p *player, r *rand.Rand) (string, error) {
	want := wideTexts[r.IntN(len(wideTexts))]
	name, swap := "UTF16BE", r.IntN(2) == 1
	if swap {
		name = "UTF16LE"
	}
	got, err := p.line(name + " " + utf16Hex(want, swap) + "\n")
	if err != nil || got == want {
		return "", err
	}
	if got == swappedUTF16(want) {
		return "You took the two bytes of each unit in the wrong order: " + name + " says which is first.", nil
	}
	return fmt.Sprintf("That was %q, you sent %s; I read UTF-8.", want, quote(got)), nil
}

func utf16Hex(s string, swap bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		if swap {
			u = u<<8 | u>>8
		}
		fmt.Fprintf(&b, "%04x", u)
	}
	return b.String()
}

func swappedUTF16(s string) string {
	units := utf16.Encode([]rune(s))
	for i, u := range units {
		units[i] = u<<8 | u>>8
	}
	return string(utf16.Decode(units))
}

// roundLatin1: a byte a character, which is not UTF-8.
func roundLatin1(p *player, r *rand.Rand) (string, error) {
	want := latin1Texts[r.IntN(len(latin1Texts))]
	var raw []byte
	for _, c := range want {
		raw = append(raw, byte(c))
	}
	got, err := p.line(fmt.Sprintf("LATIN1 %x\n", raw))
	switch {
	case err != nil || got == want:
		return "", err
	case got == string(raw):
		return fmt.Sprintf("You sent the latin-1 bytes %x themselves; in UTF-8, %q is %x.", raw, want, want), nil
	}
	return fmt.Sprintf("That was %q, you sent %s; I read UTF-8.", want, quote(got)), nil
}

// fromLatin1 returns the text that b is in latin-1, which is the first 256 characters of Unicode.
func fromLatin1(b []byte) string {
	text := make([]rune, len(b))
	for i, c := range b {
		text[i] = rune(c)
	}
	return string(text)
}

func solveBytes(_ context.Context, t *tube.Tube) (string, error) {
	for _, round := range []struct {
		key   string
		solve func(t *tube.Tube, rest string) (string, error)
	}{
		{"HEX", func(_ *tube.Tube, s string) (string, error) {
			b, err := tube.Unhex(s)
			return string(b), err
		}},
		{"RAW", func(t *tube.Tube, s string) (string, error) {
			n, err := strconv.Atoi(s)
			if err != nil || n > 1<<10 {
				return "", fmt.Errorf("read RAW %q", s)
			}
			b, err := t.RecvNBytes(n)
			return tube.Hex(b) + "\n", err
		}},
		{"BASE64", func(_ *tube.Tube, s string) (string, error) {
			b, err := tube.Unbase64(s)
			return tube.Hex(b) + "\n", err
		}},
		{"UTF8", func(_ *tube.Tube, s string) (string, error) {
			return fmt.Sprintf("%d %d\n", len(s), utf8.RuneCountInString(s)), nil
		}},
		{"", func(_ *tube.Tube, s string) (string, error) { // UTF16LE or UTF16BE
			name, digits, _ := strings.Cut(s, " ")
			b, err := tube.Unhex(digits)
			if err != nil || len(b)%2 != 0 {
				return "", fmt.Errorf("read %q as UTF-16", s)
			}
			var units []uint16
			for i := 0; i < len(b); i += 2 {
				u := uint16(b[i])<<8 | uint16(b[i+1])
				if name == "UTF16LE" {
					u = u<<8 | u>>8
				}
				units = append(units, u)
			}
			return string(utf16.Decode(units)) + "\n", nil
		}},
		{"LATIN1", func(_ *tube.Tube, s string) (string, error) {
			b, err := tube.Unhex(s)
			return fromLatin1(b) + "\n", err
		}},
	} {
		if err := solveRound(t, round.key, round.solve); err != nil {
			return "", err
		}
	}
	return await(t, "FLAG")
}

// solveRound waits for a question and for the OK to its answer.
func solveRound(t *tube.Tube, key string, solve func(t *tube.Tube, rest string) (string, error)) error {
	rest, err := "", error(nil)
	if key == "" {
		rest, err = t.RecvLine()
	} else {
		rest, err = await(t, key)
	}
	if err != nil {
		return err
	}
	answer, err := solve(t, rest)
	if err != nil {
		return err
	}
	if err := t.Send(answer); err != nil {
		return err
	}
	_, err = await(t, "OK")
	return err
}
