package main

import "context"

// finish ends its sending side and goes on receiving.
func finish(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	if err := t.Send("one line\nand another\n"); err != nil {
		return "", err
	}
	if err := t.CloseWrite(); err != nil { // FIN: I send no more
		return "", err
	}
	return await(t, "FLAG")
}
