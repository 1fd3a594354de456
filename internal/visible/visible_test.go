package visible

import "testing"

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"plain, Ünïcödé, 日本, 🚩":     "plain, Ünïcödé, 日本, 🚩",
		"\x1b[2K\x1b]0;owned\a\x7f": "^[[2K^[]0;owned^G^?",
		"a\x00b\rc":                 "a^@b^Mc",
		"caf\xe9 \xff":              "caf<e9> <ff>",
		"\ufffd":                    "<U+FFFD>",
		"\u009b31m \u202e \u200d":   "<U+009B>31m <U+202E> <U+200D>",
		`\x1b stays`:                `\x1b stays`,
	} {
		if got := Text(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got, want := Text("a\nb\tc"), "a^Jb^Ic"; got != want {
		t.Errorf("on one line: got %q, want %q", got, want)
	}
	if got, want := Lines("a\nb\tc\r\x1b"), "a\nb\tc^M^["; got != want {
		t.Errorf("lines: got %q, want %q", got, want)
	}
}
