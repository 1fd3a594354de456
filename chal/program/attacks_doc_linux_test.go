package program_test

import (
	"os"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

// row writes what the suite says of an attack as docs/attacks.md does.
func (a attack) row() (in, answer string) {
	in = "C"
	if a.python {
		in = "C, Python"
	}
	answer = a.answer()
	if answer == "" {
		answer = "nothing"
	}
	if a.user != nil {
		answer += "; user: " + a.user.answer()
	}
	if a.alone != nil {
		answer += "; alone: " + a.alone.answer()
	}
	return in, answer
}

func (a attack) answer() string {
	var parts, ends []string
	if a.met != "" {
		parts = append(parts, a.met)
	}
	for _, r := range a.ends {
		if r != chal.ReasonDone {
			ends = append(ends, string(r))
		}
	}
	if n := len(ends); n > 0 {
		text := strings.Join(ends[:n-1], ", ")
		if text != "" {
			text += " or "
		}
		parts = append(parts, "ended: "+text+ends[n-1])
	}
	return strings.Join(parts, "; ")
}

// TestAttacksDocument compares the table in docs/attacks.md with the suite: the attacks, their order, their languages and
// what they get.
func TestAttacksDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(strings.TrimSpace(line), " | "); strings.HasPrefix(line, "| `") {
			rows = append(rows, cells)
			if len(cells) != 5 {
				t.Errorf("%d cells, want 5: %s", len(cells), line)
			}
		}
	}
	if len(rows) != len(suite) {
		t.Errorf("the table has %d attacks, the suite %d", len(rows), len(suite))
	}
	for i, a := range suite[:min(len(rows), len(suite))] {
		in, answer := a.row()
		name := strings.Trim(rows[i][0], "|` ")
		if name != a.name {
			t.Fatalf("row %d is about %q, want %q", i+1, name, a.name)
		}
		if rows[i][1] != in {
			t.Errorf("%s: in %q, want %q", name, rows[i][1], in)
		}
		if got := strings.TrimSuffix(rows[i][len(rows[i])-1], " |"); got != answer {
			t.Errorf("%s: the answer is %q, want %q", name, got, answer)
		}
	}
}
