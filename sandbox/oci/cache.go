package oci

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cache is the directory of unpacked images: each under its digest, beside a file that who uses it holds locked and whose
// time says when it was last used; and what is not finished in directories of its own, which their makers hold locked.
type cache struct{ dir string }

const (
	tempPrefix = "unfinished-"
	usedSuffix = ".used"
	unusedTime = 30 * 24 * time.Hour // then an image is deleted when another is unpacked
)

func openCache(dir string) (*cache, error) {
	if dir == "" {
		var err error
		if dir, err = defaultCache(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the cache: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &CacheError{dir, err}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the cache: %w", err)
	}
	if info.Mode()&0o022 != 0 || !ownedByUs(info) {
		return nil, &CacheError{dir, nil}
	}
	return &cache{dir}, nil
}

func defaultCache() (string, error) {
	if dir := os.Getenv("CACHE_DIRECTORY"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "images"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		if os.Geteuid() != 0 {
			return "", &CacheError{Err: err}
		}
		dir = "/var/cache"
	}
	return filepath.Join(dir, "flagstaff", "images"), nil
}

// temp is a directory for an image that is not finished.
type temp struct {
	dir, root string
	lock      *os.File
}

// use keeps an image, which need not be there yet, from being deleted until the file is closed.
func (c *cache) use(key string) (*os.File, error) {
	name := filepath.Join(c.dir, key+usedSuffix)
	for {
		f, err := lockFile(name, together)
		if err != nil {
			return nil, fmt.Errorf("lock the image: %w", err)
		}
		now, err := os.Stat(name)
		locked, err2 := f.Stat()
		if err == nil && err2 == nil && os.SameFile(now, locked) {
			touch(f)
			return f, nil
		}
		f.Close() // it was deleted with its image in between
	}
}

// unmade ends the use of an image that was not made.
func (c *cache) unmade(used *os.File) {
	defer used.Close()
	if lock(used, aloneOrNot) == nil { // or else somebody else makes it, or has made it
		if _, err := os.Lstat(strings.TrimSuffix(used.Name(), usedSuffix)); errors.Is(err, fs.ErrNotExist) {
			os.Remove(used.Name())
		}
	}
}

// touch notes that an image was in use just now.
func touch(f *os.File) { os.Chtimes(f.Name(), time.Time{}, time.Now()) }

// temp makes one, and takes away those whose makers are dead.
func (c *cache) temp() (*temp, error) {
	// Who looks for dead makers must not meet one that has not yet locked its own.
	all, err := lockFile(filepath.Join(c.dir, "lock"), alone)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	defer all.Close()
	c.sweep()
	dir, err := os.MkdirTemp(c.dir, tempPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a place to unpack: %w", err)
	}
	t := &temp{dir: dir, root: filepath.Join(dir, "root")}
	if t.lock, err = lockFile(filepath.Join(dir, "lock"), alone); err == nil {
		err = os.Mkdir(t.root, 0o700)
	}
	if err != nil {
		t.remove()
		return nil, fmt.Errorf("make a place to unpack: %w", err)
	}
	return t, nil
}

// sweep takes away what nobody finishes or uses.
func (c *cache) sweep() {
	images, _ := filepath.Glob(filepath.Join(c.dir, "*-*"))
	for _, name := range images {
		if key := strings.TrimSuffix(filepath.Base(name), usedSuffix); !strings.HasPrefix(key, tempPrefix) {
			c.forget(key)
		}
	}
	left, _ := filepath.Glob(filepath.Join(c.dir, tempPrefix+"*"))
	for _, dir := range left {
		lock, err := lockFile(filepath.Join(dir, "lock"), aloneOrNot)
		if err != nil {
			continue // its maker is alive
		}
		removeTree(dir)
		lock.Close()
	}
}

// forget makes an image that has not been used for long one that nobody finishes.
func (c *cache) forget(key string) {
	used, err := lockFile(filepath.Join(c.dir, key+usedSuffix), aloneOrNot) // where there is none, the time begins now
	if err != nil {
		return // in use
	}
	defer used.Close()
	if info, err := used.Stat(); err != nil || time.Since(info.ModTime()) < unusedTime {
		return
	}
	err = os.Rename(filepath.Join(c.dir, key), filepath.Join(c.dir, tempPrefix+key))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		os.Remove(used.Name())
	}
}

// remove takes the directory away with what is left in it.
func (t *temp) remove() {
	removeTree(t.dir)
	if t.lock != nil {
		t.lock.Close()
	}
}

// removeTree removes a tree with directories that its owner may not search.
func removeTree(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(p, 0o700) // before it is read
		}
		return nil
	})
	os.RemoveAll(dir)
}
