package main

import (
	"context"
	"io"
)

// bothways sends in one goroutine and receives in another.
func bothways(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	if _, err := await(t, "BYTES"); err != nil {
		return "", err
	}
	const size = 16 << 20
	go t.SendBytes(make([]byte, size)) // ends with the tube; an error shows below
	if _, err := io.CopyN(io.Discard, t, size); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
