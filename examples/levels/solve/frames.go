package main

import (
	"context"
	"encoding/binary"
	"strconv"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// frames sends each frame back with its length in the other byte order.
func frames(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	count, err := await(t, "FRAMES")
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return "", err
	}
	for range n {
		payload, err := tube.RecvFrame[uint32](t, binary.BigEndian, 4096) // a limit: never believe a length
		if err != nil {
			return "", err
		}
		if err := tube.SendFrame[uint32](t, binary.LittleEndian, payload); err != nil {
			return "", err
		}
	}
	return await(t, "FLAG")
}
