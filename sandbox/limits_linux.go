package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// setLimits gives the launcher the limits of each process. One that was inherited and is lower than the policy's stays, where it
// may not be raised: it is stricter than asked. But of open files somebody may have asked for as many as the program needs.
func (r *Runner) setLimits(l *launcherProcess) error {
	for _, want := range rlimits(r.plan) {
		s := newScript(msgSetup)
		limit(s, want.what, want.resource, want.value, want.value)
		err := l.ask(s)
		var inherited unix.Rlimit
		if !errors.Is(err, unix.EPERM) || unix.Getrlimit(want.resource, &inherited) != nil || inherited.Max >= uint64(want.value) {
			if err != nil {
				return err
			}
			continue
		}
		hard := int64(inherited.Max)
		if want.resource == unix.RLIMIT_NOFILE {
			if err := fewer(want.value, hard); err != nil {
				return err
			}
		}
		s = newScript(msgSetup)
		limit(s, want.what, want.resource, hard, hard)
		if err := l.ask(s); err != nil {
			return err
		}
	}
	return nil
}

// fewer says why a server that may have most open files cannot give a session as many as the policy says, unless it is fine that there
// are fewer.
func fewer(wanted, most int64) error {
	const raise = "raise the server's own limit (ulimit -Hn, LimitNOFILE=)"
	if most < minOpenFiles {
		return &hintedError{fmt.Errorf("sandbox: the server may have %d open files, and the launcher itself needs %d", most, minOpenFiles), raise}
	}
	if wanted == DefaultOpenFiles {
		return nil
	}
	text, _ := os.ReadFile("/proc/sys/fs/nr_open") // the limit of whoever has no other
	if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && wanted > n {
		return &hintedError{fmt.Errorf("sandbox: %d open files are more than this system lets a process have (%d)", wanted, n), "ask for fewer, or raise the sysctl fs.nr_open"}
	}
	return &hintedError{fmt.Errorf("sandbox: %d open files are more than the server itself may have (%d)", wanted, most), raise + ", or ask for fewer"}
}

// Descriptors that launcher and slots keep.
const (
	keptRules    fd = 0 // of Landlock
	keptStderr   fd = 1 // where a slot's sessions write their standard error
	keptWritten  fd = 2 // where the slot reads that
	keptChildren fd = 3 // a signalfd for SIGCHLD
)

// rlimit is a limit that launcher, slots and sessions all have.
type rlimit struct {
	what     string
	resource int
	value    int64
}

func rlimits(pl *plan) []rlimit {
	list := []rlimit{
		{"limit core files", unix.RLIMIT_CORE, 1}, // 0 would still start a program that collects them
		{"limit locked memory", unix.RLIMIT_MEMLOCK, 64 << 10},
		{"limit message queues", unix.RLIMIT_MSGQUEUE, 0},
		// An administrator may have let the server's user go before all others, for other programs.
		{"limit priorities of real time", unix.RLIMIT_RTPRIO, 0},
		{"limit priorities", unix.RLIMIT_NICE, 0},
		{"limit pending signals", unix.RLIMIT_SIGPENDING, 4096}, // of an ordinary user's server it is the user's, for all programs
	}
	if pl.FileSize > 0 {
		list = append(list, rlimit{"limit the size of files", unix.RLIMIT_FSIZE, pl.FileSize})
	}
	if pl.OpenFiles > 0 {
		list = append(list, rlimit{"limit open files", unix.RLIMIT_NOFILE, int64(pl.OpenFiles)})
	}
	if pl.addr && pl.Memory > 0 {
		list = append(list, rlimit{"limit memory", unix.RLIMIT_AS, pl.Memory})
	}
	return list
}

func limit(s *script, what string, resource int, soft, hard int64) {
	b := make([]byte, 16)
	binary.NativeEndian.PutUint64(b, uint64(soft))
	binary.NativeEndian.PutUint64(b[8:], uint64(hard))
	s.call(what, unix.SYS_PRLIMIT64, 0, resource, b, 0)
}
