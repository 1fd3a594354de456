// Package levels is the ladder: thirteen small challenges, each about one idea of sockets, in an order in
// which they can be learnt. Each level prints a lesson, forces its idea, and tells a player who fails why,
// in one sentence.
//
// A level is a [chal.Challenge] and what else a host must know of it. A TCP level is served as every
// challenge is, so that limits, slots and the orderly end are the server's:
//
//	for _, l := range levels.All(levels.Options{}) {
//		if l.Network == "tcp" {
//			srv := l.Server(flag) // chal.Challenge's
//			go srv.Run(ctx, listener, drain)
//		} else {
//			go l.ServePacket(ctx, packetConn, levels.PacketConfig{Flag: flag})
//		}
//	}
//
// The tls level is a TCP level too: it makes its handshake itself, above the session's tube, so that a
// player who comes in plain text can be told so.
//
// # The protocol
//
// Lines end with LF; from the player CRLF is as good, and so is the end of the stream. A lesson stands
// behind "| ". All other lines begin with a word in capitals that tells what they are. The last is one of
//
//	FLAG flag{…}    won
//	NO sentence     lost, and why; followed by lines that begin with HINT
//
// Where a level waits for a line, the line "hint" gives the hint and costs nothing. The web level speaks
// HTTP, frames sends frames between its first line and its last, and datagram has a datagram where the
// others have a line.
//
// # What it promises
//
// A session holds the bounded memory of its tube and at most 64 KiB beside it, and ends by itself. What outlives a session
// (goodbye's tickets) or is shared by several (crowd's rooms) is bounded in number, by source too, and
// expires. The datagram level keeps nothing: its cookies carry everything.
//
// # What it does not
//
// Rooms and tickets live in one process: with several behind a load balancer, crowd and goodbye need a
// balancer that keeps a source at one of them. Goodbye needs the player's own TCP connection: a proxy in
// between ends it in its own way.
package levels

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// FirstPort is the default port of the first level; the others follow in the ladder's order.
const FirstPort = 4001

// Options are what a host decides about the levels. The zero value is right for a public event.
type Options struct {
	// Key makes datagram's cookies, and tls's certificate and doors. Processes with the same Key serve
	// each other's players. Empty: a random one.
	Key []byte
	// Callback adds the callback level, in which the server connects to the player's own address. That
	// is for a class or a machine of one's own: on a public event a server should connect to nobody.
	Callback bool
}

// Level is one level.
type Level struct {
	chal.Challenge        // its Handler is nil when Network is "udp"
	Number         int    // its place in the ladder, from 1; the same whatever Options leave out
	Port           int    // its default port
	Network        string // "tcp" or "udp"
	Lesson         string // at most 12 lines of 76 columns, without a last newline
	Hint           string // likewise

	servePacket func(ctx context.Context, pc net.PacketConn, c PacketConfig) error
}

// PacketConfig is what a level on UDP is served with.
type PacketConfig struct {
	Flag   string           // what the player gets
	Log    *slog.Logger     // nil: slog.Default()
	Ledger func(chal.Entry) // as chal.Server's; gets the listening entry. May be nil
}

// ladder is the order of the levels.
var ladder = []func(o Options) Level{
	hello, dribble, encodings, frames, finish, bothways, crowd,
	clock, datagram, callback, goodbye, web, secure,
}

// All returns new levels in the ladder's order. Levels of one call share nothing with those of another.
func All(o Options) []Level {
	if len(o.Key) == 0 {
		o.Key = make([]byte, 32)
		rand.Read(o.Key)
	}
	var all []Level
	for i, build := range ladder {
		l := build(o)
		l.Number, l.Port, l.Category = i+1, FirstPort+i, "sockets"
		if l.Name == "callback" && !o.Callback {
			continue
		}
		all = append(all, l)
	}
	return all
}

// Flag returns the flag of the level called name in an event: the same for the same key, and not to be
// guessed without it.
func Flag(key []byte, name string) string {
	return "flag{" + name + "_" + hex.EncodeToString(derive(key, "flag", name)[:8]) + "}"
}

// Play plays the level at addr ("host:port") as a player who knows the answer, and returns the flag it won.
func (l Level) Play(ctx context.Context, addr string) (flag string, err error) {
	t, err := tube.Dial(ctx, l.Network, addr, tube.WithContext(ctx), tube.WithTimeout(30*time.Second))
	if err != nil {
		return "", err
	}
	defer t.Close()
	return l.Solve(ctx, t)
}

// ServePacket serves a level on UDP until ctx ends, or pc fails for good. It closes pc, and returns nil when
// ctx has ended. For a level on TCP it returns an error.
func (l Level) ServePacket(ctx context.Context, pc net.PacketConn, c PacketConfig) error {
	if l.servePacket == nil {
		pc.Close()
		return errors.New("serve packets: level " + l.Name + " is on " + l.Network)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Ledger != nil {
		c.Ledger(chal.Entry{What: chal.EntryListening, Challenge: l.Name, Addr: pc.LocalAddr().String()})
	}
	return l.servePacket(ctx, pc, c)
}

// derive makes bytes for one use out of the key.
func derive(key []byte, use ...string) []byte {
	m := hmac.New(sha256.New, key)
	for _, u := range use {
		m.Write([]byte(u))
		m.Write([]byte{0})
	}
	return m.Sum(nil)
}
