package oci_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/ocitest"
	"github.com/flagstaff-ctf/flagstaff/sandbox/oci"
)

// TestOnce unpacks by several at once, and again; all get the same directory, and nothing else is left.
func TestOnce(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	ocitest.Layout(t, dir, simple)
	var all sync.WaitGroup
	roots := make([]string, 8)
	for i := range roots {
		all.Go(func() {
			img, err := oci.Unpack(t.Context(), dir, oci.Options{Cache: cache})
			if err != nil {
				t.Error(err)
				return
			}
			roots[i] = img.Root
		})
	}
	all.Wait()
	if got := slices.Compact(roots); len(got) != 1 {
		t.Errorf("got %q, want one directory", got)
	}
	before, err := os.Stat(roots[0])
	if err != nil {
		t.Fatal(err)
	}
	again, err := unpack(t, dir, oci.Options{Cache: cache})
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(again.Root); err != nil || !os.SameFile(before, after) {
		t.Errorf("the second time: got %v, %v, want the same directory", after, err)
	}
	if names := list(t, cache); len(names) != 3 { // and the two locks
		t.Errorf("the cache has %q", names)
	}
}

func list(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestSweep takes away what a process left that died while it unpacked.
func TestSweep(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	ocitest.Layout(t, dir, simple)
	if err := os.MkdirAll(cache+"/unfinished-1/root/d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cache+"/unfinished-1/root/d/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chmod(cache+"/unfinished-1/root/d", 0)
	if _, err := unpack(t, dir, oci.Options{Cache: cache}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cache + "/unfinished-1"); err == nil {
		t.Error("what the dead one left is still there")
	}
}

// TestUnused takes away what was last used long ago, when another image is unpacked, and nothing that is in use.
func TestUnused(t *testing.T) {
	long := time.Now().Add(-31 * 24 * time.Hour)
	image := func(content string) string {
		dir := t.TempDir()
		ocitest.Layout(t, dir, ocitest.Image{Layers: [][]ocitest.Entry{{{Name: "a", Body: content}}}})
		return dir
	}
	for _, c := range []struct {
		name string
		use  func(img *oci.Image, used string)
		stay bool
	}{
		{"long ago", func(img *oci.Image, used string) { img.Close(); os.Chtimes(used, long, long) }, false},
		{"just now", func(img *oci.Image, _ string) { img.Close() }, true},
		{"for long, until now", func(img *oci.Image, used string) { os.Chtimes(used, long, long); img.Close() }, true},
		{"still", func(_ *oci.Image, used string) { os.Chtimes(used, long, long) }, true},
		{"nobody knows", func(img *oci.Image, used string) { img.Close(); os.Remove(used) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "cache")
			first := image("first")
			img, err := unpack(t, first, oci.Options{Cache: cache})
			if err != nil {
				t.Fatal(err)
			}
			defer img.Close()
			c.use(img, img.Root+".used")
			other, err := unpack(t, image("second"), oci.Options{Cache: cache})
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if _, err := os.Stat(img.Root); (err == nil) != c.stay {
				t.Errorf("got %v, want it to stay: %v; the cache has %q", err, c.stay, list(t, cache))
			}
			again, err := unpack(t, first, oci.Options{Cache: cache})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if got := tree(t, again.Root)["a"]; got != "first" {
				t.Errorf("unpacked again: got %q", got)
			}
		})
	}
}

// TestCacheOfOthers does not trust a directory that others may write to.
func TestCacheOfOthers(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	ocitest.Layout(t, dir, simple)
	os.Chmod(cache, 0o777)
	var others *oci.CacheError
	if _, err := unpack(t, dir, oci.Options{Cache: cache}); !errors.As(err, &others) {
		t.Errorf("got %v, want that others may write to it", err)
	}
}

// TestNoCache says how to choose another place.
func TestNoCache(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CACHE_DIRECTORY", filepath.Join(dir, "file"))
	ocitest.Layout(t, dir, ocitest.Image{Layers: [][]ocitest.Entry{{{Name: "a"}}}})
	_, err := oci.Unpack(t.Context(), dir, oci.Options{})
	var no *oci.CacheError
	if !errors.As(err, &no) || no.Err == nil || !strings.Contains(no.Hint(), "$CACHE_DIRECTORY") {
		t.Errorf("got %v, want a hint about $CACHE_DIRECTORY", err)
	}
}
