//go:build unix

package nc

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
)

// lateWriter is a connection whose Write returns only after its Read has seen the peer's end.
type lateWriter struct {
	*net.TCPConn
	ended chan struct{}
}

func (c *lateWriter) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if err != nil {
		close(c.ended)
	}
	return n, err
}

func (c *lateWriter) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	<-c.ended
	<-time.After(20 * time.Millisecond) // for the session to see it; too short, and the test sees less
	return n, err
}

// TestQuickEnd answers and ends before nc is back from sending: what was read
// before that end says nothing about a peer that only listens, and nc ends,
// its input still open.
func TestQuickEnd(t *testing.T) {
	port := serve(t, func(c *net.TCPConn) {
		readLine(c)
		io.WriteString(c, "hello\n")
		c.CloseWrite()
		io.Copy(io.Discard, c)
	})
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer inR.Close()
	defer inW.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer outR.Close()
	inW.WriteString("x\n")
	n := forTest(t, "127.0.0.1", port)
	n.stdin, n.stdout, n.in = inR, outW, relay.NewInput(inR)
	ended := make(chan error, 1)
	go func() {
		ended <- n.converse(t.Context(), &lateWriter{conn.(*net.TCPConn), make(chan struct{})})
		outW.Close()
	}()
	select {
	case err := <-ended:
		if out, _ := io.ReadAll(outR); err != nil || string(out) != "hello\n" {
			t.Errorf("got %q, %v", out, err)
		}
	case <-time.After(patience):
		t.Error("it waits for more input")
	}
}
