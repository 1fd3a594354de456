package chal

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

const (
	outletWrites = 4096        // held for a reader who does not read
	outletTime   = time.Second // for what is left at the end
)

// outlet writes to w from a goroutine of its own, so that no session waits for who reads the events or the log. What is too
// much is lost, whole writes at a time, and counted.
type outlet struct {
	w      io.Writer
	writes chan []byte
	over   chan struct{}
	done   chan struct{}
	lost   atomic.Int64
}

func newOutlet(w io.Writer) *outlet {
	o := &outlet{w: w, writes: make(chan []byte, outletWrites), over: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

// Write keeps a copy of p to be written. It never fails and never waits.
func (o *outlet) Write(p []byte) (int, error) {
	select {
	case o.writes <- bytes.Clone(p):
	default:
		o.lost.Add(1)
	}
	return len(p), nil
}

func (o *outlet) run() {
	defer close(o.done)
	for {
		select {
		case p := <-o.writes:
			o.w.Write(p)
			continue
		default:
		}
		select {
		case p := <-o.writes:
			o.w.Write(p)
		case <-o.over:
			if len(o.writes) == 0 {
				return
			}
		}
	}
}

// close waits until all is written, if somebody reads it. A handler that does not return may write later: that is lost.
func (o *outlet) close() {
	close(o.over)
	late := time.NewTimer(outletTime)
	defer late.Stop()
	select {
	case <-o.done:
	case <-late.C:
	}
}
