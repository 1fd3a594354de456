package oci

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/klauspost/compress/zstd"
)

// source is where the files of an image are read from.
type source interface {
	// open opens a file for reading and says how long it is. One that is not there is fs.ErrNotExist.
	open(name string) (io.ReadCloser, int64, error)
	io.Closer
}

// openSource opens a directory or a tarball. A compressed one is uncompressed into a file in dir first, of at most
// limit bytes: its files are read in another order than they are in.
func openSource(name, dir string, limit int64) (source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(name)
		if err != nil {
			return nil, err
		}
		return dirSource{root}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, &FormatError{"neither a file nor a directory", ""}
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	var magic [6]byte
	n, _ := f.ReadAt(magic[:], 0)
	if kind := kind(magic[:n]); kind != "" {
		plain, err := uncompressed(kind, f, dir, limit)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("uncompress: %w", err)
		}
		f = plain
	}
	s, err := newTarSource(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// kind tells compressed files by their first bytes.
func kind(first []byte) string {
	switch {
	case bytes.HasPrefix(first, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(first, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	case bytes.HasPrefix(first, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return "xz"
	}
	return ""
}

// maxWindow is how far back a zstd frame may refer, and so how much memory reading it takes: what the strongest of the
// ordinary levels uses.
const maxWindow = 128 << 20

// uncompress reads what is compressed as kind says; an empty kind is not. The reader must be closed; in is not.
func uncompress(kind string, in io.Reader) (io.ReadCloser, error) {
	switch kind {
	case "":
		return io.NopCloser(in), nil
	case "gzip":
		return gzip.NewReader(in)
	case "zstd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, &FormatError{"it is compressed by " + kind, "have it compressed by gzip or zstd: skopeo copy --dest-compress-format gzip, docker buildx build --output type=oci,compression=gzip,force-compression=true"}
}

// uncompressed returns a file without a name.
func uncompressed(kind string, f io.Reader, dir string, limit int64) (*os.File, error) {
	z, err := uncompress(kind, bufio.NewReaderSize(f, 64<<10))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	out, err := os.CreateTemp(dir, "uncompressed-")
	if err != nil {
		return nil, err
	}
	os.Remove(out.Name())
	n, err := io.Copy(out, io.LimitReader(z, limit+1))
	if err == nil && n > limit {
		err = &LimitError{"bytes in the tarball", limit}
	}
	if err == nil {
		_, err = out.Seek(0, io.SeekStart)
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

type dirSource struct{ root *os.Root }

func (s dirSource) open(name string) (io.ReadCloser, int64, error) {
	info, err := s.root.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is no file", name)
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func (s dirSource) Close() error { return s.root.Close() }

// tarSource is a tarball whose entries were looked up once.
type tarSource struct {
	f     *os.File
	files map[string]span
	links map[string]string // docker save links layers that are the same
}

type span struct{ at, size int64 }

// maxTarEntries is far more than any image has blobs.
const maxTarEntries = 100_000

func newTarSource(f *os.File) (*tarSource, error) {
	s := &tarSource{f, map[string]span{}, map[string]string{}}
	r := tar.NewReader(f)
	for range maxTarEntries {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, &FormatError{"neither an OCI layout nor a tarball: " + err.Error(), "make one with docker save, skopeo copy docker://… oci-archive:…, or docker buildx build --output type=oci"}
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
			// The reader reads headers block by block and nothing ahead.
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			s.files[name] = span{at, h.Size}
		case tar.TypeSymlink:
			s.links[name] = path.Join(path.Dir(name), h.Linkname)
		case tar.TypeLink:
			s.links[name] = path.Clean(h.Linkname)
		}
	}
	return nil, &LimitError{"entries in the tarball", maxTarEntries}
}

func (s *tarSource) open(name string) (io.ReadCloser, int64, error) {
	at, ok := s.files[name]
	if !ok {
		at, ok = s.files[s.links[name]]
	}
	if !ok {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(io.NewSectionReader(s.f, at.at, at.size)), at.size, nil
}

func (s *tarSource) Close() error { return s.f.Close() }
