package doctest

import (
	"path/filepath"
	"testing"
)

// TestTutorial does everything that docs/sockets says.
func TestTutorial(t *testing.T) {
	files, err := filepath.Glob("../../docs/sockets/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			Run(t, file, Options{})
		})
	}
}
