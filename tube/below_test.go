package tube_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

type endless struct{ net.Conn }

func (e endless) NetConn() net.Conn { return e }

func TestTCP(t *testing.T) {
	client, _ := connect(t, "tcp")
	conn := client.Conn()
	over := tls.Server(tube.New(conn), &tls.Config{})
	for name, c := range map[string]net.Conn{"itself": conn, "below a tube": tube.New(conn), "below TLS over a tube": over, "below all": tube.New(over)} {
		if got := tube.TCP(c); got != conn {
			t.Errorf("%s: got %v, want the connection", name, got)
		}
	}
	for _, c := range []net.Conn{nil, endless{}, &net.UnixConn{}} {
		if got := tube.TCP(c); got != nil {
			t.Errorf("of %T: got %v, want nil", c, got)
		}
	}
}

// TestAbortBelow resets a connection that is below another tube.
func TestAbortBelow(t *testing.T) {
	client, server := connect(t, "tcp")
	conn := client.Conn()
	tube.New(tls.Client(tube.New(conn), &tls.Config{InsecureSkipVerify: true})).Abort()
	if _, err := server.Recv(); !errors.Is(err, tube.ErrReset) {
		t.Errorf("the peer got %v, want a reset", err)
	}
}
