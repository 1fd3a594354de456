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
	tmux := testkit.Program(t, "tmux")
	_, expect, keys := terminal(t, tmux)
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
	_, expect, keys = terminal(t, tmux)
	keys(line, "Enter")
	expect("solve it? y or n")
	keys("n", "Enter", "s.AAAA", "Enter")
	expect("no: the answer does not solve the challenge")
}

// TestPowLetsTheInputGo measures how long the input waits for a puzzle: not long
// when the server says something else, as long as --pow-wait says when it does.
func TestPowLetsTheInputGo(t *testing.T) {
	waited := make(chan time.Duration, 1)
	polite := serve(t, func(c *net.TCPConn) {
		io.WriteString(c, "Welcome to the network!\nWhat do you want? ")
		begin := time.Now()
		readLine(c)
		waited <- time.Since(begin)
	})
	for _, run := range []struct {
		args     []string
		from, to time.Duration
	}{
		{nil, 0, 900 * time.Millisecond},
		{[]string{"--pow-wait", "0.8"}, 700 * time.Millisecond, patience},
	} {
		cmd := exec.Command(ncBinary, append(run.args, "--pow", "127.0.0.1", polite)...)
		cmd.Stdin = strings.NewReader("flag\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if took := <-waited; took < run.from || took > run.to {
			t.Errorf("%v: the input waited %v", run.args, took)
		}
	}
	// A server that is slow after its greeting needs the explicit wait.
	c := pow.New(50)
	slow := serve(t, func(conn *net.TCPConn) {
		io.WriteString(conn, "Welcome!\n")
		<-time.After(400 * time.Millisecond)
		io.WriteString(conn, c.Prompt(pow.KCTF))
		if err := c.Verify(readLine(conn)); err != nil {
			fmt.Fprintf(conn, "no: %v\n", err)
			return
		}
		fmt.Fprintf(conn, "hello %s\n", readLine(conn))
	})
	cmd := exec.Command(ncBinary, "--pow", "--pow-wait", "5", "127.0.0.1", slow)
	cmd.Stdin = strings.NewReader("Anna\n")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "hello Anna\n") {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestPowProgress shows on a terminal how far it is, in a pipe nothing of it.
func TestPowProgress(t *testing.T) {
	hard := pow.New(8000)
	port := doorkeeper(t, hard.Prompt(pow.KCTF), hard.Verify)
	_, expect, keys := terminal(t, testkit.Program(t, "tmux"))
	keys(ncBinary+" --pow 127.0.0.1 "+port, "Enter")
	expect("solve it? y or n")
	keys("y", "Enter")
	expect("solving: ")
	expect("name?\n\n") // and it is gone
	cmd := exec.Command(ncBinary, "-v", "--pow", "127.0.0.1", port)
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader("Anna\n"), &errs
	if out, err := cmd.Output(); err != nil || !strings.HasSuffix(string(out), "hello Anna\n") || strings.Contains(errs.String(), "solving:") || strings.Contains(errs.String(), "\r") {
		t.Errorf("got %q and %q, %v", out, &errs, err)
	}
}

// TestPowTooLate: an answer that the server did not wait for is a failure, and where the input was taken for it, that is told.
func TestPowTooLate(t *testing.T) {
	hard := pow.New(50_000_000)
	for name, tt := range map[string]struct {
		args  string
		early bool // the server asks when it has had the input
		want  string
	}{
		"the input went first": {"--pow-wait 50ms", true, "after the input had been sent to it\nhint: --pow-wait TIME"},
		"no patience":          {"", false, "the server went away before the kctf proof of work"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, func(c *net.TCPConn) {
				if tt.early {
					readLine(c)
				}
				io.WriteString(c, hard.Prompt(pow.KCTF))
				c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
				c.Read(make([]byte, 1))
			})
			cmd := exec.Command(ncBinary, append(strings.Fields("--pow "+tt.args), "127.0.0.1", port)...)
			cmd.Stdin = strings.NewReader("hello\n")
			var errs bytes.Buffer
			cmd.Stderr = &errs
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("%v, status %d, said\n%s", err, cmd.ProcessState.ExitCode(), &errs)
			}
		})
	}
}
