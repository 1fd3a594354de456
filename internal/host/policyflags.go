package host

import (
	"cmp"
	"errors"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// policyFlags are the flags of a sandbox's policy.
type policyFlags struct {
	root, dir string
	image     string
	imageName string
	imageUser string
	files     []string
	memory    size
	processes int
	cores     float64
	time, cpu time.Duration
	idle      time.Duration
	output    size
	fileSize  size
	openFiles int
	tmp       size
	tmpFlag   *pflag.Flag
	proc      bool
	network   bool
	syscalls  string
	stderr    string
	pty       bool
	weaker    []string
	none      bool

	given func(name string) bool // whether a flag of the limits is on the command line
	named func(name string) bool // the same of those about what a program sees
}

// enforced are the flags that only a sandbox can enforce.
var enforced = []string{
	"memory", "processes", "cores", "cpu-time", "file-size", "open-files",
	"network", "syscalls", "weaker-sandbox",
}

// defineSight defines the flags about what a program sees.
func (f *policyFlags) defineSight(fs *pflag.FlagSet) {
	f.named = fs.Changed
	fs.StringVar(&f.dir, "dir", "", "run it in `DIR`, which it sees, read-only")
	fs.StringSliceVar(&f.files, "file", nil, "let it see these `PATH`s too, read-only")
	fs.StringVar(&f.root, "root", "", "make `DIR` its whole file system, read-only")
	fs.StringVar(&f.image, "image", "", "make the container image at `PATH` its file system, and run its command: an OCI layout\nor a tarball, also of docker save")
	fs.StringVar(&f.imageName, "image-name", "", "the image's `TAG`, where there are several in it")
	fs.StringVar(&f.imageUser, "image-user", "", "the image's `USER` whose files it may read (default: the one the image names)")
	fs.Var(&f.tmp, "tmp", "a writable /tmp of each session's own, of this size")
	f.tmpFlag = fs.Lookup("tmp")
	fs.BoolVar(&f.proc, "proc", false, "a /proc of each session's own")
	fs.BoolVar(&f.pty, "pty", false, "a terminal, so that its prompts are shown without flushing")
	fs.StringVar(&f.stderr, "stderr", "", "`WHERE` its standard error goes: log, player or discard (default log; with --pty player,\nbecause on a terminal some write their prompts there)")
}

// defineLimits defines the flags about what a program may use.
func (f *policyFlags) defineLimits(fs *pflag.FlagSet) {
	f.memory, f.output, f.fileSize = sandbox.DefaultMemory, sandbox.DefaultOutput, sandbox.DefaultFileSize
	f.given = fs.Changed
	fs.Var(&f.memory, "memory", "memory of a session; none: no limit")
	fs.IntVar(&f.processes, "processes", 0, "`N` processes and threads in a session (default 32, or 1 where no more can be limited); -1: no limit")
	fs.Float64Var(&f.cores, "cores", sandbox.DefaultCores, "`N` processors kept busy by a session; -1: no limit")
	fs.DurationVar(&f.time, "time", sandbox.DefaultTime, "how long a session lasts; -1s: no limit")
	fs.DurationVar(&f.idle, "idle", sandbox.DefaultIdle, "how long a session passes without a byte; -1s: no limit")
	fs.DurationVar(&f.cpu, "cpu-time", sandbox.DefaultCPU, "how long each process computes; -1s: no limit")
	fs.Var(&f.output, "output", "bytes it sends")
	fs.Var(&f.fileSize, "file-size", "size of a file it writes")
	fs.IntVar(&f.openFiles, "open-files", sandbox.DefaultOpenFiles, "`N` descriptors of each process; -1: no limit")
	fs.BoolVar(&f.network, "network", false, "the host's network")
	fs.StringVar(&f.syscalls, "syscalls", "default", "filter system calls, `HOW`: default (without those that challenges never need), strict or off")
	fs.StringSliceVar(&f.weaker, "weaker-sandbox", nil, "accept that this host enforces `FEATURE` less well: memory, processes, cpu")
	fs.BoolVar(&f.none, "no-sandbox", false, "run it as yourself, unconfined: for programs of your own, and where there is no sandbox")
}

// ownRoot says whether the program has a file system of its own, and paths mean what they mean there.
func (f *policyFlags) ownRoot() bool { return f.root+f.image != "" }

// policy makes the policy.
func (f *policyFlags) policy() (sandbox.Policy, error) {
	p := sandbox.Policy{
		Memory: int64(f.memory), Processes: f.processes, Cores: f.cores,
		Time: f.time, CPU: f.cpu, Idle: f.idle, Output: int64(f.output),
		FileSize: int64(f.fileSize), OpenFiles: f.openFiles, Tmp: int64(f.tmp),
		Proc: f.proc, Network: f.network, PTY: f.pty,
	}
	if err := f.choices(&p); err != nil {
		return p, err
	}
	// A variable that is not set in a script must not become the host's own files.
	for _, path := range []struct{ flag, value string }{{"root", f.root}, {"image", f.image}, {"dir", f.dir}} {
		if path.value == "" && f.named(path.flag) {
			return p, settingError("give a path, or leave it out", "--%s is empty", path.flag)
		}
	}
	for _, w := range f.weaker {
		p.Weaker = append(p.Weaker, sandbox.Feature(w))
	}
	if f.memory == 0 || f.cores == 0 || f.time == 0 || f.cpu == 0 || f.idle == 0 || f.output == 0 || f.fileSize == 0 || f.openFiles == 0 {
		return p, settingError("give none for sizes, -1 for numbers and -1s for times where there shall be no limit", "a limit of 0 lets no program run")
	}
	if math.IsNaN(f.cores) || f.cores > 0 && f.cores < leastCores || f.cores > mostCores {
		return p, settingError("give a number from 0.01, as 0.5, or -1 for no limit", "--cores %v is no number of processors that a program can run on", f.cores)
	}
	if f.processes > mostProcesses {
		return p, settingError("give -1 where there shall be no limit", "--processes %d is more than any system has", f.processes)
	}
	if f.processes == 0 && f.given("processes") {
		return p, settingError("leave it out for the default, or give -1 where there shall be no limit", "--processes 0 lets no program run")
	}
	if f.tmp < 0 || f.tmp == 0 && f.tmpFlag.Changed {
		return p, settingError("give a size, as 16MiB, or leave it out: then /tmp is read-only", "--tmp %v is no size", &f.tmp)
	}
	if f.memory > 0 && f.memory < leastMemory {
		return p, settingError("write the unit, as 256MiB", "--memory %v lets no program run", &f.memory)
	}
	if f.none {
		for _, name := range enforced {
			if f.given(name) {
				return p, settingError("leave out one of the two", "--no-sandbox and --%s: nothing would enforce that", name)
			}
		}
		if f.ownRoot() || len(f.files) > 0 || f.tmp != 0 || f.proc {
			return p, settingError("leave out one of the two", "--no-sandbox and --root, --image, --file, --tmp or --proc: it sees what you see")
		}
	}
	var err error
	whole := func(path string) string {
		if path == "" {
			return ""
		}
		abs, e := filepath.Abs(path)
		err = errors.Join(err, e)
		return abs
	}
	p.Root, p.Image, p.ImageName, p.ImageUser = whole(f.root), whole(f.image), f.imageName, f.imageUser
	if p.Dir = f.dir; !f.ownRoot() {
		p.Dir = whole(f.dir)
	}
	for _, path := range f.files {
		p.Files = append(p.Files, whole(path))
	}
	if err == nil {
		err = p.Check()
	}
	if err == nil {
		if err := f.present(p); err != nil {
			return p, err
		}
	}
	if err != nil {
		return p, settingError("'flagstaff run --help' says what each flag takes", "%w", err)
	}
	return p, nil
}

// choices sets what is one of a few words.
func (f *policyFlags) choices(p *sandbox.Policy) error {
	switch f.syscalls {
	case "default":
		p.Syscalls = sandbox.SyscallsDefault
	case string(sandbox.SyscallsStrict), string(sandbox.SyscallsOff):
		p.Syscalls = sandbox.Syscalls(f.syscalls)
	default:
		return settingError("give default, strict or off", "--syscalls %q is none of these", f.syscalls)
	}
	switch f.stderr {
	case "":
		if f.pty {
			p.Stderr = sandbox.StderrPlayer
		}
	case "log":
		p.Stderr = sandbox.StderrLog
	case string(sandbox.StderrPlayer), string(sandbox.StderrDiscard):
		p.Stderr = sandbox.Stderr(f.stderr)
	default:
		return settingError("give log, player or discard", "--stderr %q is none of these", f.stderr)
	}
	return nil
}

// leastMemory and leastCores are less than any program takes, the others more than there can be.
const (
	leastMemory   = 1 << 20
	leastCores    = 0.01
	mostCores     = 1 << 16
	mostProcesses = 1 << 22
)

// present looks whether what the policy names on this host is there.
func (f *policyFlags) present(p sandbox.Policy) error {
	look := func(flag, path string, dir bool) error {
		if path == "" {
			return nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return settingError("give a path that exists on this host", "--%s: %w", flag, err)
		}
		if dir && !info.IsDir() {
			return settingError("give a directory", "--%s %s is none", flag, path)
		}
		return nil
	}
	errs := []error{look("root", p.Root, true), look("image", p.Image, false)}
	if !f.ownRoot() {
		errs = append(errs, look("dir", p.Dir, true))
	}
	for _, path := range p.Files {
		errs = append(errs, look("file", path, false))
	}
	return cmp.Or(errs...)
}
