package chaltest

import (
	"bytes"
	"context"
	"errors"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

// end hangs up and checks that nothing is left.
func (p *play) end() {
	p.t.Helper()
	p.player.Close()
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	var cut *chal.CutError
	if err := p.server.Shutdown(ctx); errors.As(err, &cut) {
		p.t.Errorf("the handler has not returned in %v after the player left", endTime)
	}
	<-p.served
	if p.panicked.Load() {
		p.t.Errorf("the handler panicked; the log says where")
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		left := p.goroutines()
		if left == "" {
			return
		}
		if ctx.Err() != nil {
			p.t.Errorf("goroutines of the handler are still there:\n%s", left)
			return
		}
		time.Sleep(wait)
	}
}

// goroutines returns the stacks of the goroutines with the play's label, or "".
func (p *play) goroutines() string {
	var b bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&b, 1)
	var left []string
	for group := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(group, strconv.Quote(label)+":"+strconv.Quote(p.id)) {
			left = append(left, group)
		}
	}
	return strings.Join(left, "\n\n")
}
