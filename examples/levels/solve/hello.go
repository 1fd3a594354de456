package main

import "context"

// hello reads the word and sends it back.
func hello(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	word, err := await(t, "WORD")
	if err != nil {
		return "", err
	}
	if err := t.SendLine(word); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
