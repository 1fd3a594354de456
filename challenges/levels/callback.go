package levels

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	callbackTries   = 3
	callbackTime    = 5 * time.Second // to connect, and to send
	callbackMinPort = 1024            // nobody else's services, even where players share an address
)

// callback: the player listens and the server connects. It connects to the address that the player comes
// from, never to another, and sends what no service could take for a command.
func callback(Options) Level {
	return tcp(callbackText, func(ctx context.Context, p *player) error {
		if !p.Remote.IsValid() {
			return p.no("You come from no address that I could connect to.")
		}
		if err := p.greet(fmt.Sprintf("PORT? On which port of %v do you listen", p.Remote.Addr())); err != nil {
			return err
		}
		want := word(newRand())
		for try := 1; ; try++ {
			line, err := p.answer()
			if err != nil {
				return err
			}
			why, err := callBack(ctx, p.Remote.Addr(), strings.TrimSpace(line), want)
			if err != nil {
				return err
			}
			if why == "" {
				break
			}
			if try == callbackTries {
				return p.no("%s", why)
			}
			if err := p.Sayf("AGAIN %s (%d of %d)", why, try, callbackTries); err != nil {
				return err
			}
		}
		if err := p.Say("CALLED What did I say there?"); err != nil {
			return err
		}
		got, err := p.answer()
		if err != nil {
			return err
		}
		if strings.TrimSpace(got) != want {
			return p.no("You sent %s; over the connection that I made I said something else.", quote(got))
		}
		return p.won()
	})
}

// callBack connects to the port and says the word, or says why not. The error is the session's end.
func callBack(ctx context.Context, addr netip.Addr, port, word string) (why string, err error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Sprintf("%s is no port: send a number from %d to 65535.", quote(port), callbackMinPort), nil
	}
	if n < callbackMinPort {
		return fmt.Sprintf("I only connect to ports from %d on: those below are the system's services.", callbackMinPort), nil
	}
	target := netip.AddrPortFrom(addr, uint16(n))
	dial, cancel := context.WithTimeout(ctx, callbackTime)
	defer cancel()
	c, err := new(net.Dialer).DialContext(dial, "tcp", target.String())
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("Connection refused: nobody listens on %v.", target), nil
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("No answer from %v in %v: a firewall or a NAT is in between.", target, callbackTime), nil
	case err != nil:
		return fmt.Sprintf("I can not connect to %v.", target), nil
	}
	t := tube.New(c, tube.WithContext(ctx), tube.WithTimeout(callbackTime), tube.WithLinger(time.Second))
	defer t.Close()
	if err := t.Send("SAY " + word + "\n"); err != nil {
		return fmt.Sprintf("%v accepted and did not take a line.", target), nil
	}
	return "", nil
}

func solveCallback(ctx context.Context, t *tube.Tube) (string, error) {
	host, _, err := net.SplitHostPort(t.LocalAddr().String())
	if err != nil {
		return "", fmt.Errorf("read own address: %w", err)
	}
	l, err := tube.Listen(ctx, "tcp", net.JoinHostPort(host, "0"), tube.WithContext(ctx), tube.WithTimeout(30*time.Second))
	if err != nil {
		return "", err
	}
	defer l.Close()
	if _, err := await(t, "PORT?"); err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := t.SendLine(port); err != nil {
		return "", err
	}
	in, err := l.Accept()
	if err != nil {
		return "", err
	}
	defer in.Close()
	w, err := await(in, "SAY")
	if err != nil {
		return "", err
	}
	if err := t.SendLine(w); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}
