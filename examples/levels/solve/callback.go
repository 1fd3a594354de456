package main

import (
	"context"
	"net"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// callback listens on any free port and tells the server which.
func callback(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	l, err := tube.Listen(ctx, "tcp", ":0", tube.WithContext(ctx))
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "", err
	}
	if err := t.SendLine(port); err != nil {
		return "", err
	}
	in, err := l.Accept()
	if err != nil {
		return "", err
	}
	defer in.Close()
	word, err := await(in, "SAY")
	if err != nil {
		return "", err
	}
	if err := t.SendLine(word); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
