package nc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/proxy"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// headerLimit is how long a client may take for its PROXY header.
const headerLimit = 10 * time.Second

// sendHeader tells the server who connects.
func (n *netcat) sendHeader(conn net.Conn) error {
	src, _ := addrPort(conn.LocalAddr())
	dst, _ := addrPort(conn.RemoteAddr())
	header := proxy.HeaderV1(src, dst)
	if n.c.Proxy.Header == 2 {
		header = proxy.HeaderV2(src, dst)
	}
	_, err := conn.Write(header)
	return err
}

// headerBytes reads one PROXY header and no byte further: what follows belongs
// to the program or the TLS handshake, which read the connection themselves.
func headerBytes(r io.Reader) ([]byte, error) {
	b := make([]byte, 1, 128)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	more := func(n int) error {
		b = append(b, make([]byte, n)...)
		_, err := io.ReadFull(r, b[len(b)-n:])
		return err
	}
	if b[0] != '\r' { // version 1: a line of at most 107 bytes
		for b[len(b)-1] != '\n' && len(b) < 107 {
			if len(b) == 5 && string(b) != "PROXY" {
				break
			}
			if err := more(1); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	if err := more(15); err != nil {
		return nil, err
	}
	return b, more(int(binary.BigEndian.Uint16(b[14:])))
}

// readHeader reads a PROXY header and returns whom it speaks of.
func readHeader(ctx context.Context, conn net.Conn) (net.Addr, error) {
	conn.SetReadDeadline(time.Now().Add(headerLimit))
	defer conn.SetReadDeadline(time.Time{})
	unhook := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer unhook()
	raw, err := headerBytes(conn)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case report.TimedOut(err):
		return nil, report.WithHint(fmt.Errorf("%s sent no PROXY header in %v", conn.RemoteAddr(), headerLimit), headerHint)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, report.WithHint(fmt.Errorf("%s hung up before its PROXY header was complete", conn.RemoteAddr()), headerHint)
	case err != nil:
		return nil, fmt.Errorf("read the PROXY header of %s: %w", conn.RemoteAddr(), report.Bare(err))
	}
	raw = withoutMore(raw)
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(raw), len(raw)))
	switch {
	case errors.Is(err, proxyproto.ErrNoProxyProtocol):
		return nil, report.WithHint(fmt.Errorf("%s sent no PROXY header", conn.RemoteAddr()), headerHint)
	case err != nil:
		return nil, report.WithHint(fmt.Errorf("the PROXY header of %s cannot be read: it begins with %.40q", conn.RemoteAddr(), raw), "HAProxy's specification says how it looks; both of its versions are understood")
	}
	if _, ok := addrPort(h.SourceAddr); !ok || h.Command.IsLocal() {
		return conn.RemoteAddr(), nil // no address of the internet is named, so this is the one that may be judged
	}
	return h.SourceAddr, nil
}

// withoutMore leaves of a header of version 2 what is read here, the addresses, and makes one without any a local one.
func withoutMore(raw []byte) []byte {
	if raw[0] != '\r' || len(raw) < 16 {
		return raw
	}
	const unspecified, ipv4, ipv6 = 0, 1, 2
	n := len(raw) - 16
	switch raw[13] >> 4 {
	case unspecified:
		raw[12] &^= 0xf
		n = 0
	case ipv4:
		n = min(n, 12)
	case ipv6:
		n = min(n, 36)
	}
	binary.BigEndian.PutUint16(raw[14:], uint16(n))
	return raw[:16+n]
}

const headerHint = "it must come through a proxy that sends one, or leave --proxy-protocol out"
