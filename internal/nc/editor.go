package nc

import (
	"bytes"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/term"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/lineedit"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
)

// editor is the line editor of a terminal: it exists only when both the input
// and the output are one, never in a pipe. In the background of the terminal it
// sleeps: there to change the terminal's state would stop the process.
type editor struct {
	n      *netcat
	mu     sync.Mutex
	line   *lineedit.Line
	saved  *term.State // of the terminal before; nil while the editor sleeps
	raw    bool        // the user has made the terminal raw: keys are sent as they are, and the editor sleeps
	ready  []byte      // submitted and not yet read
	ended  atomic.Bool // a line was submitted: what is received begins another
	eof    bool
	closed bool
	stops  chan os.Signal // what stops nc from elsewhere
}

// edits reports whether lines are edited in this run: on a terminal, where they are sent as they are typed.
func (n *netcat) edits() bool {
	return n.c.Edits() && os.Getenv("TERM") != "dumb" && n.in.Terminal() && term.IsTerminal(int(n.stdout.Fd()))
}

// newEditor puts the terminal into raw mode; nil without a terminal.
func (n *netcat) newEditor() *editor {
	if !n.edits() {
		return nil
	}
	e := &editor{n: n, line: &lineedit.Line{Size: n.screen, Color: n.r.Color}, stops: make(chan os.Signal, 1)}
	if n.history != nil {
		e.line.History = n.history.lines
	}
	if !n.in.Background() && !e.begin() {
		return nil // a terminal that cannot: lines come as it edits them
	}
	return e
}

// pastes makes the terminal tell what is pasted from what is typed (mode 2004), or no longer.
func (e *editor) pastes(told bool) {
	mode := "\x1b[?2004l"
	if told {
		mode = "\x1b[?2004h"
	}
	relay.WriteAll(e.n.stdout, []byte(mode))
}

// begin takes the terminal; false when it cannot be had. One that was made raw (stty raw -echo; nc …, or fg after it) is left alone: there is
// another terminal at the peer's end.
func (e *editor) begin() bool {
	if e.raw = !relay.ByLines(int(e.n.stdin.Fd())); e.raw {
		return true
	}
	saved, err := term.MakeRaw(int(e.n.stdin.Fd()))
	if err != nil {
		return false
	}
	e.saved = saved
	e.pastes(true)
	return true
}

// moved is told when the process has left the terminal's foreground, and when it is back.
func (e *editor) moved(foreground bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if foreground {
		e.wake()
	} else {
		e.saved = nil // the shell has the terminal in its own state by now
	}
}

// wake begins to edit in the foreground, after sleep.
func (e *editor) wake() {
	if e.closed || e.saved != nil || e.n.in.Background() {
		return
	}
	if e.begin() && !e.raw {
		relay.WriteAll(e.n.stdout, e.line.Output(nil))
	}
}

// continued takes the terminal again when the shell has changed it: nc was stopped by a signal that nobody is told of.
func (e *editor) continued() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.saved == nil || e.asleep() || !relay.ByLines(int(e.n.stdin.Fd())) {
		return
	}
	before := e.saved
	if e.begin() && !e.raw {
		e.saved = before
		relay.WriteAll(e.n.stdout, e.line.Output(nil))
	}
}

// resized shows the line as it is in a screen of another width.
func (e *editor) resized() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed && !e.asleep() {
		relay.WriteAll(e.n.stdout, e.line.Output(nil))
	}
}

// echoes reports whether what is sent is seen on the terminal, as it was typed.
func (n *netcat) echoes() bool {
	return n.in.Terminal() && (relay.ByLines(int(n.stdin.Fd())) || n.editor.shows())
}

// shows reports whether the line is shown. The nil editor shows none.
func (e *editor) shows() bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.asleep()
}

// screen is the size of the terminal: columns, and rows, 0 if that is not known.
func (n *netcat) screen() (columns, rows int) {
	if w, h, err := term.GetSize(int(n.stdout.Fd())); err == nil && w > 0 {
		return w, h
	}
	return 80, 0
}

// close leaves the line and gives the terminal back as it was.
func (e *editor) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.closed = true
	if !e.asleep() {
		relay.WriteAll(e.n.stdout, e.line.Leave())
	}
	e.restore()
	if h := e.n.history; h != nil {
		h.lines = e.line.History // for the next session
	}
}

// asleep reports whether the line is not shown; it may only be found now that the shell has taken the terminal.
func (e *editor) asleep() bool {
	if e.saved != nil && e.n.in.Background() {
		e.saved = nil
	}
	return e.saved == nil
}

// restore gives the terminal back, unless the shell has it already.
func (e *editor) restore() {
	if !e.asleep() {
		e.pastes(false)
		term.Restore(int(e.n.stdin.Fd()), e.saved)
	}
	e.saved = nil
}

// guard restores the terminal when a signal ends or stops nc, then lets it do so.
func (e *editor) guard() (stop func()) {
	ch := make(chan os.Signal, 1)
	release := catch(ch)
	catchOthers(ch)
	catchStops(e.stops)
	screen := make(chan os.Signal, 1)
	catchScreen(screen)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-ch:
				e.close()
				endBy(sig)
				return
			case <-e.stops:
				e.suspend(false)
			case sig := <-screen:
				if sig == continueSignal {
					e.continued()
				} else {
					e.resized()
				}
			case <-done:
				return
			}
		}
	}()
	return func() { release(); signal.Stop(e.stops); signal.Stop(screen); close(done) }
}

// suspend gives the terminal back and stops the process group, or nc alone.
func (e *editor) suspend(group bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.suspended(group)
}

// suspended does that. e.mu is held.
func (e *editor) suspended(group bool) {
	if !e.closed {
		if !e.asleep() {
			relay.WriteAll(e.n.stdout, e.line.Bare())
		}
		e.restore()
	}
	suspend(group)
	e.wake() // if it was continued in the foreground; else moved is told
}

// read returns submitted lines; with -u, one at a time.
func (e *editor) read(p []byte, stop *relay.Stop) (int, error) {
	buf := make([]byte, 4<<10)
	for {
		if len(e.ready) > 0 {
			whole := e.ready
			if e.n.c.UDP && !e.raw { // a datagram is a line
				whole = whole[:bytes.IndexByte(whole, '\n')+1]
			}
			n := copy(p, whole)
			e.ready = e.ready[n:]
			return n, nil
		}
		if e.eof {
			return 0, io.EOF
		}
		k, err := e.n.in.Read(buf, stop)
		if kerr := e.keys(buf[:k]); kerr != nil {
			return 0, kerr
		}
		if err != nil {
			return 0, err
		}
	}
}

// keys takes what was typed, together: the line is shown once for all of it.
func (e *editor) keys(p []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.raw {
		e.ready = append(e.ready, p...)
		return nil
	}
	for len(p) > 0 && !e.closed && !e.eof {
		show, n, ev, line := e.line.Keys(p)
		p = p[n:]
		if err := relay.WriteAll(e.n.stdout, show); err != nil {
			return err
		}
		switch ev {
		case lineedit.Submit:
			e.ready = append(e.ready, line+"\n"...)
			e.ended.Store(true)
			e.n.history.keep(line)
		case lineedit.EOF:
			e.eof = true
		case lineedit.Interrupt, lineedit.Quit:
			relay.WriteAll(e.n.stdout, e.line.Leave())
			e.restore()
			if ev == lineedit.Quit {
				quit()
			}
			endBy(os.Interrupt)
		case lineedit.Suspend:
			e.suspended(true)
		}
	}
	return nil
}

// output shows what arrived above the line.
func (e *editor) output(p []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asleep() {
		e.line.Past(p)
		return relay.WriteAll(e.n.stdout, p)
	}
	return relay.WriteAll(e.n.stdout, e.line.Output(p))
}

// beside writes nc's own lines above the edited one and its prompt.
func (e *editor) beside(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asleep() {
		if e.raw {
			s = strings.ReplaceAll(s, "\n", "\r\n")
		}
		relay.WriteAll(e.n.r.W, []byte(s))
		return
	}
	relay.WriteAll(e.n.r.W, e.line.Above([]byte(s)))
}

// setStatus shows a text below the line.
func (e *editor) setStatus(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.line.Status == text || e.asleep() {
		return
	}
	e.line.Status = text
	relay.WriteAll(e.n.stdout, e.line.Output(nil))
}

// edit turns line editing on for one session, if there is a terminal. Before
// and after it, the terminal is as it was: Ctrl-C works while connecting. stop is
// the session's.
func (n *netcat) edit(stop *relay.Stop) (off func()) {
	e := n.newEditor()
	if e == nil {
		return func() {}
	}
	n.editor = e
	stop.Moved = e.moved
	n.r.SetBeside(e.beside)
	unguard := e.guard()
	return func() {
		unguard()
		e.close()
		n.r.SetBeside(nil)
	}
}
