package oci

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// layer is one layer of an image.
type layer struct {
	file      string // its name in the source
	digest    string // of the blob; where docker save names none, of the layer uncompressed
	diff      string // of the layer uncompressed
	size      int64
	mediaType string // empty where docker save says nothing
}

// extract puts the layer over those before. It reads the blob once; that it is wrong is found at its end, when its
// entries are already in a directory that nobody will use.
func (l layer) extract(ctx context.Context, src source, x *extractor) error {
	f, size, err := src.open(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return &FormatError{"layer " + l.digest + " is not in it", "the image is incomplete, or has layers that are elsewhere: export it again"}
	}
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.digest, err)
	}
	defer f.Close()
	if l.mediaType != "" && size != l.size {
		return &DigestError{Blob: l.digest, Size: l.size, Has: size}
	}
	blob, err := hashFor(l.digest)
	if err != nil {
		return err
	}
	diff, err := hashFor(l.diff)
	if err != nil {
		return err
	}
	raw := io.TeeReader(f, blob)
	x.layer = l.digest
	err = l.entries(ctx, raw, diff, x)
	if _, drain := io.Copy(io.Discard, raw); drain != nil && err == nil {
		err = fmt.Errorf("layer %s: %w", l.digest, drain)
	}
	if l.mediaType != "" {
		// A damaged blob is the reason, whatever came of it.
		if wrong := blob.check(l.digest, false); wrong != nil {
			return wrong
		}
	}
	if err != nil {
		return err
	}
	return diff.check(l.diff, true)
}

func (l layer) entries(ctx context.Context, raw io.Reader, diff io.Writer, x *extractor) error {
	in := bufio.NewReaderSize(raw, 64<<10)
	first, _ := in.Peek(6)
	if strings.Contains(l.mediaType, "encrypted") {
		return &FormatError{"layer " + l.digest + " is encrypted", "decrypt it first (skopeo copy --decryption-key)"}
	}
	plain, err := uncompress(kind(first), in)
	if err != nil {
		return fmt.Errorf("layer %s: %w", l.digest, err)
	}
	defer plain.Close()
	counted := &limited{r: plain, ctx: ctx, x: x}
	tee := io.TeeReader(counted, diff)
	if err := x.extract(tee); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, tee); err != nil { // what follows the archive's end
		return fmt.Errorf("layer %s: %w", l.digest, err)
	}
	return nil
}

// limited counts the bytes of all layers, uncompressed.
type limited struct {
	r   io.Reader
	ctx context.Context
	x   *extractor
}

func (l *limited) Read(b []byte) (int, error) {
	if l.ctx.Err() != nil {
		return 0, context.Cause(l.ctx)
	}
	n, err := l.r.Read(b)
	if l.x.read += int64(n); l.x.read > l.x.maxBytes {
		return 0, &LimitError{"bytes uncompressed", l.x.maxBytes}
	}
	return n, err
}

// extractor puts layers on top of each other in a directory. All that it does goes through an os.Root; and it
// follows symbolic links itself, as they are followed in a container: an absolute one from the image's root on.
type extractor struct {
	root       *os.Root
	maxBytes   int64
	maxEntries int

	read    int64 // bytes of all layers
	written int64 // to files: sparse ones are longer than the archive
	entries int
	layer   string
	fresh   map[string]bool // what this layer brought, and all above it
	owners  map[string]owner
}

// owner is what an entry says of who may do what.
type owner struct {
	mode     fs.FileMode
	uid, gid int
	modified time.Time
}

func newExtractor(root *os.Root, o Options) *extractor {
	return &extractor{root: root, maxBytes: o.MaxBytes, maxEntries: o.MaxEntries, owners: map[string]owner{}}
}

func (x *extractor) refuse(name, why string) error { return &EntryError{x.layer, name, why, nil} }

// extract unpacks one layer.
func (x *extractor) extract(r io.Reader) error {
	x.fresh = map[string]bool{}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("layer %s: %w", x.layer, err)
		}
		if x.entries++; x.entries > x.maxEntries {
			return &LimitError{"entries", int64(x.maxEntries)}
		}
		if err := x.entry(h, t); err != nil {
			var limit *LimitError
			var own *EntryError
			if errors.As(err, &limit) || errors.As(err, &own) {
				return err
			}
			return &EntryError{x.layer, h.Name, "cannot be unpacked", err}
		}
	}
}

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	reserved = "/.wh..wh." // notes of a file system for itself
)

const (
	maxName    = 4096 // of the kernel
	maxNesting = 256  // what it takes to walk a path grows with its square
)

// clean checks an entry's name and returns it without what has no meaning.
func (x *extractor) clean(name, of string) (string, error) {
	switch {
	case name == "":
		return "", x.refuse(of, "has an empty name")
	case strings.ContainsRune(name, 0):
		return "", x.refuse(of, "has a zero byte in its name")
	case len(name) > maxName || strings.Count(name, "/") > maxNesting:
		return "", x.refuse(of[:min(len(of), 64)], "has too long a name")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", x.refuse(name, "leads upwards")
		}
	}
	// Some tools write absolute names: ko those of the program that it has built. They begin at the image's root, as all do.
	return cmp.Or(strings.TrimPrefix(path.Clean("/"+name), "/"), "."), nil
}

func (x *extractor) entry(h *tar.Header, r io.Reader) error {
	name, err := x.clean(h.Name, h.Name)
	if err != nil {
		return err
	}
	o := owner{h.FileInfo().Mode(), h.Uid, h.Gid, h.ModTime}
	if name == "." {
		return nil
	}
	dir, base := path.Split(name)
	if strings.Contains("/"+name, reserved) && base != opaque {
		return nil
	}
	if strings.HasPrefix(base, whiteout) {
		return x.white(dir, base)
	}
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse, tar.TypeSymlink, tar.TypeLink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
	default:
		return nil // a note of who packed it
	}
	parent, err := resolve(x.root, dir, x.made)
	if err != nil {
		return err
	}
	target := path.Join(parent, base)
	if err := x.clear(target, h.Typeflag == tar.TypeDir); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return nil // a sandbox brings its own; what they were put over is gone all the same
	case tar.TypeDir:
		if err := x.root.Mkdir(target, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	case tar.TypeSymlink:
		if h.Linkname == "" {
			return x.refuse(h.Name, "is a symbolic link to nothing")
		}
		if err := x.root.Symlink(h.Linkname, target); err != nil {
			return err
		}
	case tar.TypeLink:
		if o, err = x.link(h, target); err != nil {
			return err
		}
	default:
		if err := x.file(target, h.Size, r); err != nil {
			return err
		}
	}
	x.owners[target] = o
	for p := target; p != "."; p = path.Dir(p) {
		x.fresh[p] = true
	}
	return nil
}

// made says that a directory was made that no entry is about. One of that name may have been hidden before; its rights are not this one's.
func (x *extractor) made(dir string) { delete(x.owners, dir) }

// clear takes away what was in an entry's place; a directory stays for a directory.
func (x *extractor) clear(target string, dir bool) error {
	info, err := x.root.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) || err == nil && dir && info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return x.root.RemoveAll(target)
}

func (x *extractor) file(target string, size int64, r io.Reader) error {
	if x.written += size; x.written > x.maxBytes || x.written < 0 {
		return &LimitError{"bytes unpacked", x.maxBytes}
	}
	f, err := x.root.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// link makes a hard link, and returns what is known of the file.
func (x *extractor) link(h *tar.Header, target string) (owner, error) {
	to, err := x.clean(h.Linkname, h.Name)
	if err != nil {
		return owner{}, err
	}
	dir, base := path.Split(to)
	parent, err := resolve(x.root, dir, nil)
	if err != nil {
		return owner{}, &EntryError{x.layer, h.Name, fmt.Sprintf("is a link to %q", h.Linkname), err}
	}
	from := path.Join(parent, base)
	info, err := x.root.Lstat(from)
	if err != nil {
		return owner{}, &EntryError{x.layer, h.Name, fmt.Sprintf("is a link to %q", h.Linkname), err}
	}
	switch {
	case info.Mode().IsRegular():
		err = x.root.Link(from, target)
	case info.Mode()&fs.ModeSymlink != 0:
		var there string
		if there, err = x.root.Readlink(from); err == nil {
			err = x.root.Symlink(there, target)
		}
	default:
		err = x.refuse(h.Name, fmt.Sprintf("is a link to %q, which is no file", h.Linkname))
	}
	return x.owners[from], err
}

// white takes away what a whiteout says: something of the layers below, or all in a directory.
func (x *extractor) white(dir, base string) error {
	parent, err := resolve(x.root, dir, nil)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil // there is nothing to hide
	}
	switch {
	case err != nil:
		return err
	case base == opaque:
		return x.hideAll(parent)
	}
	name := strings.TrimPrefix(base, whiteout)
	if name == "" || name == "." || name == ".." {
		return x.refuse(path.Join(dir, base), "hides no name")
	}
	return x.hide(path.Join(parent, name))
}

// hide takes away what layers below brought, and leaves what this one did.
func (x *extractor) hide(name string) error {
	if !x.fresh[name] {
		return x.root.RemoveAll(name)
	}
	info, err := x.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return x.hideAll(name)
}

func (x *extractor) hideAll(dir string) error {
	d, err := x.root.Open(dir)
	if err != nil {
		return err
	}
	names, err := d.Readdirnames(-1)
	d.Close()
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := x.hide(path.Join(dir, n)); err != nil {
			return err
		}
	}
	return nil
}
