//go:build unix

package host

import (
	"log/slog"
	"testing"
)

// TestFit lowers the number of sessions to what there are descriptors for, and nothing else.
func TestFit(t *testing.T) {
	most := fitting(openFiles(), programFiles)
	for asked, want := range map[int]int{-1: most, most + 1: most, most: most, 1: 1} {
		f := &lineFlags{maxSessions: asked}
		if f.fit(programFiles, slog.New(slog.DiscardHandler)); f.maxSessions != want {
			t.Errorf("of %d: got %d, want %d", asked, f.maxSessions, want)
		}
	}
	for files, want := range map[int]int{8: 1, 64: 9, 1 << 10: 309, 1 << 16: 20469} {
		if got := fitting(files, programFiles); got != want || got*programFiles > max(files, programFiles) {
			t.Errorf("with %d descriptors: got %d sessions, want %d", files, got, want)
		}
	}
}
