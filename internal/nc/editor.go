package nc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/lineedit"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// editor is the line editor of a terminal: it exists only when both the input
// and the output are one, never in a pipe. In the background of the terminal it
// sleeps: there to change the terminal's state would stop the process.
type editor struct {
	n      *netcat
	mu     sync.Mutex
	line   *lineedit.Line
	saved  *term.State // of the terminal before; nil while the editor sleeps
	ready  []byte      // submitted and not yet read
	eof    bool
	closed bool
	file   *os.File
}

// newEditor puts the terminal into raw mode; nil without a terminal.
func (n *netcat) newEditor() (*editor, error) {
	c := n.c
	if c.NoEdit || c.NoStdin || c.RecvOnly || c.SendOnly || c.UDP || c.Runs() || c.HexInput || c.PassFD || c.Scan || c.JSON ||
		os.Getenv("TERM") == "dumb" || !n.in.Terminal() || !term.IsTerminal(int(n.stdout.Fd())) {
		return nil, nil
	}
	e := &editor{n: n, line: &lineedit.Line{Width: n.columns, Color: n.r.Color}}
	if c.History != "" {
		if err := e.openHistory(c.History); err != nil {
			return nil, err
		}
	}
	if n.in.Background() {
		return e, nil
	}
	saved, err := term.MakeRaw(int(n.stdin.Fd()))
	if err != nil {
		return nil, nil // a terminal that cannot: lines come as it edits them
	}
	e.saved = saved
	return e, nil
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
	if saved, err := term.MakeRaw(int(e.n.stdin.Fd())); err == nil {
		e.saved = saved
		relay.WriteAll(e.n.stdout, e.line.Output(nil))
	}
}

func (n *netcat) columns() int {
	if w, _, err := term.GetSize(int(n.stdout.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

func (e *editor) openHistory(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return report.WithHint(err, "--history FILE is a file you may write")
	}
	s := bufio.NewScanner(f)
	for s.Scan() {
		e.line.History = append(e.line.History, s.Text())
	}
	e.file = f
	return s.Err()
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
	if e.file != nil {
		e.file.Close()
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
		term.Restore(int(e.n.stdin.Fd()), e.saved)
	}
	e.saved = nil
}

// guard restores the terminal when a signal ends nc, then lets it end so.
func (e *editor) guard() (stop func()) {
	ch := make(chan os.Signal, 1)
	release := catch(ch)
	done := make(chan struct{})
	go func() {
		select {
		case sig := <-ch:
			e.close()
			endBy(sig)
		case <-done:
		}
	}()
	return func() { release(); close(done) }
}

// read returns submitted lines.
func (e *editor) read(p []byte, stop *relay.Stop) (int, error) {
	buf := make([]byte, 4<<10)
	for {
		if len(e.ready) > 0 {
			n := copy(p, e.ready)
			e.ready = e.ready[n:]
			return n, nil
		}
		if e.eof {
			return 0, io.EOF
		}
		k, err := e.n.in.Read(buf, stop)
		for _, b := range buf[:k] {
			if err := e.key(b); err != nil {
				return 0, err
			}
		}
		if err != nil {
			return 0, err
		}
	}
}

func (e *editor) key(b byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.eof {
		return nil
	}
	show, ev, line := e.line.Key(b)
	if err := relay.WriteAll(e.n.stdout, show); err != nil {
		return err
	}
	switch ev {
	case lineedit.Submit:
		e.ready = append(e.ready, line+"\n"...)
		if e.file != nil && strings.TrimSpace(line) != "" {
			fmt.Fprintln(e.file, line)
		}
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
		e.restore()
		suspend()
		e.wake() // if it was continued in the foreground; else moved is told
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

// beside writes one of nc's own lines without disturbing the edited one.
func (e *editor) beside(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asleep() {
		e.n.r.W.WriteString(s)
		return
	}
	e.n.r.W.Write(e.line.Output([]byte(s)))
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
func (n *netcat) edit(stop *relay.Stop) (off func(), err error) {
	e, err := n.newEditor()
	if e == nil {
		return func() {}, err
	}
	n.editor = e
	stop.Moved = e.moved
	n.r.SetBeside(e.beside)
	unguard := e.guard()
	return func() {
		unguard()
		e.close()
		n.r.SetBeside(nil)
	}, nil
}
