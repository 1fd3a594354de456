package oci_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/ocitest"
	"github.com/flagstaff-ctf/flagstaff/sandbox/oci"
)

// TestHostile refuses what would lead out of the directory or never end.
func TestHostile(t *testing.T) {
	entry := func(e ocitest.Entry) []ocitest.Entry { return []ocitest.Entry{e} }
	for name, c := range map[string]struct {
		layer []ocitest.Entry
		o     oci.Options
		want  string
	}{
		"upwards":           {entry(ocitest.Entry{Name: "../x"}), oci.Options{}, `"../x" leads upwards`},
		"upwards inside":    {entry(ocitest.Entry{Name: "a/../b"}), oci.Options{}, "leads upwards"},
		"absolute upwards":  {entry(ocitest.Entry{Name: "/../etc/x"}), oci.Options{}, "leads upwards"},
		"hard link outside": {entry(ocitest.Entry{Name: "x", Type: tar.TypeLink, Link: "../../../etc/passwd"}), oci.Options{}, "leads upwards"},
		"hard link absent":  {entry(ocitest.Entry{Name: "x", Type: tar.TypeLink, Link: "etc/passwd"}), oci.Options{}, `is a link to "etc/passwd": `},
		"hard link through a link": {[]ocitest.Entry{
			{Name: "out", Type: tar.TypeSymlink, Link: "/../../../etc"}, {Name: "x", Type: tar.TypeLink, Link: "out/passwd"},
		}, oci.Options{}, `is a link to "out/passwd": `},
		"hard link to a directory": {[]ocitest.Entry{{Name: "d", Type: tar.TypeDir}, {Name: "x", Type: tar.TypeLink, Link: "d"}}, oci.Options{}, "which is no file"},
		"links in a circle": {[]ocitest.Entry{
			{Name: "a", Type: tar.TypeSymlink, Link: "b"}, {Name: "b", Type: tar.TypeSymlink, Link: "a"}, {Name: "a/x"},
		}, oci.Options{}, "too many levels"},
		"below a file":   {[]ocitest.Entry{{Name: "a"}, {Name: "a/b"}}, oci.Options{}, "not a directory"},
		"deep":           {entry(ocitest.Entry{Name: strings.Repeat("a/", 300) + "a"}), oci.Options{}, "too long a name"},
		"bytes":          {entry(ocitest.Entry{Name: "a", Body: strings.Repeat("0", 100_000)}), oci.Options{MaxBytes: 50_000}, "more than 50000 bytes"},
		"entries":        {[]ocitest.Entry{{Name: "a"}, {Name: "a"}, {Name: "a"}, {Name: "a"}}, oci.Options{MaxEntries: 3}, "more than 3 entries"},
		"empty whiteout": {entry(ocitest.Entry{Name: ".wh..."}), oci.Options{}, "hides no name"},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.o
			o.Cache = filepath.Join(t.TempDir(), "cache")
			_, err := layout(t, o, c.layer)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			left, _ := filepath.Glob(o.Cache + "/[^l]*") // all but the lock
			if len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
}

// TestBombAfterTheEnd follows an archive's end with what unpacks to more than allowed.
func TestBombAfterTheEnd(t *testing.T) {
	dir := t.TempDir()
	ocitest.Layout(t, dir, ocitest.Image{Layers: [][]ocitest.Entry{{{Name: "a"}}}})
	b := append(ocitest.Layer(t, []ocitest.Entry{{Name: "a"}}), make([]byte, 1<<20)...)
	for _, c := range []ocitest.Compression{ocitest.Gzip, ocitest.Zstd} {
		swap(t, dir, "layer", c.Compress(t, b))
		var limit *oci.LimitError
		if _, err := unpack(t, dir, oci.Options{MaxBytes: 100_000}); !errors.As(err, &limit) || limit.Hint() == "" {
			t.Errorf("%v: got %v, want that it is too much", c, err)
		}
	}
}

// swap replaces the layer of a layout of one image and puts the new digests everywhere but into the configuration.
func swap(t testing.TB, dir, what string, b []byte) {
	t.Helper()
	blobs, err := filepath.Glob(dir + "/blobs/sha256/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range blobs {
		old, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		isLayer := bytes.HasPrefix(old, []byte{0x1f, 0x8b})
		if isLayer != (what == "layer") || !isLayer && !bytes.Contains(old, []byte(`"`+what+`"`)) {
			continue
		}
		blob := ocitest.Blob(t, dir, "", b)
		os.Remove(name)
		replace(t, dir, ocitest.Digest(old), blob["digest"].(string), len(old), len(b))
		return
	}
	t.Fatal("no such blob")
}

// replace changes a digest and size wherever they are mentioned, and what follows from that.
func replace(t testing.TB, dir, old, new string, oldSize, newSize int) {
	t.Helper()
	files, _ := filepath.Glob(dir + "/blobs/sha256/*")
	for _, name := range append(files, dir+"/index.json") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, []byte(old)) {
			continue
		}
		changed := bytes.ReplaceAll(b, []byte(old), []byte(new))
		changed = bytes.ReplaceAll(changed, size(oldSize), size(newSize))
		if filepath.Base(name) == "index.json" {
			if err := os.WriteFile(name, changed, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		os.Remove(name)
		d := ocitest.Blob(t, dir, "", changed)
		replace(t, dir, ocitest.Digest(b), d["digest"].(string), len(b), len(changed))
	}
}

func size(n int) []byte { return []byte(`"size":` + strconv.Itoa(n)) }

// TestDamaged names the blob that is wrong, and what is there.
func TestDamaged(t *testing.T) {
	for _, c := range []struct {
		name  string
		which func(b []byte) bool
		edit  func(b []byte) []byte
		want  string
	}{
		{"layer", gzipped, func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "has the digest sha256:"},
		{"layer's middle", gzipped, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "has the digest sha256:"},
		{"layer's size", gzipped, func(b []byte) []byte { return append(b, 0) }, "want "},
		{"configuration", has("diff_ids"), func(b []byte) []byte { return bytes.Replace(b, []byte("linux"), []byte("Linux"), 1) }, "has the digest sha256:"},
		{"manifest", has("schemaVersion"), func(b []byte) []byte { return bytes.Replace(b, []byte("2"), []byte("3"), 1) }, "has the digest sha256:"},
		{"manifest's size", has("schemaVersion"), func(b []byte) []byte { return append(b, ' ') }, "want "},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			ocitest.Layout(t, dir, simple)
			files, _ := filepath.Glob(dir + "/blobs/sha256/*")
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if !c.which(b) {
					continue
				}
				if err := os.WriteFile(f, c.edit(b), 0o644); err != nil {
					t.Fatal(err)
				}
				_, err = unpack(t, dir, oci.Options{})
				var wrong *oci.DigestError
				if !errors.As(err, &wrong) || wrong.Blob != "sha256:"+filepath.Base(f) || !strings.Contains(err.Error(), c.want) || wrong.Hint() == "" {
					t.Errorf("got %v, want the digest %s and %q", err, filepath.Base(f), c.want)
				}
				return
			}
			t.Error("no such blob")
		})
	}
}

func gzipped(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1f, 0x8b}) }

func has(word string) func([]byte) bool {
	return func(b []byte) bool { return bytes.Contains(b, []byte(`"`+word+`"`)) }
}

// TestOtherContent finds a layer whose digest is right and whose content is not what the configuration says.
func TestOtherContent(t *testing.T) {
	dir := t.TempDir()
	ocitest.Layout(t, dir, ocitest.Image{Layers: [][]ocitest.Entry{{{Name: "a"}}}})
	swap(t, dir, "layer", ocitest.Gzip.Compress(t, ocitest.Layer(t, []ocitest.Entry{{Name: "b"}})))
	var wrong *oci.DigestError
	if _, err := unpack(t, dir, oci.Options{}); !errors.As(err, &wrong) || !wrong.Plain {
		t.Errorf("got %v, want a wrong digest uncompressed", err)
	}
}

// TestSavedDamaged finds a configuration of docker save that was changed, and one of another image.
func TestSavedDamaged(t *testing.T) {
	for want, change := range map[string]func(string) string{
		"has the digest":                   func(s string) string { return s + " " },
		"has 1 layers":                     func(s string) string { return strings.Replace(s, `["sha256`, `["sha256:x","sha256`, 1) },
		"uncompressed it should have":      swapDigit,
		"want 64 hexadecimal digits in lo": func(s string) string { return strings.Replace(s, `["sha256:`, `["sha256:0`, 1) },
	} {
		dir := t.TempDir()
		ocitest.Saved(t, dir, ocitest.Image{Layers: [][]ocitest.Entry{{{Name: "a"}}}})
		config, _ := filepath.Glob(dir + "/*[0-9a-f].json")
		b, err := os.ReadFile(config[0])
		if err != nil {
			t.Fatal(err)
		}
		to := config[0]
		if want != "has the digest" { // a name that says no digest
			to = dir + "/config.json"
			m, err := os.ReadFile(dir + "/manifest.json")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir+"/manifest.json", bytes.Replace(m, []byte(filepath.Base(config[0])), []byte("config.json"), 1), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(to, []byte(change(string(b))), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := unpack(t, dir, oci.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// swapDigit changes a digit of the first layer's digest.
func swapDigit(s string) string {
	i := strings.Index(s, `["sha256:`) + len(`["sha256:`)
	digit := byte('0')
	if s[i] == digit {
		digit = '1'
	}
	return s[:i] + string(digit) + s[i+1:]
}
