package doctest

import (
	"go/format"
	"path/filepath"
	"slices"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// TestTutorial does everything that docs/sockets says, levels included.
func TestTutorial(t *testing.T) {
	files, err := filepath.Glob("../../docs/sockets/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	o := Options{Program: testkit.Program, Levels: serveLevels(t)}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			o := o
			if serves(t, file) {
				o.Bin, o.Levels = movedFlagstaff(t)
			}
			Run(t, file, o)
		})
	}
}

// serves says whether the document starts the levels itself.
func serves(t *testing.T, file string) bool {
	_, blocks, err := read(file)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return slices.ContainsFunc(blocks, func(b block) bool { return b.lang == "sh" && b.text == "flagstaff serve\n" })
}

// TestFirstChapterServes: a reader is told to start the levels where they are
// met first, and that is tried.
func TestFirstChapterServes(t *testing.T) {
	if !serves(t, "../../docs/sockets/01-what-is-a-socket.md") {
		t.Error("chapter 1 does not run flagstaff serve")
	}
}

// TestTutorialFormat: the programs in Go look as gofmt writes them.
func TestTutorialFormat(t *testing.T) {
	files, err := filepath.Glob("../../docs/sockets/*.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for _, file := range files {
		_, blocks, err := read(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, b := range blocks {
			if b.lang != "go" {
				continue
			}
			programs++
			if want, err := format.Source([]byte(b.text)); err != nil || string(want) != b.text {
				t.Errorf("%s:%d: not formatted: %v", file, b.line, err)
			}
		}
	}
	if programs < 10 {
		t.Errorf("only %d programs in Go", programs)
	}
}
