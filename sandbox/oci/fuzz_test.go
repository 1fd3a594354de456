package oci

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/ocitest"
)

// FuzzLayer puts two layers on top of each other. Whatever they say, nothing appears beside the root, nothing in it
// is more than files, directories and links, and its owner can take it away.
func FuzzLayer(f *testing.F) {
	file := func(n string) ocitest.Entry { return ocitest.Entry{Name: n, Body: n} }
	link := func(n, to string) ocitest.Entry { return ocitest.Entry{Name: n, Type: tar.TypeSymlink, Link: to} }
	hard := func(n, to string) ocitest.Entry { return ocitest.Entry{Name: n, Type: tar.TypeLink, Link: to} }
	dir := func(n string) ocitest.Entry { return ocitest.Entry{Name: n, Type: tar.TypeDir, Mode: 0o4000} }
	for _, s := range [][2][]ocitest.Entry{
		{{file("a"), dir("d")}, {file(".wh.a"), file("d/.wh..wh..opq")}},
		{{link("l", "../../beside"), link("m", "/beside")}, {file("l/x"), file("m/x"), file("l")}},
		{{hard("h", "../beside"), hard("i", "l/x")}, {dir("l"), hard("h", "l")}},
		{{link("a", "b"), link("b", "a"), dir("tmp"), link("dev", "..")}, {file("a/x"), file(".wh.."), file(".wh...")}},
		{{file("../beside"), file("/beside")}, {link("flag", "/beside"), link("etc", "../.."), file("etc/passwd")}},
		{{{Name: "x", Type: tar.TypeChar}, {Name: "y", Type: tar.TypeFifo, Mode: 0o7777}}, nil},
	} {
		f.Add(ocitest.Layer(f, s[0]), ocitest.Layer(f, s[1]))
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		outer := t.TempDir()
		beside := filepath.Join(outer, "beside")
		if err := os.WriteFile(beside, []byte("untouched"), 0o640); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(outer, "deep", "root")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		const most = 1 << 20
		x := newExtractor(root, Options{MaxBytes: most, MaxEntries: 200})
		for _, l := range [][]byte{one, two} {
			if err := x.extract(bytes.NewReader(l)); err != nil {
				t.Log(err)
			}
		}
		if err := x.places(); err != nil {
			t.Log(err)
		} else if u, err := x.user("", "ctf"); err != nil {
			t.Log(err)
			err = x.setModes(user{uid: nobody})
			if err != nil {
				t.Error(err)
			}
		} else if err := x.setModes(u); err != nil {
			t.Error(err)
		}
		if b, err := os.ReadFile(beside); string(b) != "untouched" || err != nil {
			t.Errorf("beside: got %q, %v", b, err)
		}
		if info, err := os.Lstat(beside); err != nil || info.Mode() != 0o640 {
			t.Errorf("beside: got %v, %v", info.Mode(), err)
		}
		for _, d := range []string{outer, filepath.Dir(dir)} {
			if entries, err := os.ReadDir(d); err != nil || len(entries) > 2 || d != outer && len(entries) != 1 {
				t.Errorf("%s: got %v, %v", d, entries, err)
			}
		}
		var total int64
		fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // as an ordinary user: a directory that the image's user may not search
			}
			info, err := root.Lstat(name)
			if err != nil {
				t.Error(err)
				return nil
			}
			if m := info.Mode() &^ fs.ModePerm; m != 0 && m != fs.ModeDir && m != fs.ModeSymlink {
				t.Errorf("%s: mode %v", name, info.Mode())
			}
			if info.Mode().IsRegular() {
				total += info.Size()
			}
			return nil
		})
		if total > 3*most { // hard links count once each
			t.Logf("%d bytes, counting links", total)
		}
		removeTree(dir)
		if _, err := os.Lstat(dir); err == nil {
			t.Error("it cannot be removed")
		}
	})
}

// FuzzDocuments reads an image's documents as they come.
func FuzzDocuments(f *testing.F) {
	f.Add([]byte(`{"manifests":[{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}]}`), false)
	f.Add([]byte(`[{"Config":"../../etc/passwd","Layers":["/etc/passwd"]}]`), true)
	f.Add([]byte(`[{"Config":"manifest.json","Layers":null}]`), true)
	f.Fuzz(func(t *testing.T, b []byte, saved bool) {
		dir := t.TempDir()
		name := map[bool]string{false: "index.json", true: "manifest.json"}[saved]
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := openSource(dir, dir, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if p, err := choose(src, Options{Platform: "linux/amd64"}); (p == nil) == (err == nil) {
			t.Errorf("got %v, %v", p, err)
		}
	})
}
