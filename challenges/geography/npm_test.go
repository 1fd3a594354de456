package geography

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// missing skips a test for want of a program or a network, by name; with FLAGSTAFF_REQUIRE_ALL=1 it fails.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("FLAGSTAFF_REQUIRE_ALL") == "1" {
		t.Fatalf("%s is missing, and FLAGSTAFF_REQUIRE_ALL=1", what)
	}
	t.Skipf("%s is missing", what)
}

// program finds a program, or skips.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name)
	}
	return path
}

// npmModules returns the directory of the packages that testdata/npm locks, fetched once into the
// user's cache and never into the tree.
func npmModules(t testing.TB) string {
	t.Helper()
	npm := program(t, "npm")
	sum := sha256.New()
	files := []string{"package.json", "package-lock.json", ".npmrc"}
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join("testdata", "npm", name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	dir := filepath.Join(cache, "flagstaff-geography-test", hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return filepath.Join(dir, "node_modules")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "fetch")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join("testdata", "npm", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(tmp, name), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("what npm fetches (%v: %.300s)", err, out))
	}
	// Another test may have been quicker: either result is the same.
	if err := os.Rename(tmp, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "node_modules")
}
