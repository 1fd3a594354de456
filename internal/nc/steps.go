package nc

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// stepper finds the texts of --wait-for in what arrives.
type stepper struct {
	mu     sync.Mutex
	buf    []byte
	fed    chan struct{} // one token: something has arrived, or the end
	ended  bool
	wanted []byte // what is waited for; nil: nothing
	keepTo int    // bytes worth keeping while nobody waits
}

func newStepper() *stepper { return &stepper{fed: make(chan struct{}, 1), keepTo: 1 << 20} }

func (t *stepper) feed(p []byte) {
	t.mu.Lock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.keepTo; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	t.mu.Unlock()
	t.poke()
}

func (t *stepper) end() {
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	t.poke()
}

func (t *stepper) poke() {
	select {
	case t.fed <- struct{}{}:
	default:
	}
}

// find takes everything up to the end of text.
func (t *stepper) find(text []byte) (found, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := bytes.Index(t.buf, text); i >= 0 {
		t.buf = t.buf[i+len(text):]
		return true, t.ended
	}
	if over := len(t.buf) - len(text) + 1; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return false, t.ended
}

// want notes what is waited for.
func (t *stepper) want(text []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wanted = text
}

// awaited returns the text that a step still waits for.
func (s *session) awaited() (text []byte, waits bool) {
	if s.steps == nil {
		return nil, false
	}
	s.steps.mu.Lock()
	defer s.steps.mu.Unlock()
	return s.steps.wanted, s.steps.wanted != nil
}

// runSteps takes the steps in their order, before the input.
func (s *session) runSteps() error {
	for _, st := range s.n.c.Steps {
		if st.Send {
			if err := s.write(s.shape(st.Text)); err != nil {
				return err
			}
			continue
		}
		s.steps.want(st.Text)
		for {
			found, ended := s.steps.find(st.Text)
			if found {
				break
			}
			if ended {
				return report.WithHint(fmt.Errorf("the peer finished before it sent %q", st.Text), "what it sent stands above; --hex-dump - shows every byte")
			}
			select {
			case <-s.steps.fed:
			case <-s.over:
				return relay.ErrStopped
			}
		}
		s.steps.want(nil)
	}
	return nil
}
