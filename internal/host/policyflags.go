package host

import (
	"errors"
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
	proc      bool
	network   bool
	syscalls  string
	stderr    string
	pty       bool
	weaker    []string
	none      bool

	given func(name string) bool // on the command line
}

// enforced are the flags that only a sandbox can enforce.
var enforced = []string{
	"root", "image", "image-name", "image-user", "file", "memory", "processes", "cores", "cpu-time", "file-size", "open-files", "tmp",
	"proc", "network", "syscalls", "weaker-sandbox",
}

func (f *policyFlags) define(fs *pflag.FlagSet) {
	f.memory, f.output, f.fileSize = sandbox.DefaultMemory, sandbox.DefaultOutput, sandbox.DefaultFileSize
	fs.StringVar(&f.root, "root", "", "make `DIR` the program's whole file system, read-only")
	fs.StringVar(&f.image, "image", "", "make a container image the file system: an OCI layout or a tarball, also of docker save, at `PATH`; its command is the default")
	fs.StringVar(&f.imageName, "image-name", "", "the image's `TAG`, where there are several in it")
	fs.StringVar(&f.imageUser, "image-user", "", "the image's `USER` whose files the program may read (default: the one it names)")
	fs.StringVar(&f.dir, "dir", "", "run in `DIR`, which the program sees, read-only")
	fs.StringSliceVar(&f.files, "file", nil, "let the program see these `PATH`s too, read-only")
	fs.Var(&f.memory, "memory", "how much memory a session may use")
	fs.IntVar(&f.processes, "processes", 0, "how many processes and threads a session may have (default 32, or 1 where no more can be limited); -1: no limit")
	fs.Float64Var(&f.cores, "cores", sandbox.DefaultCores, "how many processors a session may keep busy; -1: no limit")
	fs.DurationVar(&f.time, "time", sandbox.DefaultTime, "how long a session may last; -1s: no limit")
	fs.DurationVar(&f.cpu, "cpu-time", sandbox.DefaultCPU, "how long each process may compute; -1s: no limit")
	fs.DurationVar(&f.idle, "idle", sandbox.DefaultIdle, "how long a session may pass without a byte; -1s: no limit")
	fs.Var(&f.output, "output", "how much the program may send")
	fs.Var(&f.fileSize, "file-size", "how large a file may grow")
	fs.IntVar(&f.openFiles, "open-files", sandbox.DefaultOpenFiles, "how many descriptors each process may have; -1: no limit")
	fs.Var(&f.tmp, "tmp", "give each session a writable /tmp of its own of this size")
	fs.BoolVar(&f.proc, "proc", false, "give each session a /proc of its own")
	fs.BoolVar(&f.network, "network", false, "let the program use the host's network")
	fs.StringVar(&f.syscalls, "syscalls", "default", "filter system calls: `default` (none that challenges never need), strict or off")
	fs.StringVar(&f.stderr, "stderr", "log", "where standard error goes: to the `log`, the player, or discard")
	fs.BoolVar(&f.pty, "pty", false, "give the program a terminal, so that its prompts are shown without flushing")
	f.given = fs.Changed
	fs.BoolVar(&f.none, "no-sandbox", false, "run the program as yourself, unconfined: for programs of your own, and where there is no sandbox")
	fs.StringSliceVar(&f.weaker, "weaker-sandbox", nil, "accept that this host enforces `FEATURE` less well: memory, processes, cpu")
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
		Syscalls: sandbox.Syscalls(f.syscalls), Stderr: sandbox.Stderr(f.stderr),
	}
	if f.syscalls == "default" {
		p.Syscalls = sandbox.SyscallsDefault
	}
	if f.stderr == "log" {
		p.Stderr = sandbox.StderrLog
	}
	for _, w := range f.weaker {
		p.Weaker = append(p.Weaker, sandbox.Feature(w))
	}
	if f.memory == 0 || f.cores == 0 || f.time == 0 || f.cpu == 0 || f.idle == 0 || f.output == 0 || f.fileSize == 0 || f.openFiles == 0 {
		return p, settingError("give none for sizes, -1 for numbers and -1s for times where there shall be no limit", "a limit of 0 lets no program run")
	}
	if f.none {
		for _, name := range enforced {
			if f.given(name) {
				return p, settingError("leave out one of the two", "--no-sandbox and --%s: nothing would enforce that", name)
			}
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
	if err != nil {
		return p, settingError("'flagstaff run --help' says what each flag takes", "%w", err)
	}
	return p, nil
}
