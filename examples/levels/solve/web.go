package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// web makes two requests on one connection.
func web(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	page, err := fetch(t, "GET / HTTP/1.1\r\nHost: "+addr+"\r\n\r\n")
	if err != nil {
		return "", err
	}
	_, word, _ := strings.Cut(page, "WORD ")
	body := "word=" + strings.TrimSpace(word)
	page, err = fetch(t, fmt.Sprintf("POST /flag HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", addr, len(body), body))
	flag, ok := strings.CutPrefix(page, "FLAG ")
	if err == nil && !ok {
		err = fmt.Errorf("lost: %s", page)
	}
	return strings.TrimSpace(flag), err
}

var contentLength = regexp.MustCompile(`(?i)\r\nContent-Length: *(\d+)`)

// fetch returns the body of the response: as many bytes as its header says, because the connection stays
// open.
func fetch(t *tube.Tube, request string) (string, error) {
	if err := t.Send(request); err != nil {
		return "", err
	}
	header, err := t.RecvUntil("\r\n\r\n")
	if err != nil {
		return "", err
	}
	m := contentLength.FindStringSubmatch(header)
	if m == nil {
		return "", fmt.Errorf("no Content-Length in %q", header)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return "", err
	}
	return t.RecvN(n)
}
