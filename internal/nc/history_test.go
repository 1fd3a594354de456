package nc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestHistoryFile skips what is too long in the file, and writes nothing that long.
func TestHistoryFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "history")
	long, longest := strings.Repeat("x", 200_000), strings.Repeat("y", historyLine)
	if err := os.WriteFile(name, []byte("one\n"+long+"\ncaf\xe9\n"+longest+"\n"+longest+"y\nlast"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := openHistory(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"one", "caf\xe9", longest, "last"}; !slices.Equal(h.lines, want) {
		t.Errorf("got %d lines, want %d", len(h.lines), len(want))
	}
	h.close()
	os.Remove(name)
	if h, err = openHistory(name); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"a\tb\xff", " ", "two\nlines", longest + "y"} {
		h.keep(line)
	}
	h.close()
	if p, err := os.ReadFile(name); string(p) != "a\tb\xff\n" {
		t.Errorf("the file holds %q, %v", p, err)
	}
	if _, err := openHistory(filepath.Dir(name)); err == nil {
		t.Error("a directory is a history")
	}
}
