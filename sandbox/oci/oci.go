// Package oci makes a directory of a container image, without Docker and without being root.
//
//	img, err := oci.Unpack(ctx, "chal.tar", oci.Options{})
//	if err != nil {
//		return err // which digest is wrong, which entry was refused; most have a Hint
//	}
//	defer img.Close()
//	fmt.Println(img.Root, img.Command(), img.WorkingDir)
//
// It reads what tools write: a directory or a tarball in the OCI image layout (docker buildx build
// --output type=oci, skopeo, podman, buildah, ko, apko), and the tarballs of docker save, old and new. All of them may
// be compressed by gzip or zstd. Layers are plain tar, gzip or zstd.
//
// # What it promises
//
// Every blob is checked against its digest and its size, and every layer once more uncompressed, before anybody sees
// the directory: it appears under its final name, whole, by one rename. Several processes may unpack
// the same image at once, and the second time costs only reading the manifest.
//
// An image may be hostile. Nothing is written outside of the new directory (all of it goes through an [os.Root]),
// symbolic links lead nowhere else while unpacking, as little as they would in a container; absolute names begin at
// the image's root; names with "..", hard links to what is not in the image, and more bytes or entries than [Options] allow are
// errors; device nodes and pipes are left out; nothing is set-user-ID.
//
// # Who may read what
//
// Files are owned by whoever unpacks, since only root could give them to others, and a sandbox has user IDs
// of its own anyway. Their modes are instead what the image's user was allowed: what that user could read, all can, and what
// it could not, nobody can but the owner's own tools. So a flag that the image hides from its program stays hidden.
// An image without a user, or with root, counts as run by nobody: what only root may read is hidden. [Options.User]
// names another.
//
// # What it does not
//
// It does not pull from a registry, verify signatures, or keep extended attributes and ownership. It works on Unix.
//
// # How long it stays
//
// A directory stays in the cache until it has not been used for 30 days: then who unpacks another image deletes it.
// It is in use until [Image.Close] is called or the process has ended. The cache may be deleted as a whole while nobody uses it.
package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Options say what to take of an image, and how much it may be. The zero value is a safe one.
type Options struct {
	// Cache is the directory in which unpacked images are kept. It must belong to the caller, and nobody
	// else may write to it. Empty: "images" in $CACHE_DIRECTORY, which systemd sets, else
	// "flagstaff/images" in the user's cache directory, or in /var/cache for a user without one.
	Cache string
	// Name chooses among several images: a tag, or a whole name with a tag. Empty: there must be one only.
	Name string
	// Platform is what the image must be for, "linux/arm64". Empty: Linux on this machine's processor.
	Platform string
	// User is for whom the files are readable: "name", "1000", "name:group". Empty: the image's own, unless
	// that is root. "root" makes everything readable.
	User string

	MaxBytes   int64 // of all layers, uncompressed. Zero: 8 GiB
	MaxEntries int   // of all layers. Zero: 1,000,000
}

// The default limits.
const (
	DefaultMaxBytes   = 8 << 30
	DefaultMaxEntries = 1_000_000
)

// Image is an unpacked image.
type Image struct {
	Root   string // the directory
	Digest string // of the manifest; of the configuration where docker save wrote none

	// What the image's configuration says. Nothing of it has been applied, but that WorkingDir is there.
	Env        []string
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	User       string

	used *os.File // locked
}

// Close ends the use of the directory, which stays in the cache. It always returns nil, and does nothing the second time,
// or where there is no image.
func (i *Image) Close() error {
	if i == nil || i.used == nil {
		return nil
	}
	touch(i.used)
	i.used.Close()
	i.used = nil
	return nil
}

// Command is what the image runs: Entrypoint and Cmd.
func (i *Image) Command() []string {
	return append(i.Entrypoint[:len(i.Entrypoint):len(i.Entrypoint)], i.Cmd...)
}

// Places are directories that every unpacked image has, so that a sandbox can mount on them; and there is always
// a file "flag". What the image has in their place that is no directory is replaced.
var Places = []string{"dev", "proc", "tmp", ".own"}

// Unpack makes a directory of the image in a file or directory, or finds the one that was made before. The image must be
// closed when its directory is no longer used.
func Unpack(ctx context.Context, image string, o Options) (*Image, error) {
	if runtime.GOOS == "windows" {
		return nil, fmt.Errorf("unpack image %q: on Windows: %w", image, errors.ErrUnsupported)
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxEntries <= 0 {
		o.MaxEntries = DefaultMaxEntries
	}
	if o.Platform == "" {
		o.Platform = "linux/" + runtime.GOARCH
	}
	img, err := unpack(ctx, image, o)
	if err != nil {
		return nil, fmt.Errorf("unpack image %q: %w", image, err)
	}
	return img, nil
}

func unpack(ctx context.Context, image string, o Options) (img *Image, err error) {
	c, err := openCache(o.Cache)
	if err != nil {
		return nil, err
	}
	src, err := openSource(image, c.dir, o.MaxBytes)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	p, err := choose(src, o)
	if err != nil {
		return nil, err
	}
	key := p.key(o.User)
	used, err := c.use(key)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.unmade(used)
		}
	}()
	img = &Image{
		Root: filepath.Join(c.dir, key), Digest: p.digest,
		Env: p.config.Config.Env, Entrypoint: p.config.Config.Entrypoint, Cmd: p.config.Config.Cmd,
		WorkingDir: p.config.Config.WorkingDir, User: p.config.Config.User,
		used: used,
	}
	if _, err := os.Lstat(img.Root); !errors.Is(err, fs.ErrNotExist) {
		return img, err
	}
	t, err := c.temp()
	if err != nil {
		return nil, err
	}
	defer t.remove()
	if err := p.into(ctx, src, t.root, o); err != nil {
		return nil, err
	}
	err = os.Rename(t.root, img.Root)
	if _, other := os.Lstat(img.Root); err != nil && other != nil {
		return nil, fmt.Errorf("put the image in its place: %w", err)
	}
	return img, nil // if the rename failed, another process was faster
}

// key names the directory of a picked image. The user is part of it because modes depend on it.
func (p *picked) key(user string) string {
	k := strings.Replace(p.digest, ":", "-", 1)
	if user != "" {
		sum := sha256.Sum256([]byte(user))
		k += "-" + hex.EncodeToString(sum[:6])
	}
	return k
}

// into unpacks all layers into a new directory.
func (p *picked) into(ctx context.Context, src source, dir string, o Options) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the new root: %w", err)
	}
	defer root.Close()
	x := newExtractor(root, o)
	for _, l := range p.layers {
		if err := l.extract(ctx, src, x); err != nil {
			return err
		}
	}
	if dir := p.config.Config.WorkingDir; dir != "" {
		resolve(x.root, dir, x.made) // container engines make it, too; what is in its way is told by who wants to run something there
	}
	if err := x.places(); err != nil {
		return err
	}
	u, err := x.user(o.User, p.config.Config.User)
	if err != nil {
		return err
	}
	return x.setModes(u)
}
