package sandbox

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// hostDirs are what programs of the host need, and hostFiles, which are patterns, what they ask for besides: without its configuration
// Java does not start, PHP lacks most of its modules, and openssl makes no certificates. Of PHP's only what its command reads: that of its servers
// may have secrets.
var (
	hostDirs  = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}
	hostFiles = []string{
		"/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime",
		"/etc/java*", "/etc/ssl/openssl.cnf",
		"/etc/php/*/cli", "/etc/php/*/mods-available", // Debian
		"/etc/php*/php.ini", "/etc/php*/conf.d", "/etc/php.ini", "/etc/php.d",
	}
	netFiles = []string{"/etc/resolv.conf", "/etc/hosts", "/etc/services", "/etc/ssl/certs"} // with the host's network
	devices  = []string{"null", "zero", "full", "random", "urandom"}
)

// etc are files that every host root has, with nothing of the host in them.
var etc = map[string]string{
	"/etc/passwd":        "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
	"/etc/group":         "root:x:0:\nnogroup:x:65534:\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
	"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
}

const (
	flagPath = "/flag"
	ownMount = "/.own" // where a session's own files are mounted before they are put in place
)

// atCWD is AT_FDCWD as a register holds it.
const atCWD = uint64(1<<64 - 100)

// rootBuilder writes the calls that make a root below stage and enter it.
type rootBuilder struct {
	s     *script
	stage string
	made  map[string]bool // directories and files there are already
}

// buildRoot adds the calls that give the launcher its root.
func buildRoot(s *script, p Policy, program string) error {
	b := &rootBuilder{s: s, made: map[string]bool{"/": true}}
	if err := b.chooseStage(p, program); err != nil {
		return err
	}
	s.call(privateMounts, unix.SYS_MOUNT, 0, "/", 0, unix.MS_REC|unix.MS_PRIVATE, 0)
	var err error
	if p.Root != "" {
		err = b.directoryRoot(p)
	} else {
		err = b.hostRoot(p, program)
	}
	if err != nil {
		return err
	}
	s.call(enterRoot, unix.SYS_CHDIR, b.stage)
	s.call("pivot_root", unix.SYS_PIVOT_ROOT, ".", ".")
	s.call("leave the host's root", unix.SYS_UMOUNT2, ".", unix.MNT_DETACH)
	dir := workDir(p)
	s.call(enterDir+dir, unix.SYS_CHDIR, dir)
	return nil
}

// What hints are about.
const (
	privateMounts = "make mounts private"
	enterRoot     = "enter the root"
	enterDir      = "change to the directory "
)

// workDir is where sessions begin.
func workDir(p Policy) string { return cmp.Or(p.Dir, p.WorkDir, "/") }

// chooseStage takes a directory to mount the new root on that hides nothing that goes into it.
func (b *rootBuilder) chooseStage(p Policy, program string) error {
	used := append([]string{p.Root, p.Dir, p.WorkDir, program}, p.Files...)
	for _, stage := range []string{"/sys", "/proc", "/mnt", "/srv", "/media", "/home", "/opt", "/run", "/tmp"} {
		if info, err := os.Lstat(stage); err != nil || !info.IsDir() {
			continue
		}
		if !slices.ContainsFunc(used, func(u string) bool { return u == stage || strings.HasPrefix(u, stage+"/") }) {
			b.stage = stage
			return nil
		}
	}
	return errors.New("sandbox: no directory is left to build the root on")
}

// attributes sets mount attributes below the stage.
func (b *rootBuilder) attributes(at string, set uint64, flags int) {
	attr := make([]byte, 32) // struct mount_attr
	binary.NativeEndian.PutUint64(attr, set)
	b.s.call("protect "+at, unix.SYS_MOUNT_SETATTR, atCWD, path.Join(b.stage, at), flags, attr, len(attr))
}

const closed = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID

func (b *rootBuilder) mkdir(dir string) {
	if b.made[dir] {
		return
	}
	b.mkdir(path.Dir(dir))
	b.made[dir] = true
	b.s.call("make "+dir, unix.SYS_MKDIRAT, atCWD, path.Join(b.stage, dir), 0o755)
	b.s.ignore() // it may be in the author's root; if it is missing, what comes next says so
}

// file makes a file with content.
func (b *rootBuilder) file(name, content string) {
	b.mkdir(path.Dir(name))
	b.made[name] = true
	writeFile(b.s, path.Join(b.stage, name), content)
}

// writeFile adds the calls that write a file that everybody may read.
func writeFile(s *script, name, content string) {
	s.call("make "+name, unix.SYS_OPENAT, atCWD, name, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o444)
	s.keep(keptFDs - 1)
	if content != "" {
		s.call("write "+name, unix.SYS_WRITE, fd(keptFDs-1), []byte(content), len(content))
	}
	s.call("close "+name, unix.SYS_CLOSE, fd(keptFDs-1))
}

// bind shows a file or directory of the host, read-only.
func (b *rootBuilder) bind(source, target string, attrs uint64) error {
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if b.made[target] {
		return nil
	}
	if info.IsDir() {
		b.mkdir(target)
	} else {
		b.file(target, "")
	}
	b.s.call("show "+source, unix.SYS_MOUNT, source, path.Join(b.stage, target), 0, unix.MS_BIND|unix.MS_REC, 0)
	b.attributes(target, attrs, unix.AT_RECURSIVE)
	return nil
}

func (b *rootBuilder) tmpfs(at, options string) {
	b.s.call("mount a root", unix.SYS_MOUNT, "tmpfs", path.Join(b.stage, at), "tmpfs", unix.MS_NOSUID, options)
}

func (b *rootBuilder) hostRoot(p Policy, program string) error {
	b.tmpfs("/", "mode=0755,size=1m")
	for _, dir := range hostDirs {
		info, err := os.Lstat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return fmt.Errorf("sandbox: %w", err)
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(dir)
			if err != nil {
				return fmt.Errorf("sandbox: %w", err)
			}
			b.s.call("make "+dir, unix.SYS_SYMLINKAT, to, atCWD, path.Join(b.stage, dir))
			b.made[dir] = true
			continue
		}
		if err := b.bind(dir, dir, closed|unix.MOUNT_ATTR_NODEV); err != nil {
			return err
		}
	}
	if err := b.dev(); err != nil { // before what is shown, which may be in the host's /dev/shm
		return err
	}
	shown := p.shown(program)
	within := func(name string, dirs []string) bool {
		return slices.ContainsFunc(dirs, func(outer string) bool { return below(name, outer) })
	}
	for i, f := range shown {
		if inHost(f) || within(f, shown[:i]) {
			continue
		}
		if err := b.bind(f, f, closed|unix.MOUNT_ATTR_NODEV); err != nil {
			return err
		}
	}
	var files []string
	for _, pattern := range hostFiles {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("sandbox: look for %s: %w", pattern, err)
		}
		files = append(files, found...)
	}
	if p.Network {
		files = append(files, netFiles...)
	}
	for _, f := range files {
		if _, err := os.Stat(f); err != nil || within(f, shown) {
			continue // not every system has it, or it was asked for
		}
		if err := b.bind(f, f, closed|unix.MOUNT_ATTR_NODEV); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range etc {
			if !yield(name) {
				return
			}
		}
	}) {
		switch {
		case b.made[name]: // the host's own, as was asked for
		case p.Network && name == "/etc/nsswitch.conf":
			b.file(name, strings.Replace(etc[name], "hosts: files", "hosts: files dns", 1))
		default:
			b.file(name, etc[name])
		}
	}
	if p.WorkDir != "" {
		b.mkdir(p.WorkDir)
	}
	b.places(p)
	b.attributes("/dev", closed, 0)
	b.attributes("/", closed|unix.MOUNT_ATTR_NODEV, 0)
	return nil
}

// inHost says whether a path is in what every host root shows.
func inHost(name string) bool {
	return slices.ContainsFunc(hostDirs, func(d string) bool { return below(name, d) })
}

// places makes what a session may mount on.
func (b *rootBuilder) places(p Policy) {
	b.mkdir("/tmp")
	b.mkdir("/proc")
	b.mkdir(ownMount)
	if p.Flag != "" || p.SessionFlag {
		b.file(flagPath, p.Flag)
	}
}

// dev makes the devices that programs expect, and no others. Its directory can still be written to.
func (b *rootBuilder) dev() error {
	b.mkdir("/dev")
	b.tmpfs("/dev", "mode=0755,size=64k")
	for _, d := range devices {
		if err := b.bind("/dev/"+d, "/dev/"+d, closed); err != nil {
			return err
		}
	}
	for _, link := range []struct{ to, name string }{
		{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	} {
		b.s.call("make /dev/"+link.name, unix.SYS_SYMLINKAT, link.to, atCWD, path.Join(b.stage, "/dev", link.name))
	}
	return nil
}

// directoryRoot shows the author's directory as it is. Nothing is written there, so what a session mounts
// on must be in it.
func (b *rootBuilder) directoryRoot(p Policy) error {
	b.s.call("show "+p.Root, unix.SYS_MOUNT, p.Root, b.stage, 0, unix.MS_BIND|unix.MS_REC, 0)
	b.attributes("/", closed|unix.MOUNT_ATTR_NODEV, unix.AT_RECURSIVE)
	if p.Flag != "" && !p.SessionFlag {
		b.sharedFlag(p.Flag)
	}
	if info, err := os.Lstat(filepath.Join(p.Root, "dev")); err == nil && info.IsDir() {
		b.made["/dev"] = true
		if err := b.dev(); err != nil {
			return err
		}
		b.attributes("/dev", closed, 0)
	}
	return nil
}

// sharedFlag puts the flag of all sessions over the root's own file.
func (b *rootBuilder) sharedFlag(flag string) {
	b.tmpfs(ownMount, "mode=0755,size=64k")
	own := path.Join(b.stage, ownMount, "flag")
	writeFile(b.s, own, flag)
	b.s.call("show the flag", unix.SYS_MOUNT, own, path.Join(b.stage, flagPath), 0, unix.MS_BIND, 0)
	for _, at := range []string{flagPath, ownMount} {
		b.attributes(at, closed|unix.MOUNT_ATTR_NODEV, 0)
	}
}

// needsPlace says what a root must have for a policy, and whether a root of the author's has it.
func needsPlace(p Policy, name string, feature Feature) error {
	if p.Root == "" {
		return nil
	}
	place := filepath.Join(p.Root, name)
	info, err := os.Lstat(place)
	switch {
	case name == flagPath && err == nil && info.Mode().IsRegular(), name != flagPath && err == nil && info.IsDir():
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &UnenforceableError{feature, "the root has no " + name, "make an empty one: " + place}
	case err != nil:
		return fmt.Errorf("sandbox: %w", err)
	}
	// A link would be followed outside of the root.
	is, want := "a file", "a directory"
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		is = "a symbolic link"
	case info.IsDir():
		is = "a directory"
	case !info.Mode().IsRegular():
		is = "a device, pipe or socket"
	}
	if name == flagPath {
		want = "a plain file"
	}
	return &UnenforceableError{feature, "the root's " + name + " is " + is, "make it " + want + ": " + place}
}
