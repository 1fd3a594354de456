package testkit_test

import (
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// fake records how a test would have ended.
type fake struct {
	testing.TB
	skipped, failed string
}

func (f *fake) Helper()        {}
func (f *fake) Skip(a ...any)  { f.skipped, _ = a[0].(string) }
func (f *fake) Fatal(a ...any) { f.failed, _ = a[0].(string) }

func TestProgram(t *testing.T) {
	const missing = "no-such-program-anywhere"
	t.Setenv("FLAGSTAFF_REQUIRE_ALL", "")
	f := &fake{TB: t}
	testkit.Program(f, missing)
	if want := "program " + missing + " is not installed"; f.skipped != want || f.failed != "" {
		t.Errorf("skipped with %q, failed with %q, want skipped with %q", f.skipped, f.failed, want)
	}
	t.Setenv("FLAGSTAFF_REQUIRE_ALL", "1")
	f = &fake{TB: t}
	testkit.Program(f, missing)
	if f.failed == "" || f.skipped != "" {
		t.Errorf("with FLAGSTAFF_REQUIRE_ALL=1: skipped with %q, failed with %q, want failed", f.skipped, f.failed)
	}
	f = &fake{TB: t}
	if path := testkit.Program(f, "go"); path == "" || f.failed != "" {
		t.Errorf("Program(go) = %q, failed with %q", path, f.failed)
	}
}
