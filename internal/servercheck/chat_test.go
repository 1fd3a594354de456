package servercheck

import (
	"bytes"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
)

// testRoom is a chat server with a mistake.
type testRoom struct {
	m       string
	mu      sync.Mutex
	members map[string]chan string
	all     map[*memnet.Conn]bool // whether it has given its name
}

var goodName = regexp.MustCompile(`^[0-9A-Za-z]{1,16}$`)

func (r *testRoom) tell(author, s string) {
	for name, q := range r.members {
		if name == author && (r.m != "echoes to the author" || !strings.HasPrefix(s, "<")) && r.m != "tells all who joined" {
			continue
		}
		if r.m == "waits for the stuck" {
			q <- s
			continue
		}
		select {
		case q <- s:
		default:
		}
	}
}

func (r *testRoom) serve(c *memnet.Conn) {
	defer c.Close()
	if r.m != "does not ask" {
		io.WriteString(c, "name?\n")
	}
	r.mu.Lock()
	r.all[c] = false
	r.mu.Unlock()
	lines := &lineReader{c: c, m: r.m}
	name, err := lines.next()
	if err != nil {
		return
	}
	r.mu.Lock()
	taken := r.members[name] != nil && r.m != "a name twice"
	if r.m == "small letters" {
		name = strings.ToLower(name)
	}
	reason := ""
	if r.m == "at most 15" && len(name) > 15 {
		reason = "no"
	}
	if !goodName.MatchString(name) && r.m != "any name" || name == "" || taken {
		reason = "no"
	}
	if r.m == "letters of any script" && reason != "" && !taken {
		if regexp.MustCompile(`^[\pL\d]{1,16}$`).MatchString(name) {
			reason = ""
		}
	}
	if reason != "" {
		r.mu.Unlock()
		io.WriteString(c, "! no\n")
		if r.m == "refuses and stays" {
			io.Copy(io.Discard, c)
		}
		return
	}
	q := make(chan string, 256)
	here := "* here:"
	if r.m == "counts the newcomer" {
		r.members[name] = q
	}
	names := slices.Sorted(maps.Keys(r.members))
	if r.m == "sorts as a dictionary" {
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	}
	for _, n := range names {
		here += " " + n
	}
	if r.m == "no list" {
		here = "* here:"
	}
	q <- here + "\n"
	r.members[name] = q
	r.all[c] = true
	r.tell(name, "* "+name+" joined\n")
	r.mu.Unlock()
	var writer sync.WaitGroup
	writer.Go(func() {
		for s := range q {
			if _, err := io.WriteString(c, s); err != nil {
				c.Close()
			}
		}
	})
	for {
		line, e := lines.next()
		if err = e; err != nil {
			break
		}
		r.mu.Lock()
		r.tell(name, "<"+name+"> "+line+"\n")
		if r.m == "tells the nameless" {
			for o, named := range r.all {
				if !named {
					io.WriteString(o, "<"+name+"> "+line+"\n")
				}
			}
		}
		r.mu.Unlock()
	}
	r.mu.Lock()
	delete(r.members, name)
	close(q)
	delete(r.all, c)
	if r.m != "forgets who left" && (r.m != "an error is no end" || err == io.EOF) {
		r.tell(name, "* "+name+" left\n")
	}
	r.mu.Unlock()
	c.SetWriteDeadline(time.Now().Add(time.Second))
	writer.Wait()
}

// lineReader reads lines of at most 1,000 bytes, with a mistake.
type lineReader struct {
	c    *memnet.Conn
	m    string
	held []byte
}

func (l *lineReader) next() (string, error) {
	for {
		if i := bytes.IndexByte(l.held, '\n'); i >= 0 {
			s := string(l.held[:i])
			l.held = l.held[i+1:]
			if l.m == "drops what is glued" {
				l.held = nil
			}
			if l.m == "strips" {
				return strings.TrimSpace(s), nil
			}
			if l.m == "keeps the CR" {
				return s, nil
			}
			return strings.TrimSuffix(s, "\r"), nil
		}
		if len(l.held) > 1001 && l.m != "holds any line" {
			return "", io.ErrShortBuffer
		}
		buf := make([]byte, 4096)
		n, err := l.c.Read(buf)
		if s := string(l.held); err == io.EOF && s != "" && l.m == "says what has no end" {
			l.held = nil
			return s, nil
		}
		if err != nil {
			return "", err
		}
		l.held = append(l.held, buf[:n]...)
		if l.m == "a recv is a line" {
			s := string(l.held)
			l.held = nil
			return strings.TrimSuffix(s, "\n"), nil
		}
	}
}

func TestChat(t *testing.T) {
	mustTellApart(t, "chat", []mistake{
		{"", "", ""},
		{"does not ask", "name", "had not come"},
		{"at most 15", "name", "was refused"},
		{"small letters", "joined", ""},
		{"sorts as a dictionary", "joined", "not sorted by their bytes"},
		{"says what has no end", "pieces", "it was no line"},
		{"counts the newcomer", "name", "counts the one who just joined"},
		{"tells all who joined", "joined", ""},
		{"no list", "joined", "stands in the list 0 times"},
		{"echoes to the author", "talk", "sent his own line back"},
		{"forgets who left", "left", "After a client's FIN the others were not told"},
		{"an error is no end", "left", "After a client's RST the others were not told"},
		{"tells the nameless", "silent", "before it was in the room"},
		{"any name", "refused", "should have been refused"},
		{"letters of any script", "refused", "naïve"},
		{"a name twice", "refused", "given twice"},
		{"refuses and stays", "refused", "did not close the connection"},
		{"a recv is a line", "pieces", "what one recv returns is not a line"},
		{"drops what is glued", "pieces", ""},
		{"strips", "text", "indented"},
		{"keeps the CR", "text", "CRLF"},
		{"holds any line", "long", "can be made to hold any amount"},
		{"waits for the stuck", "stuck", "sending to the one keeps all waiting"},
	}, func(t *testing.T, m string, test func(t *testing.T, o Options)) {
		against(t, func(h *host) {
			r := &testRoom{m: m, members: map[string]chan string{}, all: map[*memnet.Conn]bool{}}
			h.each(true, r.serve)
		}, test)
	})
}
