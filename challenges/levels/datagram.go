package levels

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	datagramSize   = 1000 // of a request that wants the whole of its reply
	datagramPieces = 4
	datagramEpoch  = 5 * time.Minute // a cookie is good for one to two of them
	datagramLoss   = 2               // one request of so many is lost
)

// datagram: UDP keeps the borders of messages, and loses some.
//
// It keeps no state. The cookie proves that the player receives at its source address, and all that is asked
// for is derived from it. No reply is longer than its request, so the server is of no use for
// flooding the owner of a forged source address.
func datagram(o Options) Level {
	l := datagramText
	l.Network = "udp"
	l.servePacket = func(ctx context.Context, pc net.PacketConn, c PacketConfig) error {
		d := &datagramServer{key: derive(o.Key, "datagram"), flag: c.Flag, level: &l}
		return d.serve(ctx, pc, c)
	}
	return l
}

type datagramServer struct {
	key   []byte
	flag  string
	level *Level
}

// serve answers one datagram after the other: each costs two hashes at most.
func (d *datagramServer) serve(ctx context.Context, pc net.PacketConn, c PacketConfig) error {
	defer pc.Close()
	defer context.AfterFunc(ctx, func() { pc.SetReadDeadline(time.Unix(1, 0)) })()
	var buf [2 << 10]byte
	failures := 0
	for {
		n, from, err := pc.ReadFrom(buf[:])
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil && n == 0:
			// An ICMP error that a reply met, or a shortage: neither is the socket's end.
			if failures++; failures > 1 {
				c.Log.Warn("receive datagram", "error", err)
				pause(ctx, min(time.Duration(failures)*5*time.Millisecond, time.Second))
			}
			continue
		}
		failures = 0
		if reply := d.reply(addrOf(from), time.Now(), buf[:n]); len(reply) > 0 {
			pc.WriteTo(reply, from) // a reply may get lost, here as on its way
		}
	}
}

func addrOf(a net.Addr) netip.Addr {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// reply returns what to send back to a request, never more bytes than the request has; nothing for a
// request that gets lost.
func (d *datagramServer) reply(from netip.Addr, now time.Time, request []byte) []byte {
	if rand.IntN(datagramLoss) == 0 && bytes.HasPrefix(request, []byte("get")) {
		return nil
	}
	most := min(len(request), datagramSize)
	text := fmt.Sprintf("PAD your request to %d bytes, with blanks: no reply is longer than its request, or I could be aimed at others.\n", datagramSize)
	if len(request) >= datagramSize {
		text = d.text(from, now, strings.TrimRight(string(request), " \r\n\x00"))
	}
	return []byte(text[:min(len(text), most)])
}

// text returns the reply to a request of full size.
func (d *datagramServer) text(from netip.Addr, now time.Time, request string) string {
	words := strings.Fields(request)
	if strings.ContainsAny(request, "\r\n") {
		return d.no("A datagram is one message, and yours has %d lines: send each on its own.", strings.Count(request, "\n")+1)
	}
	if len(words) == 0 {
		words = []string{"lesson"}
	}
	switch verb, args := words[0], words[1:]; verb {
	case "lesson":
		return d.level.greeting()
	case "hint":
		return d.level.hint()
	case "cookie":
		return "COOKIE " + d.cookie(from, now, 0) + "\n"
	case "get", "answer":
		if len(args) == 0 || !d.baked(args[0], from, now) {
			return d.no("Your cookie is not good, or no longer, or not for your address %v: ask for a new one.", from)
		}
		if verb == "get" {
			return d.piece(args)
		}
		return d.judge(args)
	}
	return d.no("You sent %s; I know lesson, hint, cookie, get and answer.", quote(words[0]))
}

func (d *datagramServer) no(format string, args ...any) string {
	return "NO " + fmt.Sprintf(format, args...) + "\n" + d.level.hint()
}

// cookie proves that somebody received a datagram at addr. The port is not in it: each run of nc has another.
func (d *datagramServer) cookie(addr netip.Addr, now time.Time, ago int64) string {
	epoch := now.Unix()/int64(datagramEpoch/time.Second) - ago
	return hex.EncodeToString(derive(d.key, "cookie", addr.WithZone("").String(), strconv.FormatInt(epoch, 10))[:8])
}

// baked says whether cookie is addr's and fresh.
func (d *datagramServer) baked(cookie string, addr netip.Addr, now time.Time) bool {
	return hmac.Equal([]byte(cookie), []byte(d.cookie(addr, now, 0))) || hmac.Equal([]byte(cookie), []byte(d.cookie(addr, now, 1)))
}

// word returns the word in piece i that belongs to a cookie.
func (d *datagramServer) word(cookie string, i int) string {
	return word(rand.New(rand.NewChaCha8([32]byte(derive(d.key, "word", cookie, strconv.Itoa(i))))))
}

// piece is as long as a reply may be, with the word at its end: who receives into a short buffer loses it.
func (d *datagramServer) piece(args []string) string {
	if len(args) != 2 {
		return d.no("Write: get COOKIE NUMBER.")
	}
	i, err := strconv.Atoi(args[1])
	if err != nil || i < 1 || i > datagramPieces {
		return d.no("You asked for piece %s; I have 1 to %d.", quote(args[1]), datagramPieces)
	}
	head, tail := fmt.Sprintf("PIECE %d ", i), " "+d.word(args[0], i)+"\n"
	return head + strings.Repeat(".", datagramSize-len(head)-len(tail)) + tail
}

func (d *datagramServer) judge(args []string) string {
	want := []string{args[0]}
	for i := range datagramPieces {
		want = append(want, d.word(args[0], i+1))
	}
	switch n := len(args) - 1; {
	case n != datagramPieces:
		return d.no("Your answer has %d words of %d: they all go into one datagram.", n, datagramPieces)
	case strings.Join(args, " ") != strings.Join(want, " "):
		return d.no("These are not the %d words, in the order of their pieces.", datagramPieces)
	}
	return "FLAG " + d.flag + "\n"
}

// solveDatagram asks for everything that is missing, waits a moment, and asks again.
func solveDatagram(ctx context.Context, t *tube.Tube) (string, error) {
	cookie, err := exchange(ctx, t, "cookie", "COOKIE ")
	if err != nil {
		return "", err
	}
	var words [datagramPieces]string
	for missing := datagramPieces; missing > 0; {
		if err := ctx.Err(); err != nil {
			return "", context.Cause(ctx)
		}
		for i, w := range words {
			if w == "" {
				if err := t.Send(padded(fmt.Sprintf("get %s %d", cookie, i+1))); err != nil {
					return "", err
				}
			}
		}
		for view := t.Within(200 * time.Millisecond); missing > 0; {
			reply, err := view.Recv()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return "", err
			}
			f := strings.Fields(reply)
			if len(f) != 4 || f[0] != "PIECE" {
				continue // of an earlier exchange
			}
			if i, err := strconv.Atoi(f[1]); err == nil && i >= 1 && i <= datagramPieces && words[i-1] == "" {
				words[i-1] = f[3]
				missing--
			}
		}
	}
	return exchange(ctx, t, "answer "+cookie+" "+strings.Join(words[:], " "), "FLAG ")
}

// exchange sends a request until a reply with the prefix comes, and returns the rest of that.
func exchange(ctx context.Context, t *tube.Tube, request, prefix string) (string, error) {
	for ctx.Err() == nil {
		if err := t.Send(padded(request)); err != nil {
			return "", err
		}
		for view := t.Within(500 * time.Millisecond); ; {
			reply, err := view.Recv()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return "", err
			}
			if rest, ok := strings.CutPrefix(reply, prefix); ok {
				return strings.TrimSpace(rest), nil
			}
			if strings.HasPrefix(reply, "NO ") {
				return "", errors.New(strings.TrimSpace(reply))
			}
		}
	}
	return "", context.Cause(ctx)
}

func padded(s string) string { return fmt.Sprintf("%-*s", datagramSize, s) }
