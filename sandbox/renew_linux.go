package sandbox

import (
	"fmt"
	"sync"
)

// Somebody outside may kill the launcher, as the system does for want of memory. Nobody watches it: the first session that
// meets a dead slot or cannot have one made finds out, and starts another, so that the others pay nothing.

// current returns the launcher, or starts another where it was lost. Who comes meanwhile waits for that, and has its result.
func (r *Runner) current() (*launcherProcess, error) {
	r.mu.Lock()
	l, renewal := r.launcher, r.renewal
	r.mu.Unlock()
	if renewal != nil {
		return renewal()
	}
	return l, nil
}

// lost says that a launcher has ended.
func (r *Runner) lost(l *launcherProcess) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.launcher == l && r.renewal == nil {
		r.renewal = sync.OnceValues(r.renew)
	}
}

// renew starts another launcher in place of the one that was lost, whose slots are dead.
func (r *Runner) renew() (*launcherProcess, error) {
	r.mu.Lock()
	old, dead := r.launcher, r.free
	r.free = nil
	r.mu.Unlock()
	old.close()
	for _, s := range dead {
		r.discard(s)
	}
	ended := old.cmd.ProcessState.String()
	l, err := r.launch()
	r.mu.Lock()
	closed := r.closed
	switch {
	case closed:
	case err != nil:
		r.renewal = sync.OnceValues(r.renew) // the next session tries again
	default:
		r.launcher, r.renewal = l, nil
	}
	r.mu.Unlock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("sandbox: start another launcher (the last one ended: %s): %w", ended, err)
	case closed:
		l.close()
		return nil, ErrClosed
	}
	if r.Renewed != nil {
		r.Renewed(ended)
	}
	return l, nil
}
