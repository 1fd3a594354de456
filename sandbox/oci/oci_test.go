package oci_test

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/ocitest"
	"github.com/flagstaff-ctf/flagstaff/sandbox/oci"
)

// unpack unpacks into a cache of its own.
func unpack(t testing.TB, image string, o oci.Options) (*oci.Image, error) {
	t.Helper()
	if o.Cache == "" {
		o.Cache = filepath.Join(t.TempDir(), "cache")
	}
	return oci.Unpack(t.Context(), image, o)
}

// layout unpacks layers that are written for it.
func layout(t testing.TB, o oci.Options, layers ...[]ocitest.Entry) (*oci.Image, error) {
	t.Helper()
	dir := t.TempDir()
	ocitest.Layout(t, dir, ocitest.Image{Layers: layers})
	return unpack(t, dir, o)
}

// tree lists the files of a directory, but the places that every image has: links with what they say, files with their content.
func tree(t testing.TB, root string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, p)
		switch {
		case name == "." || name == "flag" || slices.Contains(oci.Places, name):
		case d.IsDir():
			m[name] = "/"
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			m[name] = "-> " + to
			return err
		default:
			b, err := os.ReadFile(p)
			m[name] = string(b)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var simple = ocitest.Image{
	Name:   "latest",
	Config: map[string]any{"User": "ctf", "Env": []string{"A=1"}, "Entrypoint": []string{"/chal"}, "Cmd": []string{"x"}, "WorkingDir": "/home"},
	Layers: [][]ocitest.Entry{
		{
			{Name: "etc/", Type: tar.TypeDir},
			{Name: "etc/passwd", Body: "root:x:0:0::/:\nctf:x:1000:1000::/:\n", Mode: 0o644},
			{Name: "chal", Body: "program"},
		},
		{{Name: "home/file", Body: "content", Mode: 0o644}},
	},
}

// TestAbsoluteNames: what ko builds has absolute names, which are those of the image.
func TestAbsoluteNames(t *testing.T) {
	image, err := layout(t, oci.Options{}, []ocitest.Entry{
		{Name: "/", Type: tar.TypeDir},
		{Name: "/var/run/ko/", Type: tar.TypeDir},
		{Name: "/ko-app/chal", Body: "program"},
		{Name: "//same", Type: tar.TypeLink, Link: "/ko-app/chal"},
		{Name: "/old", Body: "x"},
	}, []ocitest.Entry{{Name: "/.wh.old"}})
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	want := map[string]string{"var": "/", "var/run": "/", "var/run/ko": "/", "ko-app": "/", "ko-app/chal": "program", "same": "program"}
	if diff := cmp.Diff(want, tree(t, image.Root)); diff != "" {
		t.Error(diff)
	}
}

// TestForms reads the same image in every form.
func TestForms(t *testing.T) {
	want := map[string]string{"etc": "/", "etc/passwd": "root:x:0:0::/:\nctf:x:1000:1000::/:\n", "chal": "program", "home": "/", "home/file": "content"}
	plain, strong := simple, simple
	plain.Layer, strong.Layer = ocitest.Plain, ocitest.Zstd
	for name, make := range map[string]func(dir string) string{
		"layout":       func(d string) string { ocitest.Layout(t, d, simple); return d },
		"plain layers": func(d string) string { ocitest.Layout(t, d, plain); return d },
		"zstd layers":  func(d string) string { ocitest.Layout(t, d, strong); return d },
		"tarball by zstd": func(d string) string {
			ocitest.Layout(t, d+"/in", simple)
			ocitest.Tarball(t, d+"/in", d+"/image.tar.zst", ocitest.Zstd)
			return d + "/image.tar.zst"
		},
		"tarball": func(d string) string {
			ocitest.Layout(t, d+"/in", simple)
			ocitest.Tarball(t, d+"/in", d+"/image.tar", ocitest.Plain)
			return d + "/image.tar"
		},
		"compressed tarball": func(d string) string {
			ocitest.Layout(t, d+"/in", simple)
			ocitest.Tarball(t, d+"/in", d+"/image.tar.gz", ocitest.Gzip)
			return d + "/image.tar.gz"
		},
		"docker save": func(d string) string {
			ocitest.Saved(t, d+"/in", simple)
			ocitest.Tarball(t, d+"/in", d+"/image.tar", ocitest.Plain)
			return d + "/image.tar"
		},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := unpack(t, make(t.TempDir()), oci.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, tree(t, img.Root)); d != "" {
				t.Error(d)
			}
			if got, want := img.Command(), []string{"/chal", "x"}; !slices.Equal(got, want) || img.WorkingDir != "/home" || img.User != "ctf" || !slices.Equal(img.Env, []string{"A=1"}) {
				t.Errorf("got %+v", img)
			}
			for _, p := range oci.Places {
				if info, err := os.Stat(filepath.Join(img.Root, p)); err != nil || !info.IsDir() {
					t.Errorf("%s: got %v, %v, want a directory", p, info, err)
				}
			}
		})
	}
}

// TestLayers puts layers on top of each other.
func TestLayers(t *testing.T) {
	dir := func(n string) ocitest.Entry { return ocitest.Entry{Name: n, Type: tar.TypeDir} }
	file := func(n string) ocitest.Entry { return ocitest.Entry{Name: n, Body: n} }
	link := func(n, to string) ocitest.Entry { return ocitest.Entry{Name: n, Type: tar.TypeSymlink, Link: to} }
	hard := func(n, to string) ocitest.Entry { return ocitest.Entry{Name: n, Type: tar.TypeLink, Link: to} }
	type layers = [][]ocitest.Entry
	for name, c := range map[string]struct {
		layers layers
		want   map[string]string
	}{
		"replaced":                         {layers{{file("a"), file("b")}, {{Name: "a", Body: "new"}}}, map[string]string{"a": "new", "b": "b"}},
		"whiteout":                         {layers{{file("a"), file("d/x"), file("d/y")}, {file(".wh.a"), file("d/.wh.x")}}, map[string]string{"d": "/", "d/y": "d/y"}},
		"whiteout of a directory":          {layers{{file("d/x")}, {file(".wh.d")}}, map[string]string{}},
		"whiteout keeps its own layer":     {layers{{file("d/old")}, {file("d/new"), file(".wh.d")}}, map[string]string{"d": "/", "d/new": "d/new"}},
		"whiteout first":                   {layers{{file("d/old")}, {file(".wh.d"), file("d/new")}}, map[string]string{"d": "/", "d/new": "d/new"}},
		"whiteout of nothing":              {layers{{file("a")}, {file(".wh.b"), file("no/.wh.x"), file("a/.wh.x")}}, map[string]string{"a": "a"}},
		"whiteout of a link":               {layers{{file("a"), link("l", "a")}, {file(".wh.l")}}, map[string]string{"a": "a"}},
		"opaque":                           {layers{{file("d/x"), file("d/sub/y"), file("e")}, {dir("d"), file("d/.wh..wh..opq"), file("d/z")}}, map[string]string{"d": "/", "d/z": "d/z", "e": "e"}},
		"opaque last":                      {layers{{file("d/x"), file("d/sub/y")}, {file("d/z"), file("d/sub/new"), file("d/.wh..wh..opq")}}, map[string]string{"d": "/", "d/z": "d/z", "d/sub": "/", "d/sub/new": "d/sub/new"}},
		"opaque root":                      {layers{{file("a")}, {file("b"), file(".wh..wh..opq")}}, map[string]string{"b": "b"}},
		"notes of aufs":                    {layers{{file("a"), file(".wh..wh.plnk"), file(".wh..wh.aufs"), file("d/.wh..wh.x/y")}}, map[string]string{"a": "a"}},
		"file for a directory":             {layers{{file("a/b/c")}, {file("a")}}, map[string]string{"a": "a"}},
		"directory for a file":             {layers{{file("a")}, {dir("a"), file("a/b")}}, map[string]string{"a": "/", "a/b": "a/b"}},
		"directory for a link":             {layers{{dir("x"), link("a", "x")}, {dir("a"), file("a/b")}}, map[string]string{"x": "/", "a": "/", "a/b": "a/b"}},
		"file for a link":                  {layers{{file("x"), link("a", "x")}, {file("a")}}, map[string]string{"x": "x", "a": "a"}},
		"hard link":                        {layers{{file("a"), hard("b", "a")}, {hard("c", "./a")}}, map[string]string{"a": "a", "b": "a", "c": "a"}},
		"replaced hard link":               {layers{{file("a"), hard("b", "a")}, {{Name: "b", Body: "new"}}}, map[string]string{"a": "a", "b": "new"}},
		"hard link to a link":              {layers{{link("a", "/x"), hard("b", "a")}}, map[string]string{"a": "-> /x", "b": "-> /x"}},
		"through a link":                   {layers{{dir("run"), dir("var"), link("var/run", "/run"), link("lib", "usr/lib"), dir("usr/lib")}, {file("var/run/pid"), file("lib/x")}}, map[string]string{"run": "/", "run/pid": "var/run/pid", "var": "/", "var/run": "-> /run", "lib": "-> usr/lib", "usr": "/", "usr/lib": "/", "usr/lib/x": "lib/x"}},
		"links upwards stay in":            {layers{{link("up", "../../../../tmp/../etc")}, {file("up/x")}}, map[string]string{"up": "-> ../../../../tmp/../etc", "etc": "/", "etc/x": "up/x"}},
		"devices are left out":             {layers{{{Name: "null", Type: tar.TypeChar}, {Name: "sda", Type: tar.TypeBlock}, {Name: "pipe", Type: tar.TypeFifo}, file("a")}}, map[string]string{"a": "a"}},
		"a device for a file":              {layers{{file("a"), file("b")}, {{Name: "a", Type: tar.TypeChar}}}, map[string]string{"b": "b"}},
		"dots and slashes":                 {layers{{dir("./"), dir("/"), file("./a"), dir("b//c/")}}, map[string]string{"a": "./a", "b": "/", "b/c": "/"}},
		"places that are no directories":   {layers{{link("tmp", "/etc"), file("dev"), link(".own", "..")}}, map[string]string{}},
		"a directory twice keeps its file": {layers{{dir("d"), file("d/x")}, {dir("d")}}, map[string]string{"d": "/", "d/x": "d/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := layout(t, oci.Options{}, c.layers...)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, tree(t, img.Root)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestMadeAgain: a directory that no entry is about does not take the rights of one that was hidden.
func TestMadeAgain(t *testing.T) {
	img, err := layout(t, oci.Options{},
		[]ocitest.Entry{{Name: "d/", Type: tar.TypeDir, Mode: 0o700}, {Name: "kept/", Type: tar.TypeDir, Mode: 0o700}},
		[]ocitest.Entry{{Name: ".wh.d"}},
		[]ocitest.Entry{{Name: "d/x", Mode: 0o644}, {Name: "kept/x", Mode: 0o644}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"d": 0o755, "kept": 0o200} {
		if info, err := os.Stat(filepath.Join(img.Root, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

// TestWorkingDir makes the directory that the program runs in, inside of the image wherever links lead.
func TestWorkingDir(t *testing.T) {
	for name, c := range map[string]struct{ dir, want string }{
		"missing":        {"/srv/app", "srv/app"},
		"relative":       {"srv", "srv"},
		"through a link": {"/out/app", "etc/app"},
		"a file":         {"/file/app", ""},
	} {
		dir := t.TempDir()
		ocitest.Layout(t, dir, ocitest.Image{
			Config: map[string]any{"WorkingDir": c.dir},
			Layers: [][]ocitest.Entry{{{Name: "out", Type: tar.TypeSymlink, Link: "/../../etc"}, {Name: "file"}}},
		})
		img, err := unpack(t, dir, oci.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if info, err := os.Stat(filepath.Join(img.Root, c.want)); err != nil || info.Mode() != fs.ModeDir|0o755 {
			t.Errorf("%s: got %v, %v, want a directory for everybody", name, info, err)
		}
	}
}

func TestChoice(t *testing.T) {
	image := func(name, arch, content string) ocitest.Image {
		return ocitest.Image{Name: name, Platform: arch, Layers: [][]ocitest.Entry{{{Name: "a", Body: content}}}}
	}
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	unmarked := t.TempDir()
	hidden := image("", other, "x")
	hidden.Unmarked = true
	ocitest.Layout(t, unmarked, hidden)
	many := t.TempDir()
	ocitest.Layout(t, many, image("1", "", "one"), image("2", "", "two"), image("2", other, "other"))
	foreign := t.TempDir()
	ocitest.Layout(t, foreign, image("", other, "x"))
	saved := t.TempDir()
	ocitest.Saved(t, saved, image("1", "", "one"), image("2", "", "two"))
	incomplete := t.TempDir()
	ocitest.Layout(t, incomplete, image("", "", "gone"))
	blobs, err := filepath.Glob(incomplete + "/blobs/sha256/*")
	if err != nil || len(blobs) != 3 {
		t.Fatal(blobs, err)
	}
	for _, b := range blobs {
		if start, err := os.ReadFile(b); err == nil && len(start) > 2 && start[0] == 0x1f { // the layer
			os.Remove(b)
		}
	}
	empty := t.TempDir()
	if err := os.WriteFile(empty+"/index.json", []byte(`{"schemaVersion":2,"manifests":[]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		image string
		o     oci.Options
		want  string // content or error
	}{
		{many, oci.Options{Name: "1"}, "one"},
		{many, oci.Options{Name: "2"}, "two"},
		{many, oci.Options{Platform: "linux/" + other}, "other"},
		{many, oci.Options{}, "there is 1, 2"},
		{many, oci.Options{Name: "3"}, "there is 1, 2"},
		{foreign, oci.Options{}, "there is linux/" + other},
		{foreign, oci.Options{Platform: "linux/" + other}, "x"},
		{unmarked, oci.Options{}, "there is linux/" + other},
		{saved, oci.Options{Name: "2"}, "two"},
		{saved, oci.Options{Name: "challenge:1"}, "one"},
		{saved, oci.Options{}, "want one image; there is challenge:1, challenge:2"},
		{saved, oci.Options{Name: "3"}, `want one image "3"; there is challenge:1, challenge:2`},
		{incomplete, oci.Options{}, "is not in it"},
		{t.TempDir(), oci.Options{}, "neither an index.json"},
		{empty, oci.Options{}, "names no image"},
	} {
		img, err := unpack(t, c.image, c.o)
		if err != nil {
			var hint interface{ Hint() string }
			if !strings.Contains(err.Error(), c.want) || !errors.As(err, &hint) || hint.Hint() == "" {
				t.Errorf("%+v: got %v, want %q and a hint", c.o, err, c.want)
			}
			continue
		}
		if got := tree(t, img.Root)["a"]; got != c.want {
			t.Errorf("%+v: got %q, want %q", c.o, got, c.want)
		}
	}
}

// TestNoImage says what else a file is.
func TestNoImage(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ content, want string }{
		"text": {"this is a text and no image\n", "neither an OCI layout nor a tarball"},
		"zstd": {"\x28\xb5\x2f\xfd....", "uncompress: "},
		"xz":   {"\xfd7zXZ\x00....", "compressed by xz"},
		"tar":  {string(ocitest.Layer(t, []ocitest.Entry{{Name: "etc/passwd"}})), "neither an index.json"},
	} {
		if err := os.WriteFile(dir+"/"+name, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := unpack(t, dir+"/"+name, oci.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	ocitest.Layout(t, dir+"/z", ocitest.Image{Layers: [][]ocitest.Entry{{{Name: "a"}}}})
	swap(t, dir+"/z", "layer", []byte("\xfd7zXZ\x00...."))
	var no *oci.FormatError
	if _, err := unpack(t, dir+"/z", oci.Options{}); !errors.As(err, &no) || !strings.Contains(no.Hint(), "gzip") {
		t.Errorf("a layer in xz: got %v", err)
	}
}

// TestModes gives all the rights of the image's user, and none of root's.
func TestModes(t *testing.T) {
	files := []ocitest.Entry{
		{Name: "etc/passwd", Body: "root:x:0:0::/:\nctf:x:1000:1001::/:\n", Mode: 0o644},
		{Name: "etc/group", Body: "root:x:0:\nctf:x:1001:\nextra:x:1002:a,ctf\n", Mode: 0o644},
		{Name: "all", Mode: 0o644},
		{Name: "root", Mode: 0o600},
		{Name: "user", UID: 1000, Mode: 0o500},
		{Name: "group", GID: 1001, Mode: 0o740},
		{Name: "extra", GID: 1002, Mode: 0o050},
		{Name: "not the user", UID: 1000, Mode: 0o077},
		{Name: "setuid", Mode: 0o4755},
		{Name: "dir/", Type: tar.TypeDir, GID: 1001, Mode: 0o750},
	}
	type modes map[string]fs.FileMode
	for _, c := range []struct {
		own, asked string
		want       modes
	}{
		{"ctf", "", modes{"all": 0o644, "root": 0o200, "user": 0o755, "group": 0o644, "extra": 0o755, "not the user": 0o200, "setuid": 0o755, "dir": fs.ModeDir | 0o755}},
		{"", "", modes{"all": 0o644, "root": 0o200, "user": 0o200, "group": 0o200, "extra": 0o200, "not the user": 0o755, "setuid": 0o755, "dir": fs.ModeDir | 0o200}},
		{"root", "", modes{"root": 0o200, "group": 0o200}},
		{"0:0", "", modes{"root": 0o200, "group": 0o200}},
		{"", "root", modes{"all": 0o644, "root": 0o644, "user": 0o755, "group": 0o755, "dir": fs.ModeDir | 0o755}},
		{"", "ctf", modes{"root": 0o200, "user": 0o755, "group": 0o644, "extra": 0o755}},
		{"ctf", "5000:extra", modes{"user": 0o200, "group": 0o200, "extra": 0o755}},
		{"1000", "", modes{"user": 0o755, "group": 0o644, "extra": 0o755}},
		{"5000", "", modes{"root": 0o200, "user": 0o200, "group": 0o200}},
		{"5000:1001", "", modes{"user": 0o200, "group": 0o644}},
	} {
		dir := t.TempDir()
		ocitest.Layout(t, dir, ocitest.Image{Config: map[string]any{"User": c.own}, Layers: [][]ocitest.Entry{files}})
		img, err := unpack(t, dir, oci.Options{User: c.asked})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range c.want {
			if info, err := os.Stat(filepath.Join(img.Root, name)); err != nil || info.Mode() != want {
				t.Errorf("user %q, asked %q: %s: got %v, %v, want %v", c.own, c.asked, name, info.Mode(), err, want)
			}
		}
	}
	if _, err := layout(t, oci.Options{User: "nobody-here"}, files); err == nil || !strings.Contains(err.Error(), "nobody-here") {
		t.Errorf("a user that is not there: got %v", err)
	}
}

// TestSameCache keeps apart what differs by the user only, and gives files their times.
func TestSameCache(t *testing.T) {
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	ocitest.Layout(t, dir, ocitest.Image{Layers: [][]ocitest.Entry{{{Name: "./", Type: tar.TypeDir, Mode: 0o700}, {Name: "a", Mode: 0o600}}}})
	for user, want := range map[string]fs.FileMode{"": 0o200, "root": 0o644} {
		img, err := unpack(t, dir, oci.Options{Cache: cache, User: user})
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(img.Root + "/a")
		if err != nil || info.Mode() != want || !info.ModTime().Equal(ocitest.Time) {
			t.Errorf("%q: got %v of %v, %v, want %v of %v", user, info.Mode(), info.ModTime(), err, want, ocitest.Time)
		}
		if info, err := os.Stat(img.Root); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("the root: got %v, %v, want %v", info.Mode(), err, fs.FileMode(0o755))
		}
	}
}

// TestNested looks for the image in an index in the index, behind an attestation and what is for other machines.
func TestNested(t *testing.T) {
	dir := t.TempDir()
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	layers := func(s string) [][]ocitest.Entry { return [][]ocitest.Entry{{{Name: "a", Body: s}}} }
	ocitest.Layout(t, dir, ocitest.Image{Platform: other, Layers: layers("other")}, ocitest.Image{Layers: layers("right")})
	var top map[string]any
	b, err := os.ReadFile(dir + "/index.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &top); err != nil {
		t.Fatal(err)
	}
	attestation := map[string]any{"digest": ocitest.Digest(nil), "size": 0, "platform": map[string]string{"os": "unknown", "architecture": "unknown"}}
	top["manifests"] = append([]any{attestation}, top["manifests"].([]any)...)
	inner, err := json.Marshal(top)
	if err != nil {
		t.Fatal(err)
	}
	outer, err := json.Marshal(map[string]any{"manifests": []any{ocitest.Blob(t, dir, "application/vnd.oci.image.index.v1+json", inner)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/index.json", outer, 0o644); err != nil {
		t.Fatal(err)
	}
	img, err := unpack(t, dir, oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := tree(t, img.Root)["a"]; got != "right" {
		t.Errorf("got %q, want %q", got, "right")
	}
}

// TestSavedLinks reads a layer that docker save wrote as a link to another's.
func TestSavedLinks(t *testing.T) {
	dir := t.TempDir()
	layer := []ocitest.Entry{{Name: "a", Body: "x"}}
	ocitest.Saved(t, dir+"/in", ocitest.Image{Layers: [][]ocitest.Entry{layer, layer}})
	layers, _ := filepath.Glob(dir + "/in/*/layer.tar")
	name := filepath.Base(filepath.Dir(layers[0])) + "/layer.tar"
	if err := os.Rename(layers[0], dir+"/in/real.tar"); err != nil {
		t.Fatal(err)
	}
	ocitest.Tarball(t, dir+"/in", dir+"/image.tar", ocitest.Plain)
	b, err := os.ReadFile(dir + "/image.tar")
	if err != nil {
		t.Fatal(err)
	}
	link := ocitest.Layer(t, []ocitest.Entry{{Name: name, Type: tar.TypeSymlink, Link: "../real.tar"}})
	if err := os.WriteFile(dir+"/image.tar", append(link[:512], b...), 0o644); err != nil {
		t.Fatal(err)
	}
	img, err := unpack(t, dir+"/image.tar", oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := tree(t, img.Root)["a"]; got != "x" {
		t.Errorf("got %q, want %q", got, "x")
	}
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	ocitest.Layout(t, dir, simple)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := oci.Unpack(ctx, dir, oci.Options{Cache: filepath.Join(t.TempDir(), "c")}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
