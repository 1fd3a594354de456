package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Policy says what a program may do. The zero value is a safe one: no network, no files but those of the
// host's system directories (read-only) and the program, nothing writable, an empty environment, and the
// limits named below. In every limit zero is the default and a negative value means none.
//
// A Policy is data: it may be copied, compared field by field, and read from a file. It must not change
// while a [Runner] uses it.
type Policy struct {
	// Root is a directory that becomes the program's root, read-only. Empty: a root made of the host's
	// /usr, /bin, /sbin, /lib* and a few files of /etc.
	Root string
	// Image is a container image that becomes the root instead: a directory or a tarball in the OCI image
	// layout, or a tarball of docker save. It is unpacked once, without Docker: see package oci. The program
	// and its arguments, Dir and Env are then the image's where the policy and Prepare say nothing else.
	Image string
	// ImageName is the tag of the image to take, where there are several.
	ImageName string
	// ImageUser is the user of the image for whom its files are readable. Empty: the one it names, and
	// none of root's own files. "root" shows everything. Whoever it is, sessions have IDs of their own.
	ImageUser string
	// ImageCache is the directory that unpacked images are kept in. Empty: see [oci.Options].
	ImageCache string
	// Dir is the working directory. Where Root is empty it is a directory of the host, visible to the
	// program under the same path, read-only; else a path below Root. Empty: "/".
	Dir string
	// WorkDir is the working directory where Dir is empty: one of the host, of which nothing is shown but what Files names.
	// Only where Root is empty.
	WorkDir string
	// Files are more files and directories of the host, visible under the same paths, read-only, in place of what the made root has there. Only
	// where Root is empty. Neither devices nor all of /, /etc, /dev, /proc or /sys can be shown: a *[ProgramError].
	Files []string
	// Env is the environment, "NAME=value", beside PATH, which it may replace. Nothing of the server's own is passed on.
	Env []string

	Memory    int64   // bytes a session may use, of all its processes. Zero: 256 MiB
	Processes int     // processes and threads of a session. Zero: 32, or 1 where only that can be enforced
	Cores     float64 // how many processors a session may keep busy; who is busy for seconds gives way to the others. Zero: 1

	Time   time.Duration // how long a session may last. Zero: 15 minutes
	CPU    time.Duration // how long each process may compute. Zero: 1 minute
	Idle   time.Duration // how long a session may pass without a byte. Zero: 5 minutes
	Output int64         // bytes the program may send. Zero: 1 GiB

	FileSize  int64 // bytes of the largest file. Zero: 16 MiB
	OpenFiles int   // open descriptors of each process; 64 or more, and no more than the server may have. Zero: 256
	Tmp       int64 // bytes of a /tmp of the session's own. Zero: none, nothing is writable

	// Flag is what programs find in the file /flag; a root must have that file and a directory /.own, as all unpacked
	// images do. With SessionFlag each session has a /flag of its own
	// instead, with what Session.Flag says.
	Flag        string
	SessionFlag bool

	Proc    bool // a /proc that shows the session's own processes
	Network bool // the host's network; and with it the sockets that the syscall filter else forbids

	// Syscalls is how system calls are filtered.
	Syscalls Syscalls
	// Stderr is where the program's standard error goes.
	Stderr Stderr
	// PTY gives the program a terminal, so that it shows its prompts without flushing them.
	PTY bool

	// Weaker names the parts that may be enforced less well than the policy says where this host
	// cannot do better: "memory", "processes", "cpu". Without it such a policy is an error.
	Weaker []Feature
}

// Feature is a part of a policy, as errors, reports and --weaker-sandbox name it.
type Feature string

// The parts of a policy.
const (
	FeatureLauncher   Feature = "launcher"   // the system as such: Linux, amd64 or arm64
	FeatureNamespaces Feature = "namespaces" // a process, file, IPC and host name space of its own
	FeatureNetwork    Feature = "network"
	FeatureFiles      Feature = "files"
	FeatureMemory     Feature = "memory"
	FeatureProcesses  Feature = "processes"
	FeatureCPU        Feature = "cpu"
	FeatureIdentity   Feature = "identity"
	FeatureSyscalls   Feature = "syscalls"
	FeatureProc       Feature = "proc"
	FeatureTmp        Feature = "tmp"
	FeatureFlag       Feature = "flag" // a /flag of each session's own
)

// weakenable are the features that Policy.Weaker may name.
var weakenable = []Feature{FeatureMemory, FeatureProcesses, FeatureCPU}

// Syscalls says how the system calls of a program are filtered.
type Syscalls string

// The ways to filter system calls.
const (
	SyscallsDefault Syscalls = ""       // all but those that challenges never need: see doc.go
	SyscallsStrict  Syscalls = "strict" // only those that ordinary programs need
	SyscallsOff     Syscalls = "off"    // all
)

// Stderr says where the standard error of a program goes.
type Stderr string

// The ways of standard error.
const (
	StderrLog     Stderr = ""        // the last 16 KiB are kept for the log: Exit.Stderr
	StderrPlayer  Stderr = "player"  // to where standard output goes
	StderrDiscard Stderr = "discard" // nowhere
)

// The default limits.
const (
	DefaultMemory    = 256 << 20
	DefaultProcesses = 32
	DefaultCores     = 1.0
	DefaultTime      = 15 * time.Minute
	DefaultCPU       = time.Minute
	DefaultIdle      = 5 * time.Minute
	DefaultOutput    = 1 << 30
	DefaultFileSize  = 16 << 20
	DefaultOpenFiles = 256
)

// minOpenFiles is how many descriptors the launcher needs, and so a session may have at least.
const minOpenFiles = 64

// DefaultPath is the PATH of every program that Policy.Env gives no other.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const defaultPath = "PATH=" + DefaultPath

// or returns the limit n, or byDefault for zero; negative means none, and stays so.
func or[T int | int64 | float64 | time.Duration](n, byDefault T) T {
	if n == 0 {
		return byDefault
	}
	return n
}

// Limits returns p with every limit that is zero set to its default, except Processes, whose default
// depends on the host. A negative limit stays: none.
func (p Policy) Limits() Policy {
	p.Memory = or(p.Memory, DefaultMemory)
	p.Cores = or(p.Cores, DefaultCores)
	p.Time = or(p.Time, DefaultTime)
	p.CPU = or(p.CPU, DefaultCPU)
	p.Idle = or(p.Idle, DefaultIdle)
	p.Output = or(p.Output, DefaultOutput)
	p.FileSize = or(p.FileSize, DefaultFileSize)
	p.OpenFiles = or(p.OpenFiles, DefaultOpenFiles)
	return p
}

func (p Policy) weaker(f Feature) bool { return slices.Contains(p.Weaker, f) }

// Check says what is wrong with the policy whatever the host: values that contradict each other or that
// are unknown. [Prepare] calls it.
func (p Policy) Check() error {
	switch p.Syscalls {
	case SyscallsDefault, SyscallsStrict, SyscallsOff:
	default:
		return fmt.Errorf("policy: syscalls %q: want %q, %q or nothing", p.Syscalls, SyscallsStrict, SyscallsOff)
	}
	switch p.Stderr {
	case StderrLog, StderrPlayer, StderrDiscard:
	default:
		return fmt.Errorf("policy: stderr %q: want %q, %q or nothing", p.Stderr, StderrPlayer, StderrDiscard)
	}
	for _, f := range p.Weaker {
		if !slices.Contains(weakenable, f) {
			return fmt.Errorf("policy: %q cannot be enforced less well: only %v", f, weakenable)
		}
	}
	if p.Root != "" && p.Image != "" {
		return errors.New("policy: there is both a root and an image: the image becomes the root")
	}
	if p.Image == "" && (p.ImageName != "" || p.ImageUser != "" || p.ImageCache != "") {
		return errors.New("policy: there is no image to take a name or a user of")
	}
	if p.Root+p.Image != "" && len(p.Files) > 0 {
		return errors.New("policy: files of the host cannot be shown in another root: copy them into it")
	}
	if p.WorkDir != "" && p.Root+p.Image+p.Dir != "" {
		return errors.New("policy: there is one working directory, Dir or WorkDir")
	}
	for _, path := range append([]string{p.Root, p.Image, p.ImageCache, p.Dir, p.WorkDir}, p.Files...) {
		if path != "" && !filepath.IsAbs(path) {
			return fmt.Errorf("policy: %q is not an absolute path", path)
		}
	}
	if p.OpenFiles > 0 && p.OpenFiles < minOpenFiles {
		return fmt.Errorf("policy: %d open files are too few: the launcher itself needs %d", p.OpenFiles, minOpenFiles)
	}
	for _, e := range p.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" || strings.ContainsRune(e, 0) {
			return errors.New("policy: an environment entry is not NAME=value") // not quoted: it may be a secret
		}
	}
	return nil
}

// UnenforceableError says that this host cannot enforce a part of a policy.
type UnenforceableError struct {
	Feature Feature
	Why     string // what is missing
	WayOut  string // what can be done about it
}

// Error names the part, and what is missing.
func (e *UnenforceableError) Error() string {
	return fmt.Sprintf("sandbox: %s cannot be enforced: %s", e.Feature, e.Why)
}

// Hint names the way out.
func (e *UnenforceableError) Hint() string { return e.WayOut }

// Reason says why a session ended.
type Reason string

// The reasons.
const (
	ReasonExited Reason = "exited" // by itself, or by a signal of its own doing
	ReasonTime   Reason = "time"   // Policy.Time was over
	ReasonCPU    Reason = "cpu"    // Policy.CPU was used up
	ReasonIdle   Reason = "idle"   // nothing passed for Policy.Idle
	ReasonMemory Reason = "memory" // it wanted more than Policy.Memory
	ReasonOutput Reason = "output" // it sent more than Policy.Output
	ReasonLeft   Reason = "left"   // the player's connection broke
	ReasonKilled Reason = "killed" // from outside, for none of these reasons
)

// Exit is how a session ended. Nothing of it is alive any more.
type Exit struct {
	Reason Reason
	Code   int           // the program's exit status; -1 when a signal ended it
	Signal int           // that signal, or 0
	CPU    time.Duration // used by all its processes, but those that a program had the kernel discard (by ignoring SIGCHLD)
	Stderr []byte        // what came on standard error, where Policy.Stderr is StderrLog
}

// ErrClosed is returned by Start once the runner was closed.
var ErrClosed = errors.New("sandbox: the runner is closed")

// Session is what one session has of its own.
type Session struct {
	Env  []string // beside Policy.Env
	Args []string // after the arguments that Prepare got
	Flag string   // the content of /flag, where Policy.SessionFlag says so

	// EndOutput ends the sending side of the connection, a socket, as soon as the program has exited with status 0 and
	// nothing of the session is left. It saves the player the time until the server would do that. After any other end
	// the server may still say something.
	EndOutput bool
}

// Host is what this host offers, found out by trying.
type Host struct {
	Kernel         string            // its release
	Root           bool              // the server runs as root
	UserNamespaces bool              // an ordinary user may make namespaces
	Seccomp        bool              // system calls can be filtered
	Landlock       int               // its ABI; 0: none
	Cgroups        map[string]int    // for each controller the version of control groups that has it
	CgroupWhy      map[string]string // for each other controller why it cannot be used
	Processes      int               // how many processes this user may have; 0: no limit
	OpenFiles      int               // how many descriptors the server may have
	IDs            bool              // there are user IDs for sessions
	Why            string            // why there are no namespaces
}
