package host

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestKeptKeyIsMadeOnceAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "event.key")
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := keptKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for _, key := range keys {
		if len(key) != 32 || !bytes.Equal(key, keys[0]) {
			t.Fatalf("two callers got %x and %x, want one key of 32 bytes", keys[0], key)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		t.Errorf("the key's file has mode %v, others may read it", perm)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".event.key-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedKeyIsSaidNotReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "event.key")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keptKey(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}

func TestKeyFromEnvironment(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{strings.Repeat("ab", 16), true},
		{strings.Repeat("ab", 15), false},
		{"not hex at all, but long enough to be one", false},
		{"", false},
	} {
		key, err := eventKey(func(string) (string, bool) { return tt.text, true })
		var bad *SettingError
		if ok := err == nil; ok != tt.ok || !ok && !errors.As(err, &bad) {
			t.Errorf("%q: got key %x, error %v; want ok %v", tt.text, key, err, tt.ok)
		}
	}
}
