package doctest

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// TestHosting does everything that docs/hosting.md says, with the old programs and the new one.
func TestHosting(t *testing.T) {
	r, err := sandbox.Prepare(sandbox.Policy{}, "true")
	var no *sandbox.UnenforceableError
	if errors.As(err, &no) {
		t.Skipf("%v (%s)", no, no.Hint())
	}
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	Run(t, "../../docs/hosting.md", Options{Program: testkit.Program, Bin: filepath.Dir(flagstaff(t))})
}
