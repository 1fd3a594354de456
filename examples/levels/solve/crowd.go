package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// crowd keeps five connections open and collects their words.
func crowd(ctx context.Context, addr string) (string, error) {
	room := "new"
	var tubes [5]*tube.Tube
	for i := range tubes {
		t, err := dial(ctx, addr)
		if err != nil {
			return "", err
		}
		defer t.Close()
		if err := t.SendLine(room); err != nil {
			return "", err
		}
		if room, err = await(t, "ROOM"); err != nil {
			return "", err
		}
		tubes[i] = t
	}
	var words [5]string
	for _, t := range tubes {
		share, err := await(t, "SHARE")
		if err != nil {
			return "", err
		}
		var n int
		var word string
		if _, err := fmt.Sscan(share, &n, &word); err != nil || n < 1 || n > len(words) {
			return "", fmt.Errorf("read share %q", share)
		}
		words[n-1] = word
	}
	if err := tubes[0].SendLine(strings.Join(words[:], " ")); err != nil {
		return "", err
	}
	return await(tubes[0], "FLAG")
}
