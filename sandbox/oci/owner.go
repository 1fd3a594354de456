package oci

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// places makes what a sandbox mounts on.
func (x *extractor) places() error {
	for _, dir := range Places {
		if info, err := x.root.Lstat(dir); err == nil && !info.IsDir() {
			if err := x.root.Remove(dir); err != nil {
				return err
			}
		}
		if err := x.root.Mkdir(dir, 0o755); err == nil {
			delete(x.owners, dir)
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if _, err := x.root.Lstat("flag"); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	x.owners["flag"] = owner{mode: 0o444}
	return x.root.WriteFile("flag", nil, 0o444)
}

// user is for whom an unpacked image is readable.
type user struct {
	all    bool // root, and it was asked for
	uid    int
	groups []int
}

const nobody = 65534

// user finds out who runs the image's program: as the caller says, else as the image does.
func (x *extractor) user(asked, own string) (user, error) {
	name := asked
	if name == "" {
		name = own
	}
	name, group, withGroup := strings.Cut(name, ":")
	u := user{uid: nobody}
	if name == "" {
		u.groups = []int{nobody}
		return u, nil
	}
	passwd, err := x.table("etc/passwd")
	if err != nil {
		return u, err
	}
	groups, err := x.table("etc/group")
	if err != nil {
		return u, err
	}
	gid := 0 // of a number that no account has, as Docker does
	entry := lookUp(passwd, name)
	switch n, err := strconv.Atoi(name); {
	case entry != nil:
		if u.uid, gid, err = numbers(entry); err != nil {
			return u, err
		}
	case err == nil && n >= 0:
		u.uid = n
	case name == "root": // an image with one program and nothing else has no accounts
		u.uid = 0
	default:
		return u, &FormatError{fmt.Sprintf("user %q is not in the image's /etc/passwd", name), "name another user, or a number"}
	}
	if withGroup {
		if g := lookUp(groups, group); g != nil {
			gid, err = strconv.Atoi(g[2])
		} else {
			gid, err = strconv.Atoi(group)
		}
		if err != nil {
			return u, &FormatError{fmt.Sprintf("group %q is not in the image's /etc/group", group), "name another group, or a number"}
		}
	} else if entry != nil {
		for _, g := range groups {
			if n, err := strconv.Atoi(g[2]); err == nil && len(g) > 3 && slices.Contains(strings.Split(g[3], ","), entry[0]) {
				u.groups = append(u.groups, n)
			}
		}
	}
	u.groups = append(u.groups, gid)
	if u.uid == 0 {
		if asked == "" {
			return user{uid: nobody, groups: []int{nobody}}, nil
		}
		u.all = true
	}
	return u, nil
}

// lookUp finds an account or a group by its name or number.
func lookUp(table [][]string, name string) []string {
	for _, by := range []int{0, 2} {
		for _, f := range table {
			if f[by] == name {
				return f
			}
		}
	}
	return nil
}

func numbers(entry []string) (uid, gid int, err error) {
	if len(entry) < 4 {
		return 0, 0, fmt.Errorf("/etc/passwd: user %q has no group", entry[0])
	}
	uid, err1 := strconv.Atoi(entry[2])
	gid, err2 := strconv.Atoi(entry[3])
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, fmt.Errorf("/etc/passwd: user %q: %w", entry[0], err)
	}
	return uid, gid, nil
}

// table reads a file of fields between colons, which need not be there.
func (x *extractor) table(name string) ([][]string, error) {
	dir, err := resolve(x.root, path.Dir(name), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up the user: %w", err)
	}
	name = path.Join(dir, path.Base(name))
	// A link here would have to be followed by hand; no image needs that.
	if info, err := x.root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	f, err := x.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("look up the user: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("look up the user: %w", err)
	}
	var list [][]string
	for line := range strings.Lines(string(b)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) >= 3 {
			list = append(list, fields)
		}
	}
	return list, nil
}

// mode is what everybody may do with a file of which u may do what o says.
func (u user) mode(o owner) fs.FileMode {
	may := o.mode & 0o7
	switch {
	case u.all:
		may = 0o4 | (o.mode|o.mode>>3|o.mode>>6)&0o1
		if o.mode.IsDir() {
			may = 0o5
		}
	case o.uid == u.uid:
		may = o.mode >> 6 & 0o7
	case slices.Contains(u.groups, o.gid):
		may = o.mode >> 3 & 0o7
	}
	may &= 0o5 // nothing of a root is writable
	return may<<6 | may<<3 | may | 0o200
}

// setModes gives every file and directory the mode that u's rights come to, and its time.
func (x *extractor) setModes(u user) error {
	type dir struct {
		name string
		o    owner
	}
	var dirs []dir
	err := fs.WalkDir(x.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		o, ok := x.owners[name]
		switch {
		case d.IsDir():
			if !ok || !o.mode.IsDir() || name == "." { // a root that is closed has no sense, and some tools write one
				o = owner{mode: fs.ModeDir | 0o755} // no layer said anything of it
			}
			dirs = append(dirs, dir{name, o})
			return nil
		case d.Type().IsRegular() && ok:
			return x.setMode(name, u, o)
		}
		return nil
	})
	// A directory that may not be searched would keep us from what is in it, so inner ones come first.
	for i := len(dirs) - 1; i >= 0 && err == nil; i-- {
		err = x.setMode(dirs[i].name, u, dirs[i].o)
	}
	if err != nil {
		return fmt.Errorf("set modes: %w", err)
	}
	return nil
}

func (x *extractor) setMode(name string, u user, o owner) error {
	if !o.modified.IsZero() {
		if err := x.root.Chtimes(name, o.modified, o.modified); err != nil && !os.IsPermission(err) {
			return err
		}
	}
	return x.root.Chmod(name, u.mode(o))
}
