package chal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/sock"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	defaultAddr           = "127.0.0.1:1337"
	defaultHandshakeTime  = 10 * time.Second
	defaultSessionTimeout = 15 * time.Minute
	defaultIdleTimeout    = 5 * time.Minute
	defaultLinger         = 2 * time.Second
	defaultMaxBuffer      = 64 << 10
)

// The causes for which a session's context ends, and what Serve returns.
var (
	// ErrTimeUp is the cause when a session has lasted SessionTimeout.
	ErrTimeUp = errors.New("session's time is up")
	// ErrShutdown is the cause when a session is cut by Shutdown or Close.
	ErrShutdown = errors.New("server is shutting down")
	// ErrServerClosed is returned by Serve and ListenAndServe once Shutdown or Close was called.
	ErrServerClosed = errors.New("server closed")

	errOver = errors.New("session is over") // the cause after the handler has returned
)

// Server serves a challenge to many players at once. Only Handler must be set: every limit that is zero
// has a safe default, and a negative limit means none. The fields must not change once the server serves.
// Its methods may be called by several goroutines at once. A Server must not be copied and serves no more
// after Shutdown or Close.
type Server struct {
	// Handler plays the sessions.
	Handler Handler
	// Name is the challenge's name, for the ledger.
	Name string
	// Addr is where ListenAndServe listens: a TCP address, "127.0.0.1:1337" when empty.
	Addr string
	// Flag becomes Session.Flag. The server takes it out of what it logs.
	Flag string

	// Handshake, if set, must pass before a session starts: the PROXY protocol, TLS, proof of work. It runs on
	// the goroutine that the session will have, or with [Arrival.Await] on several in turn, with a slot taken. When
	// it returns an error there is no session: the player is told the Text of a *[Refusal], and the ledger has an
	// EntryRefused. But for [ErrNoSession]: then nothing is said and nothing counted. See [Handshakes].
	Handshake func(context.Context, *Arrival) error
	// HandshakeTimeout is how long the handshake may take, all of it; the session's time starts after it.
	// Zero: 10 seconds; negative is the same.
	HandshakeTimeout time.Duration

	// SessionTimeout is how long a session may last. Zero: 15 minutes.
	SessionTimeout time.Duration
	// IdleTimeout is how long one wait of the session's tube may take, from the call until it has all
	// it waits for: a whole line, not the next byte. Zero: 5 minutes.
	IdleTimeout time.Duration
	// Linger is how long the server waits, after the last line, for the player to close, reading away
	// what still comes. Zero: 2 seconds. Without it (negative) the last line can be lost.
	Linger time.Duration
	// MaxSessions is how many sessions may be open. Zero: 1024.
	MaxSessions int
	// MaxPerSource is how many sessions may be open from one source ([Source]). Zero: 64.
	MaxPerSource int
	// MaxBuffer is how many bytes a wait of the session's tube may hold, so how long a line may be;
	// beyond, the wait fails with tube.ErrTooLong. Zero: 64 KiB.
	MaxBuffer int

	// Admitter grants the slots. Nil: a [Slots] of MaxSessions and MaxPerSource, which have no other
	// use. It is asked before the session exists and must answer at once.
	Admitter Admitter

	// Log gets panics, handlers' errors, accept errors, and refusals in bulk. Nil: slog.Default().
	Log *slog.Logger
	// Ledger, if set, is called for every session that starts, ends or is refused, from that session's
	// goroutine or one that serves many: it must be quick, and safe to call at the same time.
	Ledger func(Entry)

	once     sync.Once
	admitter Admitter
	options  []tube.Option
	idBase   uint64
	lastID   atomic.Uint64
	refused  atomic.Uint64
	turned   atomic.Uint64 // those that had begun a handshake and became no session

	leaving leaving

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	arriving  queue // connections in their handshake
	lot       *lot  // those of them that are parked; nil until one is
	running   queue // sessions whose time is not up
	ending    queue // sessions that were told to end; due when they are cut
	beyond    queue // sessions that were cut, or only linger; never due
	live      int   // sessions in all four
	waited    int   // those of them that Shutdown waits for
	timer     *time.Timer
	timerAt   time.Time // when timer fires; zero: it does not
	refusals  map[net.Conn]struct{}
	lastTold  time.Time // when refusals were last logged
	untold    int       // refusals since
	closing   bool
	hurry     atomic.Bool    // all was cut: lingering is short
	cuts      int            // sessions cut by Shutdown and Close
	stopped   chan struct{}  // closed when closing begins
	settled   chan struct{}  // closed when closing, and waited is 0
	drained   chan struct{}  // closed when closing, and live is 0
	wg        sync.WaitGroup // the goroutines that are no session's
}

// Stats are a server's counters.
type Stats struct {
	Open    int    // sessions open now, those that only linger included
	Started uint64 // sessions ever started
	Refused uint64 // connections ever refused
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Open: s.live, Started: s.lastID.Load() - s.turned.Load(), Refused: s.refused.Load()}
}

// init reads the fields, once.
func (s *Server) init() {
	s.once.Do(func() {
		s.idBase = rand.Uint64()
		s.stopped, s.settled, s.drained = make(chan struct{}), make(chan struct{}), make(chan struct{})
		if s.admitter = s.Admitter; s.admitter == nil {
			s.admitter = &Slots{Max: s.MaxSessions, PerSource: s.MaxPerSource}
		}
		if s.Log == nil {
			s.Log = slog.Default()
		}
		s.options = []tube.Option{
			tube.WithTimeout(span(s.IdleTimeout, defaultIdleTimeout)),
			tube.WithLinger(span(s.Linger, defaultLinger)), // for handlers that close the tube; the server lingers itself, and longer
		}
		if n := limit(s.MaxBuffer, defaultMaxBuffer); s.MaxBuffer >= 0 {
			s.options = append(s.options, tube.WithMaxBuffer(n))
		}
		s.options = s.options[:len(s.options):len(s.options)]
	})
}

// handshakeTime is never without end: who never finishes a handshake is nobody's player.
func (s *Server) handshakeTime() time.Duration {
	if s.HandshakeTimeout <= 0 {
		return defaultHandshakeTime
	}
	return s.HandshakeTimeout
}

// span reads a time limit that may be left at its default or switched off; off is zero.
func span(d, byDefault time.Duration) time.Duration {
	switch {
	case d < 0:
		return 0
	case d == 0:
		return byDefault
	}
	return d
}

// ListenAndServe listens on s.Addr and serves. It always returns an error: that of [Listen], or as Serve.
func (s *Server) ListenAndServe() error {
	addr := s.Addr
	if addr == "" {
		addr = defaultAddr
	}
	if s.isClosing() {
		return ErrServerClosed
	}
	l, err := Listen(context.Background(), addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections on l and runs a session for each, until the server is shut down or l fails
// for good. It closes l, and always returns an error: [ErrServerClosed] at once when Shutdown or Close is
// called, or was called before. Errors of Accept that pass, such as too many open files, are waited
// out. Several listeners may be served at the same time.
//
// Connections that l wraps should keep the CloseWrite of those below. Without it, as with that of netutil.LimitListener, a player
// who does not close first is told of the end a quarter of a second later, and who sends on after that can lose the last line.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if c, ok := s.Handler.(Challenge); s.Handler == nil || ok && c.Handler == nil {
		return fmt.Errorf("serve: %w", errNoHandler)
	}
	s.init()
	if !s.addListener(l) {
		return ErrServerClosed
	}
	defer s.removeListener(l)
	var wait time.Duration
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			wait = 0
			s.admit(conn)
		case s.isClosing():
			return ErrServerClosed
		case !passing(err):
			return err
		default:
			wait = min(max(5*time.Millisecond, 2*wait), time.Second)
			s.Log.Warn("accept", "error", err, "again_in", wait)
			if !s.pause(wait) {
				return ErrServerClosed
			}
		}
	}
}

// pause waits; false when the server was stopped meanwhile.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stopped:
		return false
	}
}

// passing says whether an error of Accept concerns one connection, or a shortage, and not the listener.
func passing(err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno != syscall.EBADF && errno != syscall.EINVAL && errno != syscall.ENOTSOCK
	}
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary()
}

// admit gives conn a session or refuses it. It never waits for the client.
func (s *Server) admit(conn net.Conn) {
	var remote netip.AddrPort
	if own, ok := conn.(*sock.Conn); ok {
		remote = own.Remote()
	} else if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		remote = tcp.AddrPort()
		remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	}
	release, err := s.admitter.Admit(context.Background(), remote)
	if err != nil && s.makeRoom(err) {
		release, err = s.admitter.Admit(context.Background(), remote)
	}
	if err != nil {
		s.refuse(conn, remote, err)
		return
	}
	c := s.newSession(conn, remote, release)
	if !s.add(c) {
		release()
		conn.Close() // shutting down: as if it had come a moment later
		return
	}
	go c.run()
}

// record writes to the ledger.
func (s *Server) record(e Entry) {
	if s.Ledger != nil {
		if e.Challenge == "" {
			e.Challenge = s.Name
		}
		if e.What != EntryListening { // always the first: who starts the server waits for exactly that line
			e.Time = time.Now()
		}
		s.Ledger(e)
	}
}
