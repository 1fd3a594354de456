// Package ocitest writes small container images for tests: whole and honest ones, in every form that they
// are met in. Tests of hostile ones change what it has written.
package ocitest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Entry is an entry of a layer.
type Entry struct {
	Name string
	Type byte // of archive/tar; zero: a file
	Mode int64
	UID  int
	GID  int
	Link string
	Body string
}

// Time is when all files of all images were last changed.
var Time = time.Date(2020, 2, 2, 2, 2, 2, 0, time.UTC)

// Image is an image to be written. Config is the part of its configuration under that name.
type Image struct {
	Name     string // a tag; may be empty
	Platform string // architecture; empty: of this machine
	Config   map[string]any
	Layers   [][]Entry
	Layer    Compression
	Unmarked bool // only its configuration says for which platform it is
}

// Compression is how something is compressed.
type Compression int

// The ways of compression. The zero value is the most frequent.
const (
	Gzip Compression = iota
	Zstd
	Plain
)

// Layer writes a layer's archive.
func Layer(t testing.TB, entries []Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.Name, Typeflag: e.Type, Mode: e.Mode, Uid: e.UID, Gid: e.GID, Linkname: e.Link, Size: int64(len(e.Body)), ModTime: Time}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.Body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Digest is what an image calls a blob.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Compress compresses b.
func (c Compression) Compress(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch c {
	case Gzip:
		w = gzip.NewWriter(&out)
	case Zstd:
		z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		w = z
	default:
		return b
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// suffix ends the media type of a layer that is so compressed.
func (c Compression) suffix() string { return [...]string{"+gzip", "+zstd", ""}[c] }

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Blob writes a blob into a layout and returns its descriptor.
func Blob(t testing.TB, dir, mediaType string, b []byte) map[string]any {
	t.Helper()
	d := Digest(b)
	write(t, filepath.Join(dir, "blobs/sha256", d[len("sha256:"):]), b)
	return map[string]any{"mediaType": mediaType, "digest": d, "size": len(b)}
}

func (i Image) configuration(layers [][]byte) map[string]any {
	arch := i.Platform
	if arch == "" {
		arch = runtime.GOARCH
	}
	diffs := []string{}
	for _, l := range layers {
		diffs = append(diffs, Digest(l))
	}
	return map[string]any{"os": "linux", "architecture": arch, "config": i.Config, "rootfs": map[string]any{"type": "layers", "diff_ids": diffs}}
}

// Layout writes an OCI image layout into dir.
func Layout(t testing.TB, dir string, images ...Image) {
	t.Helper()
	manifests := []any{}
	for _, i := range images {
		var plain [][]byte
		descriptors := []any{}
		for _, l := range i.Layers {
			b := Layer(t, l)
			plain = append(plain, b)
			descriptors = append(descriptors, Blob(t, dir, "application/vnd.oci.image.layer.v1.tar"+i.Layer.suffix(), i.Layer.Compress(t, b)))
		}
		c := i.configuration(plain)
		config := Blob(t, dir, "application/vnd.oci.image.config.v1+json", encode(t, c))
		m := Blob(t, dir, "application/vnd.oci.image.manifest.v1+json", encode(t, map[string]any{"schemaVersion": 2, "config": config, "layers": descriptors}))
		if !i.Unmarked {
			m["platform"] = map[string]any{"os": "linux", "architecture": c["architecture"]}
		}
		if i.Name != "" {
			m["annotations"] = map[string]string{"org.opencontainers.image.ref.name": i.Name}
		}
		manifests = append(manifests, m)
	}
	write(t, filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	write(t, filepath.Join(dir, "index.json"), encode(t, map[string]any{"schemaVersion": 2, "manifests": manifests}))
}

// Saved writes what docker save wrote before it knew layouts.
func Saved(t testing.TB, dir string, images ...Image) {
	t.Helper()
	list := []any{}
	for _, i := range images {
		var plain [][]byte
		var names []string
		for _, l := range i.Layers {
			b := Layer(t, l)
			plain = append(plain, b)
			names = append(names, Digest(b)[len("sha256:"):]+"/layer.tar")
			write(t, filepath.Join(dir, names[len(names)-1]), b)
		}
		c := encode(t, i.configuration(plain))
		name := Digest(c)[len("sha256:"):] + ".json"
		write(t, filepath.Join(dir, name), c)
		list = append(list, map[string]any{"Config": name, "RepoTags": []string{"challenge:" + i.Name}, "Layers": names})
	}
	write(t, filepath.Join(dir, "manifest.json"), encode(t, list))
}

// Tarball puts all that is in dir into a file.
func Tarball(t testing.TB, dir, out string, c Compression) {
	t.Helper()
	var entries []Entry
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, p)
		entries = append(entries, Entry{Name: name, Body: string(b)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries) // the blobs after what names them
	write(t, out, c.Compress(t, Layer(t, entries)))
}
