package doctest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// TestServers does everything that docs/servers says.
func TestServers(t *testing.T) {
	files, err := filepath.Glob("../../docs/servers/*.md")
	if err != nil || len(files) != 6 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	o := Options{Program: testkit.Program, Bin: filepath.Dir(flagstaff(t))}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(b)) {
				if strings.HasPrefix(line, "    flagstaff") {
					t.Errorf("a command is not in a block of sh, so it is not tried: %s", line)
				}
			}
			Run(t, file, o)
		})
	}
}
