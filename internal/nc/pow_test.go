//go:build unix

package nc

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/pow"
)

// doorkeeper serves connections: it says the prompt in two pieces, checks the
// answer, and then has a conversation of one line.
func doorkeeper(t *testing.T, prompt string, check func(answer string) error) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(2 * patience))
				io.WriteString(c, "Welcome!\n"+prompt[:len(prompt)/2])
				io.WriteString(c, prompt[len(prompt)/2:])
				if err := check(strings.TrimSpace(readLine(c))); err != nil {
					fmt.Fprintf(c, "no: %v\n", err)
					return
				}
				io.WriteString(c, "Correct.\nname? ")
				fmt.Fprintf(c, "hello %s\n", readLine(c))
			}()
		}
	}()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

// TestPow answers the proof of work of servers from a pipe: the input that is
// there from the beginning is not taken for the answer.
func TestPow(t *testing.T) {
	easy := pow.New(50)
	for name, tt := range map[string]struct {
		prompt, said string
		check        func(string) error
	}{
		"kctf":   {easy.Prompt(pow.KCTF), "Solved the kctf proof of work, difficulty 50 in ", easy.Verify},
		"redpwn": {easy.Prompt(pow.Redpwn), "Solved the kctf proof of work, difficulty 50 in ", easy.Verify},
		"hash without a line end": {`sha256("abc" + X) starts with 12 zero bits. X: `, "Solved the ", func(answer string) error {
			if d := sha256.Sum256([]byte("abc" + answer)); d[0] != 0 || d[1]>>4 != 0 {
				return errors.New("wrong")
			}
			return nil
		}},
		"none": {"What do you want? ", "", func(answer string) error {
			if answer != "Anna" {
				return fmt.Errorf("got %q", answer)
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(ncBinary, "-v", "--pow", "127.0.0.1", doorkeeper(t, tt.prompt, tt.check))
			input := "Anna\n"
			if name == "none" {
				input += input
			}
			var errs bytes.Buffer
			cmd.Stdin, cmd.Stderr = strings.NewReader(input), &errs
			out, err := cmd.Output()
			if want := "Welcome!\n" + tt.prompt + "Correct.\nname? hello Anna\n"; err != nil || string(out) != want {
				t.Errorf("got %q, %v, want %q\n%s", out, err, want, &errs)
			}
			if !strings.Contains(errs.String(), tt.said) || tt.said == "" && strings.Contains(errs.String(), "Solv") {
				t.Errorf("told %q, want %q", &errs, tt.said)
			}
		})
	}
}

// TestPowLeavesTheEndOfInputBehind has no input at all: its end must not
// overtake the answer.
func TestPowLeavesTheEndOfInputBehind(t *testing.T) {
	c := pow.New(200)
	cmd := exec.Command(ncBinary, "--pow", "--crlf", "127.0.0.1", doorkeeper(t, c.Prompt(pow.KCTF), c.Verify))
	out, err := cmd.CombinedOutput()
	if want := "Welcome!\n" + c.Prompt(pow.KCTF) + "Correct.\nname? hello \n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}

// TestPowEndsWithTheServer leaves a puzzle that takes hours when the server
// goes away.
func TestPowEndsWithTheServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cmd := exec.Command(ncBinary, "-v", "--pow", "127.0.0.1", strconv.Itoa(ln.Addr().(*net.TCPAddr).Port))
	errs := newWatch()
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, pow.New(100_000_000).Prompt(pow.KCTF))
	timeout := time.After(patience)
	for !strings.Contains(errs.String(), "Solving the kctf") {
		select {
		case <-errs.more:
		case <-timeout:
			t.Fatalf("it does not begin: %s", errs)
		}
	}
	c.Close()
	select {
	case <-ended:
	case <-timeout:
		t.Error("nc is still at work")
	}
}

// TestPowAsks is asked on a terminal, and obeys.
func TestPowAsks(t *testing.T) {
	_, expect, keys := terminal(t, testkit.Program(t, "tmux"))
	easy := pow.New(50)
	line := ncBinary + " -v --pow 127.0.0.1 " + doorkeeper(t, easy.Prompt(pow.KCTF), easy.Verify)
	keys("clear; "+line+"; echo en''ded", "Enter")
	expect("solve it? y or n")
	keys("what", "Enter")
	keys("y", "Enter")
	expect("name?")
	keys("Anna", "Enter")
	expect("hello Anna")
	expect("ended")
	keys("clear; "+line, "Enter")
	expect("solve it? y or n")
	keys("n", "Enter", "s.AAAA", "Enter")
	expect("no: the answer does not solve the challenge")
}
