package main

import (
	"context"
	"fmt"
	"strconv"
)

// dribble answers the sums. RecvLine puts the lines together, however they come.
func dribble(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	for range 9 {
		sum, err := await(t, "SUM")
		if err != nil {
			return "", err
		}
		var a, b int
		if _, err := fmt.Sscanf(sum, "%d + %d", &a, &b); err != nil {
			return "", err
		}
		if err := t.SendLine(strconv.Itoa(a + b)); err != nil {
			return "", err
		}
	}
	return await(t, "FLAG")
}
