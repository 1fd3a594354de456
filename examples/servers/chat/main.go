// Chat is a server that passes flagstaff check-server chat: a room in which
// everybody reads what the others write. Its argument is the address to listen
// on.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxLine  = 1000 // bytes, without the ending
	queueLen = 256  // lines that a client may be behind
)

var goodName = regexp.MustCompile(`^[0-9A-Za-z]{1,16}$`)

func main() {
	addr := "127.0.0.1:5004"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", l.Addr())
	r := &room{members: map[string]*member{}}
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go r.serve(c.(*net.TCPConn))
	}
}

// member is somebody in the room. What is for him waits in queue, so that
// nobody who speaks waits for anybody who does not listen.
type member struct {
	conn  *net.TCPConn
	queue chan string
}

type room struct {
	mu      sync.Mutex
	members map[string]*member // by name
}

func (r *room) serve(c *net.TCPConn) {
	defer c.Close()
	lines := bufio.NewReaderSize(c, maxLine+2)
	io.WriteString(c, "name?\n")
	name, err := readLine(lines)
	if err != nil {
		return
	}
	m := &member{c, make(chan string, queueLen)}
	if reason := r.join(name, m); reason != "" {
		fmt.Fprintf(c, "! %s\n", reason)
		return
	}
	var writer sync.WaitGroup
	writer.Go(m.write)
	for {
		line, err := readLine(lines)
		if err != nil {
			break
		}
		r.mu.Lock()
		r.tell(name, fmt.Sprintf("<%s> %s\n", name, line))
		r.mu.Unlock()
	}
	r.leave(name)
	// The client may have stopped reading: the writer gets a second.
	c.SetWriteDeadline(time.Now().Add(time.Second))
	writer.Wait()
}

// readLine returns the next line without its ending.
func readLine(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n') // fails when the buffer is full
	if err != nil {
		return "", err
	}
	line := strings.TrimSuffix(string(b[:len(b)-1]), "\r")
	if len(line) > maxLine {
		return "", bufio.ErrBufferFull
	}
	return line, nil
}

func (m *member) write() {
	for s := range m.queue {
		if _, err := io.WriteString(m.conn, s); err != nil {
			m.conn.Close() // wakes the reader, who leaves; the rest of the queue is for nobody
		}
	}
}

// join lets m in, or says why not.
func (r *room) join(name string, m *member) (reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !goodName.MatchString(name) {
		return "a name is 1 to 16 ASCII letters and digits"
	}
	if r.members[name] != nil {
		return "that name is taken"
	}
	here := "* here:"
	for _, n := range slices.Sorted(maps.Keys(r.members)) {
		here += " " + n
	}
	m.queue <- here + "\n"
	r.members[name] = m
	r.tell(name, fmt.Sprintf("* %s joined\n", name))
	return ""
}

func (r *room) leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.members[name].queue)
	delete(r.members, name)
	r.tell(name, fmt.Sprintf("* %s left\n", name))
}

// tell queues a line for everybody but its author. The lock is held, so all
// hear everything in the same order.
func (r *room) tell(author, line string) {
	for name, m := range r.members {
		if name == author {
			continue
		}
		select {
		case m.queue <- line:
		default:
			m.conn.Close() // too far behind; its own goroutine takes it out of the room
		}
	}
}
