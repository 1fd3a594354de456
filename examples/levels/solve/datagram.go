package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// datagram asks again until an answer comes. Over UDP each Send and each Recv is one datagram.
func datagram(ctx context.Context, addr string) (string, error) {
	t, err := tube.Dial(ctx, "udp", addr, tube.WithContext(ctx))
	if err != nil {
		return "", err
	}
	defer t.Close()
	cookie, err := exchange(t, "cookie", "COOKIE ")
	if err != nil {
		return "", err
	}
	answer := "answer " + cookie
	for i := 1; i <= 4; i++ {
		piece, err := exchange(t, fmt.Sprintf("get %s %d", cookie, i), fmt.Sprintf("PIECE %d ", i))
		if err != nil {
			return "", err
		}
		answer += piece[strings.LastIndex(piece, " "):]
	}
	return exchange(t, answer, "FLAG ")
}

func exchange(t *tube.Tube, request, want string) (string, error) {
	for {
		if err := t.Send(fmt.Sprintf("%-1000s", request)); err != nil {
			return "", err
		}
		reply, err := t.Within(300 * time.Millisecond).Recv()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil || strings.HasPrefix(reply, "NO ") {
			return "", errors.Join(err, errors.New(reply))
		}
		if rest, ok := strings.CutPrefix(reply, want); ok {
			return strings.TrimSpace(rest), nil
		}
	}
}
