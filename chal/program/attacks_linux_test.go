package program_test

import "github.com/flagstaff-ctf/flagstaff/chal"

// attack is a row of the suite, and of docs/attacks.md.
type attack struct {
	name   string // of the function in testdata/hostile, and in testdata/hostile.py
	on     string // the challenge it is run on; empty: the one with the default policy
	python bool   // there is one in Python, too
	ends   []chal.Reason
	met    string // the answers it gets, as a set
	// user is what differs for an ordinary user.
	user *attack
	// alone is what differs where a session may have one process only: for an ordinary user without control groups.
	alone *attack

	// private says that it is also run on the challenge with mounts of its own, whose filter lets mount pass.
	private bool

	// once says that all of an ordinary user's sessions share what it uses up: it is not run in 32 bits at the same time.
	once bool

	leave bool // the player leaves once the program has said something
	push  bool // the player sends more than the system holds for a program that does not read
}

var (
	done      = []chal.Reason{chal.ReasonDone}
	forIdling = []chal.Reason{chal.ReasonIdle}
)

var suite = []attack{
	// Using something up, or not ending.
	{name: "forkbomb", python: true, ends: []chal.Reason{chal.ReasonIdle, "cpu", "memory"}, met: "EAGAIN"},
	{name: "threads", python: true, ends: done, met: "EAGAIN"},
	{name: "hog", python: true, ends: []chal.Reason{"memory"}, alone: &attack{ends: done, met: "ENOMEM"}},
	{name: "hogchildren", ends: []chal.Reason{"memory", chal.ReasonIdle}, alone: &attack{ends: done, met: "EAGAIN"}},
	{name: "hogkernel", ends: []chal.Reason{"memory"}, alone: &attack{ends: done, met: "EPERM"}},
	{name: "hogpipes", once: true, ends: []chal.Reason{"memory"}, alone: &attack{ends: done, met: "EMFILE"}},
	{name: "fill", python: true, ends: done, met: "ENOENT, EROFS"},
	{name: "filltmp", on: "own", ends: done, met: "ENOSPC"},
	{name: "flood", python: true, ends: []chal.Reason{"output"}},
	{name: "babble", on: "brief", ends: []chal.Reason{chal.ReasonTimeUp}},
	{name: "complain", ends: done},
	{name: "deaf", ends: forIdling, push: true},
	{name: "stubborn", python: true, ends: forIdling, met: "EINVAL"},
	{name: "daemonise", python: true, ends: done, alone: &attack{ends: done, met: "EAGAIN"}},
	{name: "files", python: true, ends: done, met: "EMFILE"},
	{name: "pids", python: true, ends: done, met: "EAGAIN"},
	{name: "sleeper", python: true, ends: forIdling, leave: true},
	{name: "burn", python: true, ends: []chal.Reason{"cpu", chal.ReasonIdle}},

	// Reaching what is not the session's own.
	{name: "tcp", python: true, ends: done, met: "EPERM"},
	{name: "udp", python: true, ends: done, met: "EPERM"},
	{name: "mptcp", python: true, ends: done, met: "EPERM"},
	{name: "unixpath", python: true, ends: done, met: "EPERM"},
	{name: "unixabstract", python: true, ends: done, met: "EPERM"},
	{name: "vsock", python: true, ends: done, met: "EPERM"},
	{name: "netlink", python: true, ends: done, private: true, met: "EPERM"},
	{name: "rawsockets", ends: done, met: "EPERM"},
	{name: "reconnect", ends: done, private: true, met: "EPERM"},
	{name: "proc", python: true, ends: done, met: "ENOENT"},
	{name: "ownproc", on: "own", ends: done, met: "ENOENT"},
	{name: "environment", python: true, ends: done, private: true, met: "EBADF"},
	{name: "hostfiles", python: true, ends: done, private: true, met: "ENOENT"},
	{name: "otherflags", ends: done, private: true, met: "ENOENT"},
	{name: "otherfiles", on: "own", python: true, ends: done, met: "ENOENT"},
	{name: "sysvipc", python: true, ends: done, private: true, met: "EPERM"},
	{name: "posixipc", ends: done, private: true, met: "ENOENT, EPERM"},
	{name: "signals", python: true, ends: done, private: true, met: "ESRCH"},
	{name: "ptrace", python: true, ends: done, private: true, met: "EPERM"},

	// Breaking the walls.
	{name: "unshare", python: true, ends: done, private: true, met: "EPERM"},
	{name: "clone", ends: done, private: true, met: "EPERM"},
	{name: "clonemore", ends: done, private: true, met: "EPERM", alone: &attack{ends: done, met: "EAGAIN"}},
	{name: "clone3", ends: done, private: true, met: "ENOSYS"},
	{name: "mount", python: true, ends: done, private: true, met: "EPERM"},
	{name: "climb", python: true, ends: done, private: true, met: "EPERM, EROFS"},
	{name: "io_uring", ends: done, private: true, met: "EPERM"},
	{name: "userfaultfd", ends: done, private: true, met: "EPERM"},
	{name: "keyctl", ends: done, private: true, met: "EPERM"},
	{name: "bpf", ends: done, private: true, met: "EPERM"},
	{name: "perf", ends: done, private: true, met: "EPERM"},
	{name: "setuid", python: true, ends: done, private: true, met: "EPERM", user: &attack{ends: done, met: "EINVAL, EPERM"}},
	{name: "mknod", python: true, ends: done, private: true, met: "EPERM"},
	{name: "limits", ends: done, private: true, met: "EPERM"},
	{name: "host", ends: done, private: true, met: "EPERM"},
	{name: "abis", ends: done, private: true, met: "ENOSYS, EPERM"},
}
