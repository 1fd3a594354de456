// Package proxy speaks the client's and the server's side of HTTP CONNECT
// (RFC 9110, section 9.3.6), SOCKS4, SOCKS4a and SOCKS5 (RFC 1928, RFC 1929).
//
// Nothing is read beyond the handshake: what the far end says first is still
// in the connection when a function returns. Deadlines are the caller's.
package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// Kind is a protocol.
type Kind string

// The protocols.
const (
	HTTP    Kind = "http"
	SOCKS4  Kind = "socks4"
	SOCKS4a Kind = "socks4a"
	SOCKS5  Kind = "socks5"
)

// Auth is a user and password; nil is nobody.
type Auth struct {
	User, Pass string
	bare       bool // nothing but a user was given, not even the colon
	// challenge is what an HTTP proxy has asked for; Connect notes it here, so that the next connection to the same proxy
	// is answered for at once.
	challenge *challenge
}

// ParseAuth reads USER:PASS; a word without a colon is a user without a password.
func ParseAuth(s string) *Auth {
	user, pass, colon := strings.Cut(s, ":")
	return &Auth{User: user, Pass: pass, bare: !colon}
}

// ErrAgain says that the proxy wants a login and has ended the connection: Connect will give it on a new one.
var ErrAgain = errors.New("the proxy wants a login on a new connection")

// Error is a proxy's refusal.
type Error struct {
	Kind   Kind
	Reason string
	Auth   bool // it wants (another) user and password
}

func (e *Error) Error() string { return "the proxy refused: " + e.Reason }

// Connect asks the proxy at conn for a connection to host and port. A host
// that is a name is sent as a name, except to SOCKS4, which has none. An HTTP proxy is given the
// user and password only when it asks, by Digest where it can.
func Connect(conn io.ReadWriter, kind Kind, host string, port int, auth *Auth) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("port %d cannot be asked for", port)
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() != "" {
		return fmt.Errorf("the zone of %s is this machine's, and no proxy's", host)
	}
	switch kind {
	case HTTP:
		return connectHTTP(conn, host, port, auth)
	case SOCKS4, SOCKS4a:
		return connectSOCKS4(conn, kind, host, port, auth)
	case SOCKS5:
		return connectSOCKS5(conn, host, port, auth)
	}
	return fmt.Errorf("there is no proxy protocol %q", kind)
}

func connectSOCKS4(conn io.ReadWriter, kind Kind, host string, port int, auth *Auth) error {
	user := ""
	if auth != nil {
		user = auth.User
	}
	a, err := netip.ParseAddr(host)
	a = a.Unmap()
	switch {
	case strings.ContainsRune(user, 0) || strings.ContainsRune(host, 0):
		return errors.New("SOCKS4 names hold no zero byte")
	case err == nil && !a.Is4():
		return errors.New("SOCKS4 carries no IPv6: use SOCKS5 or HTTP")
	case err != nil && kind == SOCKS4:
		return fmt.Errorf("SOCKS4 carries no names, and %q is one: use SOCKS4a or SOCKS5", host)
	}
	req := []byte{4, 1}
	req = binary.BigEndian.AppendUint16(req, uint16(port))
	if err == nil {
		ip := a.As4()
		req = append(append(append(req, ip[:]...), user...), 0)
	} else {
		req = append(append(append(req, 0, 0, 0, 1), user...), 0)
		req = append(append(req, host...), 0)
	}
	if _, err := conn.Write(req); err != nil {
		return err
	}
	var resp [8]byte
	if _, err := io.ReadFull(conn, resp[:]); err != nil {
		return fmt.Errorf("read the proxy's answer: %w", err)
	}
	if resp[0] != 0 {
		return fmt.Errorf("the proxy does not speak SOCKS4: its answer begins with %#02x", resp[0])
	}
	switch resp[1] {
	case 90:
		return nil
	case 91:
		return &Error{kind, "rejected or failed", false}
	case 92, 93:
		return &Error{kind, "it could not confirm the user with identd", true}
	}
	return &Error{kind, fmt.Sprintf("code %d", resp[1]), false}
}

var socks5Reasons = []string{
	1: "general failure", 2: "its rules forbid it", 3: "the network cannot be reached", 4: "the host cannot be reached",
	5: "connection refused", 6: "the TTL ran out", 7: "it does not know the command", 8: "it does not know this kind of address",
}

func connectSOCKS5(conn io.ReadWriter, host string, port int, auth *Auth) error {
	methods := []byte{5, 1, 0}
	if auth != nil {
		methods = []byte{5, 2, 0, 2}
	}
	if _, err := conn.Write(methods); err != nil {
		return err
	}
	var two [2]byte
	if _, err := io.ReadFull(conn, two[:]); err != nil {
		return fmt.Errorf("read the proxy's answer: %w", err)
	}
	if two[0] != 5 {
		return fmt.Errorf("the proxy does not speak SOCKS5: its answer begins with %#02x", two[0])
	}
	switch two[1] {
	case 0:
	case 2:
		if auth == nil {
			return &Error{SOCKS5, "it wants a user and password", true}
		}
		if err := loginSOCKS5(conn, auth); err != nil {
			return err
		}
	default:
		return &Error{SOCKS5, "it wants a user and password, or a way to log in that nc has not", true}
	}
	req := []byte{5, 1, 0}
	req, err := appendAddress(req, host)
	if err != nil {
		return err
	}
	if _, err := conn.Write(binary.BigEndian.AppendUint16(req, uint16(port))); err != nil {
		return err
	}
	code, err := readReply5(conn)
	if err != nil {
		return err
	}
	if code != 0 {
		reason := fmt.Sprintf("code %d", code)
		if int(code) < len(socks5Reasons) {
			reason = socks5Reasons[code]
		}
		return &Error{SOCKS5, reason, false}
	}
	return nil
}

func loginSOCKS5(conn io.ReadWriter, auth *Auth) error {
	if len(auth.User) == 0 || len(auth.User) > 255 || len(auth.Pass) > 255 {
		return errors.New("SOCKS5 takes user names of 1 to 255 bytes and passwords of up to 255")
	}
	msg := append([]byte{1, byte(len(auth.User))}, auth.User...)
	msg = append(append(msg, byte(len(auth.Pass))), auth.Pass...)
	if _, err := conn.Write(msg); err != nil {
		return err
	}
	var two [2]byte
	if _, err := io.ReadFull(conn, two[:]); err != nil {
		return fmt.Errorf("read the proxy's answer: %w", err)
	}
	if two[1] != 0 {
		return &Error{SOCKS5, "wrong user or password", true}
	}
	return nil
}

// appendAddress appends an address in SOCKS5's form.
func appendAddress(b []byte, host string) ([]byte, error) {
	a, err := netip.ParseAddr(host)
	if err != nil {
		if len(host) == 0 || len(host) > 255 {
			return nil, fmt.Errorf("SOCKS5 takes names of 1 to 255 bytes, not %d", len(host))
		}
		return append(append(b, 3, byte(len(host))), host...), nil
	}
	a = a.Unmap()
	if a.Is4() {
		ip := a.As4()
		return append(append(b, 1), ip[:]...), nil
	}
	ip := a.As16()
	return append(append(b, 4), ip[:]...), nil
}

// readAddress reads the address type's address and the port.
func readAddress(r io.Reader, kind byte) (host string, port int, err error) {
	n := 0
	switch kind {
	case 1:
		n = 4
	case 4:
		n = 16
	case 3:
		var l [1]byte
		if _, err := io.ReadFull(r, l[:]); err != nil {
			return "", 0, err
		}
		n = int(l[0])
	default:
		return "", 0, fmt.Errorf("there is no SOCKS5 address type %d", kind)
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", 0, err
	}
	port = int(binary.BigEndian.Uint16(b[n:]))
	if kind == 3 {
		return string(b[:n]), port, nil
	}
	a, _ := netip.AddrFromSlice(b[:n])
	return a.String(), port, nil
}

func readReply5(conn io.Reader) (byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return 0, fmt.Errorf("read the proxy's answer: %w", err)
	}
	if head[0] != 5 {
		return 0, fmt.Errorf("the proxy's answer is not SOCKS5: it begins with %#02x", head[0])
	}
	if head[1] != 0 {
		return head[1], nil // a refusal may lack the address
	}
	_, _, err := readAddress(conn, head[3])
	return 0, err
}
