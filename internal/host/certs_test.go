package host

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestCertificatePlace: a directory that certificates cannot be kept in is told before anybody plays.
func TestCertificatePlace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(file, "below")} {
		c := certFlags{dir: bad}
		_, err := c.place()
		var setting *SettingError
		if !errors.As(err, &setting) || setting.Hint() == "" {
			t.Errorf("%s: got %v, want an error with a hint", bad, err)
		}
	}
	good := filepath.Join(dir, "a", "b")
	c := certFlags{dir: good}
	got, err := c.place()
	left, _ := os.ReadDir(good)
	if got != good || err != nil || len(left) != 0 {
		t.Errorf("got %q, %v, and %v in it", got, err, left)
	}
}
