package oci

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// cache is the directory of unpacked images: each under its digest, and what is not finished in directories
// of its own, which their makers hold locked.
type cache struct{ dir string }

const tempPrefix = "unfinished-"

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
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("look at the cache: %w", err)
	}
	if info.Mode()&0o022 != 0 || !ownedByUs(info) {
		return nil, &CacheError{dir}
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
			return "", fmt.Errorf("find the cache: %w", err)
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

// temp makes one, and takes away those whose makers are dead.
func (c *cache) temp() (*temp, error) {
	// Who looks for dead makers must not meet one that has not yet locked its own.
	all, err := lockFile(filepath.Join(c.dir, "lock"), true)
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
	if t.lock, err = lockFile(filepath.Join(dir, "lock"), true); err == nil {
		err = os.Mkdir(t.root, 0o700)
	}
	if err != nil {
		t.remove()
		return nil, fmt.Errorf("make a place to unpack: %w", err)
	}
	return t, nil
}

func (c *cache) sweep() {
	left, _ := filepath.Glob(filepath.Join(c.dir, tempPrefix+"*"))
	for _, dir := range left {
		lock, err := lockFile(filepath.Join(dir, "lock"), false)
		if err != nil {
			continue // its maker is alive
		}
		removeTree(dir)
		lock.Close()
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
