package cgroup

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// All sessions of a sandbox have the same weight, and that is not enough: beside sixty that compute without end, one that only has a
// line to say would have a sixtieth of the processor, and wait for it. So who has wanted it for some seconds gives way to all
// who have not, until it rests.

const (
	sharePeriod = time.Second // how often sessions are looked at
	shareLooks  = 2           // so often in turn must one have been busy to give way
	shareOf     = 16          // who gives way weighs this part of what others do
	shareMost   = 1000        // so many are looked at in one period: some 5 ms
)

// share is a slot's share of the processors, and how busy its session is.
type share struct {
	dir     string // its group
	version int    // of control groups

	index int // in shares.running, whose lock guards it

	mu      sync.Mutex
	running bool      // a session
	since   time.Time // the last look at it, or zero
	periods uint64    // the group had been given time in then
	looks   int       // in turn that it was busy
	gives   bool      // way
}

// newShare returns the share of the group dir of the controller cpu. It counts only where the group has a quota: without one
// the system counts no periods.
func newShare(dir string, version int) *share {
	return &share{dir: dir, version: version}
}

// weight returns the file that a group's weight is in, and what it is by default.
func (s *share) weight() (file string, normal int) {
	if s.version == 2 {
		return s.dir + "/cpu.weight", 100
	}
	return s.dir + "/cpu.shares", 1024
}

// giveWay sets the weight.
func (s *share) giveWay(gives bool) {
	file, weight := s.weight()
	if gives {
		weight /= shareOf
	}
	if os.WriteFile(file, strconv.AppendInt(nil, int64(weight), 10), 0) == nil {
		s.gives = gives
	}
}

// look finds out whether the session has been busy since the last look.
func (s *share) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		return
	}
	periods, ok := ranPeriods(s.dir)
	if !ok {
		return
	}
	// The system counts a period when the group is given time in it, 5 ms at once. Of a hundred sessions that share two processors
	// each needs that in every third, however much it wants.
	ran := time.Duration(periods-s.periods) * quotaPeriod
	busy := !s.since.IsZero() && ran >= now.Sub(s.since)/4
	s.since, s.periods = now, periods
	if !busy {
		s.rest()
	} else if s.looks++; s.looks >= shareLooks && !s.gives {
		s.giveWay(true)
	}
}

// rest says that the session is not busy.
func (s *share) rest() {
	s.looks = 0
	if s.gives {
		s.giveWay(false)
	}
}

// ranPeriods reads in how many periods a group has been given time since it was made.
func ranPeriods(dir string) (uint64, bool) {
	f, err := unix.Open(dir+"/cpu.stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(f)
	var b [512]byte
	n, err := unix.Read(f, b[:])
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(b[:n]) {
		if v, ok := bytes.CutPrefix(line, []byte("nr_periods ")); ok {
			count, err := strconv.ParseUint(string(bytes.TrimSpace(v)), 10, 64)
			return count, err == nil
		}
	}
	return 0, false
}

// shares looks at a sandbox's running sessions, as long as there are more of them than processors.
type shares struct {
	looking sync.Mutex // held by who looks

	mu      sync.Mutex
	running []*share
	next    int         // where the next look begins
	timer   *time.Timer // of the next look; nil: none is to come
}

// begin begins with a session.
func (h *shares) begin(s *share) {
	s.mu.Lock()
	s.running, s.since, s.looks = true, time.Time{}, 0
	s.mu.Unlock()
	h.mu.Lock()
	s.index = len(h.running)
	h.running = append(h.running, s)
	if h.timer == nil && len(h.running) > runtime.NumCPU() {
		h.timer = time.AfterFunc(sharePeriod, h.look)
	}
	h.mu.Unlock()
}

// end ends with a session. The group is not touched after it has returned.
func (h *shares) end(s *share) {
	h.mu.Lock()
	last := len(h.running) - 1
	h.running[s.index] = h.running[last]
	h.running[s.index].index = s.index
	h.running = h.running[:last]
	h.mu.Unlock()
	s.mu.Lock()
	s.running = false
	s.rest()
	s.mu.Unlock()
}

// look looks at the next sessions.
func (h *shares) look() {
	h.looking.Lock()
	defer h.looking.Unlock()
	h.mu.Lock()
	some := make([]*share, min(len(h.running), shareMost))
	for i := range some {
		h.next = (h.next + 1) % len(h.running)
		some[i] = h.running[h.next]
	}
	few := len(some) <= runtime.NumCPU()
	if few || h.timer == nil {
		h.timer = nil
	} else {
		h.timer.Reset(sharePeriod)
	}
	h.mu.Unlock()
	now := time.Now()
	for _, s := range some {
		if few {
			s.mu.Lock()
			s.rest() // nobody has to wait
			s.mu.Unlock()
		} else {
			s.look(now)
		}
	}
}

// close waits until nobody looks any more. All sessions have ended.
func (h *shares) close() {
	h.mu.Lock()
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	h.mu.Unlock()
	h.looking.Lock()
	defer h.looking.Unlock()
}
