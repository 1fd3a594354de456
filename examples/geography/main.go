// Geography is a skeleton solver for the challenge of that name, on package tube.
//
//	go run ./examples/geography HOST PORT                       plays the ranked game
//	go run ./examples/geography HOST PORT 'practice distance'   plays practice instead
//
// It answers three kinds. The others are yours: write a function for each and put it into solvers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// A solver answers one kind of question, with "" when it cannot.
type solver func(prompt string, block []string) string

var solvers = map[string]solver{"capital": capital, "emoji": emoji, "distance": distance}

var capitals = map[string]string{"France": "Paris", "Japan": "Tokyo", "Kenya": "Nairobi"} // … and 190 more

func capital(prompt string, _ []string) string {
	return capitals[strings.TrimSuffix(strings.TrimPrefix(prompt, "What is the capital of "), "?")]
}

// emoji knows that each letter of a code is a regional indicator: U+1F1E6 is A.
func emoji(prompt string, _ []string) string {
	_, rest, _ := strings.Cut(prompt, "flag is ")
	hex, _, ok := strings.Cut(rest, " in UTF-8")
	if !ok {
		return ""
	}
	var flag []byte
	for _, b := range strings.Fields(hex) {
		x, _ := strconv.ParseUint(b, 16, 8)
		flag = append(flag, byte(x))
	}
	return strings.Map(func(r rune) rune { return r - '🇦' + 'A' }, string(flag))
}

// distance is the haversine; the last two words of a line are its coordinates.
func distance(_ string, block []string) string {
	if len(block) != 2 {
		return ""
	}
	var p [2][2]float64
	for i, line := range block {
		f := strings.Fields(line)
		for k := range 2 {
			x, _ := strconv.ParseFloat(f[len(f)-2+k], 64)
			p[i][k] = x * math.Pi / 180
		}
	}
	sin2 := func(x float64) float64 { return math.Sin(x/2) * math.Sin(x/2) }
	h := sin2(p[1][0]-p[0][0]) + math.Cos(p[0][0])*math.Cos(p[1][0])*sin2(p[1][1]-p[0][1])
	return fmt.Sprintf("%.1f", 6371.0088*2*math.Asin(math.Sqrt(h)))
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: geography HOST PORT [COMMAND]")
		os.Exit(2)
	}
	command := "start"
	if len(os.Args) > 3 {
		command = os.Args[3]
	}
	if err := play(net.JoinHostPort(os.Args[1], os.Args[2]), command); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// play reads up to each "> " and answers the last line that starts with Q.
func play(addr, command string) error {
	t, err := tube.Dial(context.Background(), "tcp", addr)
	if err != nil {
		return err
	}
	defer t.Close()
	reply := command
	for {
		text, which, err := t.RecvAny("\n> ", "BYE ")
		if err != nil {
			return err
		}
		fmt.Print(text)
		if which == 1 {
			rest, err := t.RecvLine()
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			fmt.Println(rest)
			return nil
		}
		if kind, prompt, block, ok := question(text); ok {
			if reply = ""; solvers[kind] != nil {
				reply = solvers[kind](prompt, block)
			}
		}
		if reply == "" {
			reply = "quit"
		}
		fmt.Println(reply)
		if err := t.SendLine(reply); err != nil {
			return err
		}
		reply = ""
	}
}

// question finds the question in what the server said.
func question(text string) (kind, prompt string, block []string, ok bool) {
	for line := range strings.SplitSeq(text, "\n") {
		if parts := strings.SplitN(line, " ", 4); len(parts) == 4 && parts[0] == "Q" {
			kind, prompt, ok = parts[2], parts[3], true
		} else if rest, is := strings.CutPrefix(line, "| "); is {
			block = append(block, rest)
		}
	}
	return kind, prompt, block, ok
}
