package levels

import (
	"os"
	"os/exec"
	"testing"
)

// program returns the path of a program that the test needs. Where it is missing the test is skipped, or
// fails with FLAGSTAFF_REQUIRE_ALL=1.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("FLAGSTAFF_REQUIRE_ALL") == "1" {
			t.Fatalf("%s is missing", name)
		}
		t.Skipf("%s is missing", name)
	}
	return path
}
