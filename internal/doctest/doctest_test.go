package doctest

import (
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		want, got string
		is        bool
	}{
		{"a", "a", true},
		{"a", "ab", false},
		{"a…", "abc", true},
		{"…c", "abc", true},
		{"a…c", "abc", true},
		{"a…c", "ac", true},
		{"a…b…c", "a1b2c", true},
		{"a…b…c", "a1c2b", false},
		{"ab…b", "ab", false},
	} {
		if is := matchLine(c.want, c.got); is != c.is {
			t.Errorf("matchLine(%q, %q): %v, want %v", c.want, c.got, is, c.is)
		}
	}
	got := lines("one\n  two   2\nthree\n")
	for want, is := range map[string]bool{
		"one\ntwo 2\nthree\n": true,
		"one\n…\n":            true,
		"…\nthree\n":          true,
		"one\n…\nthree\n":     true,
		"one\n…\ntwo 2\n":     false,
		"one\nthree\n":        false,
		"":                    false,
	} {
		if matchAll(lines(want), got) != is {
			t.Errorf("matchAll(%q): want %v", want, is)
		}
	}
	for want, end := range map[string]int{"one\n": 1, "two 2\n": 2, "two 2\nthree\n": 3, "four\n": -1} {
		if n := matchPart(lines(want), got); n != end {
			t.Errorf("matchPart(%q): %d, want %d", want, n, end)
		}
	}
}

func TestParse(t *testing.T) {
	all, err := parse("text\n```python file=a.py\nx = 1\n```\n<!-- stop one -->\n```sh terminal=one\nsleep 1\n```\n")
	if err != nil || len(all) != 3 || all[0].args["file"] != "a.py" || all[0].text != "x = 1\n" || all[1].lang != "stop" ||
		all[2].args["terminal"] != "one" || all[2].line != 6 {
		t.Errorf("%v %+v", err, all)
	}
	for _, bad := range []string{"```\nx\n```\n", "```python\nx\n```\n", "```sh\n", "```sh terminal\n```\n"} {
		if all, err := parse(bad); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("parse(%q): %+v, %v", bad, all, err)
		}
	}
}

// TestRun runs a document that uses all there is.
func TestRun(t *testing.T) { Run(t, "testdata/all.md", Options{Program: testkit.Program}) }

func TestPorts(t *testing.T) {
	var p ports
	if err := p.scan("5001 and 5002, 5001, not 6001 or 15001; level 4001", map[string]string{"4001": "31337"}); err != nil {
		t.Fatal(err)
	}
	if len(p.there) != 3 || p.there["4001"] != "31337" || p.there["5001"] == p.there["5002"] {
		t.Errorf("%+v", p)
	}
	text := "connect 127.0.0.1:5001 4001"
	if back := replace(replace(text, p.there), p.back); back != text {
		t.Errorf("there and back: %q", back)
	}
}
