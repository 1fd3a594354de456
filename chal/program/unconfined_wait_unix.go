//go:build unix && !linux

package program

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// closeInherited makes programs inherit no descriptor but those that are theirs. Go's own are so already; what flagstaff was
// started with is not.
func closeInherited() { closeUpTo(3) }

// minder waits for programs to end and reads their standard error. Each takes a thread and a goroutine for that.
type minder struct{}

func newMinder() (*minder, error) { return new(minder), nil }

func (*minder) close() {}

// minded is what a minder knows of one program.
type minded struct {
	theirs, stderr *os.File // the two ends of its standard error; nil: there is none
	reading        sync.WaitGroup
	text           tail
}

// prepare makes what a program is started with.
func (*minder) prepare(_ *syscall.SysProcAttr, stderr bool) (d *minded, err error) {
	d = new(minded)
	if stderr {
		d.stderr, d.theirs, err = os.Pipe()
	}
	return d, err
}

// end is the program's end of its standard error.
func (d *minded) end() uintptr { return d.theirs.Fd() }

// drop closes all descriptors.
func (d *minded) drop() {
	if d.stderr != nil {
		d.stderr.Close()
		d.theirs.Close()
	}
}

// started begins to mind the program.
func (d *minded) started() {
	if d.stderr != nil {
		d.theirs.Close()
		d.reading.Go(func() { io.Copy(&d.text, d.stderr) })
	}
}

// wait waits until the program has ended, calls left for what is left of it, and says how it ended.
func (d *minded) wait(pid int, left func()) (status syscall.WaitStatus, usage syscall.Rusage, err error) {
	for err = syscall.EINTR; err == syscall.EINTR; {
		_, err = syscall.Wait4(pid, &status, 0, &usage)
	}
	left()
	if d.stderr != nil {
		d.stderr.SetReadDeadline(time.Now().Add(restTime))
		d.reading.Wait()
		d.drop()
	}
	return status, usage, err
}

// restTime is how long what has left the program's group may go on with standard error.
const restTime = 100 * time.Millisecond

// said is what has come on standard error.
func (d *minded) said() []byte { return d.text.end() }
