// Solve plays one of flagstaff's levels and prints the flag: the solutions in Go, one small file each.
//
//	go run ./examples/levels/solve LEVEL HOST:PORT
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

var levels = map[string]func(ctx context.Context, addr string) (flag string, err error){
	"hello": hello, "dribble": dribble, "bytes": encodings, "frames": frames, "finish": finish,
	"bothways": bothways, "crowd": crowd, "clock": clock, "datagram": datagram,
	"callback": callback, "goodbye": goodbye, "web": web, "tls": secure,
}

func main() {
	if len(os.Args) != 3 || levels[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: solve LEVEL HOST:PORT")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	flag, err := levels[os.Args[1]](ctx, os.Args[2])
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Println(flag)
}

// dial connects; every call of the tube ends when ctx does.
func dial(ctx context.Context, addr string) (*tube.Tube, error) {
	return tube.Dial(ctx, "tcp", addr, tube.WithContext(ctx))
}

// await reads lines until one begins with key and returns the rest of it; NO is an error.
func await(t *tube.Tube, key string) (string, error) {
	for line, err := range t.Lines() {
		if err != nil {
			return "", err
		}
		first, rest, _ := strings.Cut(line, " ")
		switch first {
		case key:
			return rest, nil
		case "NO":
			return "", fmt.Errorf("lost: %s", rest)
		}
	}
	return "", fmt.Errorf("the stream ended before %s", key)
}
