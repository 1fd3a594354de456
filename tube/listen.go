package tube

import (
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"net"
)

// Listener accepts connections as Tubes. Its methods may be called from
// several goroutines.
type Listener struct {
	l    net.Listener
	cfg  config
	stop func() bool // ends the binding to the context
}

// Listen listens on addr, on any of the networks that Dial takes; port 0
// chooses a free one, Addr tells which. When ctx ends, the listener closes.
// The options are those of the accepted Tubes; "tls" needs WithTLS with a
// certificate.
//
// On UDP each peer becomes a Tube of its own with its first datagram, which is
// the first thing the Tube receives.
func Listen(ctx context.Context, network, addr string, opts ...Option) (*Listener, error) {
	cfg := newConfig(opts)
	l, err := listen(ctx, network, addr, cfg.tls)
	if err != nil {
		return nil, &Error{Op: "tube", Err: err}
	}
	ln := &Listener{l: l, cfg: cfg}
	ln.stop = context.AfterFunc(ctx, func() { l.Close() })
	return ln, nil
}

func listen(ctx context.Context, network, addr string, tc *tls.Config) (net.Listener, error) {
	var lc net.ListenConfig
	switch network {
	case "udp", "udp4", "udp6", "unixgram":
		pc, err := lc.ListenPacket(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newPacketListener(pc), nil
	case "tls":
		if tc == nil || len(tc.Certificates) == 0 && tc.GetCertificate == nil && tc.GetConfigForClient == nil {
			return nil, errors.New("listen tls: a certificate is needed; give WithTLS one")
		}
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return tlsListener{l, tc}, nil
	}
	return lc.Listen(ctx, network, addr)
}

// Accept waits for the next connection. After Close, or after the context has
// ended, the error is net.ErrClosed.
func (l *Listener) Accept() (*Tube, error) {
	c, err := l.l.Accept()
	if err != nil {
		if errors.Is(err, net.ErrClosed) {
			err = net.ErrClosed
		}
		return nil, &Error{Op: "accept", Err: err}
	}
	return wrap(c, l.cfg), nil
}

// Tubes returns an iterator over the connections as they come. It ends without
// an error when the listener is closed; another error is yielded and does not
// end it, so that a caller may wait for descriptors to become free and go on.
func (l *Listener) Tubes() iter.Seq2[*Tube, error] {
	return func(yield func(*Tube, error) bool) {
		for {
			t, err := l.Accept()
			if errors.Is(err, net.ErrClosed) || !yield(t, err) {
				return
			}
		}
	}
}

// Addr returns the address the listener listens on.
func (l *Listener) Addr() net.Addr { return l.l.Addr() }

// Close stops listening and frees the port; accepted Tubes go on. On UDP the
// port is shared with the accepted Tubes and becomes free with the last of
// them.
func (l *Listener) Close() error {
	l.stop()
	if err := l.l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return &Error{Op: "close", Err: err}
	}
	return nil
}
