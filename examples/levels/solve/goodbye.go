package main

import "context"

// goodbye ends one connection by RST, and asks on another how that looked.
func goodbye(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	if err := t.SendLine("new"); err != nil {
		return "", err
	}
	ticket, err := await(t, "TICKET")
	if err != nil {
		return "", err
	}
	if err := t.Abort(); err != nil { // SO_LINGER with a time of 0, then close
		return "", err
	}
	if t, err = dial(ctx, addr); err != nil {
		return "", err
	}
	defer t.Close()
	if err := t.SendLine(ticket); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
