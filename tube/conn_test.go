package tube_test

import (
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// netConns makes connected pairs of every kind that package net's contract
// for connections applies to.
func netConns(t *testing.T) map[string]nettest.MakePipe {
	listen := func(network string) nettest.MakePipe {
		return func() (a, b net.Conn, stop func(), err error) {
			l := listenOn(t, network)
			defer l.Close()
			c, s := connectTo(t, l, network)
			return c, s, func() { c.Abort(); s.Abort() }, nil
		}
	}
	wrap := func(make func() (a, b net.Conn)) nettest.MakePipe {
		return func() (net.Conn, net.Conn, func(), error) {
			a, b := make()
			return a, b, func() { a.Close(); b.Close() }, nil
		}
	}
	return map[string]nettest.MakePipe{
		"tcp":  listen("tcp"),
		"tls":  listen("tls"),
		"unix": listen("unix"),
		"net.Pipe": wrap(func() (net.Conn, net.Conn) {
			a, b := net.Pipe()
			return tube.New(a), tube.New(b)
		}),
		"pump": wrap(func() (net.Conn, net.Conn) {
			a, b := net.Pipe()
			return tube.New(noDeadlines(a)), tube.New(noDeadlines(b))
		}),
	}
}

func TestNetConn(t *testing.T) {
	t.Parallel()
	for name, pipe := range netConns(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nettest.TestConn(t, pipe)
		})
	}
}
