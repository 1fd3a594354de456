package geography

import (
	"net/netip"
	"sync"
)

// turns lets the work of practice, which has no clock, be done by one session at a time, so that however
// much of it is asked for, a ranked game finds a processor. Sources take turns, whatever the number of
// their sessions. The zero value is ready.
type turns struct {
	mu      sync.Mutex
	taken   bool
	waiting map[netip.Prefix][]chan struct{} // in the order they came
	next    []netip.Prefix                   // the sources that wait, each once
}

// do runs f when it is source's turn. A turn takes milliseconds, so waiting for it needs no way out.
func (t *turns) do(source netip.Prefix, f func()) {
	t.take(source)
	defer t.give()
	f()
}

func (t *turns) take(source netip.Prefix) {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return
	}
	if t.waiting == nil {
		t.waiting = map[netip.Prefix][]chan struct{}{}
	}
	if len(t.waiting[source]) == 0 {
		t.next = append(t.next, source)
	}
	mine := make(chan struct{})
	t.waiting[source] = append(t.waiting[source], mine)
	t.mu.Unlock()
	<-mine
}

// give passes the turn on; the source that gets it goes to the end of the line.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.next) == 0 {
		t.taken = false
		return
	}
	source := t.next[0]
	t.next = t.next[1:]
	line := t.waiting[source]
	close(line[0])
	if len(line) == 1 {
		delete(t.waiting, source)
		return
	}
	t.waiting[source] = line[1:]
	t.next = append(t.next, source)
}
