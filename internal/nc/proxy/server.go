package proxy

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// A Request is what a client asks a proxy for.
type Request struct {
	Kind Kind
	Host string
	Port int
	// Head is the request to send on, for plain HTTP requests ("GET http://…"); CONNECT and SOCKS have none.
	Head []byte
}

// The outcomes a server answers with.
var (
	ErrRefused     = errors.New("connection refused")
	ErrUnreachable = errors.New("host unreachable")
	ErrForbidden   = errors.New("forbidden")
	errAuth        = errors.New("the client gave no, or a wrong, user and password")
)

func same(a *Auth, user, pass string) bool {
	u := subtle.ConstantTimeCompare([]byte(a.User), []byte(user))
	p := subtle.ConstantTimeCompare([]byte(a.Pass), []byte(pass))
	return u&p == 1
}

// AcceptSOCKS5 reads a client's request. With auth, the client must log in.
// When it fails the client has been told.
func AcceptSOCKS5(conn io.ReadWriter, auth *Auth) (*Request, error) {
	var two [2]byte
	if _, err := io.ReadFull(conn, two[:]); err != nil {
		return nil, err
	}
	if two[0] != 5 {
		return nil, fmt.Errorf("the client does not speak SOCKS5: it began with %#02x", two[0])
	}
	methods := make([]byte, two[1])
	if _, err := io.ReadFull(conn, methods); err != nil {
		return nil, err
	}
	want := byte(0)
	if auth != nil {
		want = 2
	}
	if !strings.Contains(string(methods), string(rune(want))) {
		conn.Write([]byte{5, 0xff})
		if auth != nil {
			return nil, errAuth
		}
		return nil, errors.New("the client insists on logging in")
	}
	if _, err := conn.Write([]byte{5, want}); err != nil {
		return nil, err
	}
	if auth != nil {
		if err := checkLogin(conn, auth); err != nil {
			return nil, err
		}
	}
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	host, port, err := readAddress(conn, head[3])
	if err != nil {
		reply5(conn, 8)
		return nil, err
	}
	if head[1] != 1 {
		reply5(conn, 7)
		return nil, fmt.Errorf("the client asked for SOCKS5 command %d; only CONNECT is served", head[1])
	}
	return &Request{Kind: SOCKS5, Host: host, Port: port}, nil
}

func checkLogin(conn io.ReadWriter, auth *Auth) error {
	field := func(r io.Reader, n byte) (string, error) {
		b := make([]byte, n)
		_, err := io.ReadFull(r, b)
		return string(b), err
	}
	var two [2]byte
	if _, err := io.ReadFull(conn, two[:]); err != nil {
		return err
	}
	user, err := field(conn, two[1])
	if err != nil {
		return err
	}
	var n [1]byte
	if _, err := io.ReadFull(conn, n[:]); err != nil {
		return err
	}
	pass, err := field(conn, n[0])
	if err != nil {
		return err
	}
	if !same(auth, user, pass) {
		conn.Write([]byte{1, 1})
		return errAuth
	}
	_, err = conn.Write([]byte{1, 0})
	return err
}

func reply5(w io.Writer, code byte) error {
	_, err := w.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
	return err
}

// AcceptHTTP reads a client's request: CONNECT, or a plain one with an absolute URL.
// When it fails the client has been told.
func AcceptHTTP(conn io.ReadWriter, auth *Auth) (*Request, error) {
	head, err := readHead(conn)
	if err != nil {
		if errors.Is(err, errLongHead) {
			answer(conn, "431 Request Header Fields Too Large", "")
		}
		return nil, err
	}
	first, rest, _ := strings.Cut(head, "\n")
	fields := strings.Fields(first)
	if len(fields) != 3 || !strings.HasPrefix(fields[2], "HTTP/1.") {
		answer(conn, "400 Bad Request", "")
		return nil, fmt.Errorf("the client does not speak HTTP: it began with %q", first)
	}
	if auth != nil && !authorized(rest, auth) {
		answer(conn, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"nc\"\r\n")
		return nil, errAuth
	}
	if fields[0] == "CONNECT" {
		host, port, err := target(fields[1], "")
		if err != nil {
			answer(conn, "400 Bad Request", "")
			return nil, err
		}
		return &Request{Kind: HTTP, Host: host, Port: port}, nil
	}
	return plainRequest(conn, fields, rest)
}

// plainRequest rewrites a request for a URL into one for the origin. The
// connection serves this one request, so the origin is asked to close it. The
// version stays the client's: the answer comes back as it is, and a client of
// HTTP/1.0 would not understand one in chunks. A Host is the URL's, whatever the
// client wrote (RFC 9112, section 3.2.2), and a length that can be read in two
// ways is refused.
func plainRequest(conn io.Writer, fields []string, rest string) (*Request, error) {
	u, err := url.Parse(fields[1])
	if err != nil || u.Scheme != "http" || u.Host == "" {
		answer(conn, "400 Bad Request", "")
		return nil, fmt.Errorf("the client asked for %q, which is no http:// address", fields[1])
	}
	host, port, err := target(u.Host, "80")
	if err != nil {
		answer(conn, "400 Bad Request", "")
		return nil, err
	}
	var b strings.Builder
	b.WriteString(fields[0] + " " + u.RequestURI() + " " + fields[2] + "\r\nHost: " + u.Host + "\r\n")
	lengths, chunked := map[string]bool{}, false
	for line := range strings.Lines(rest) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			answer(conn, "400 Bad Request", "")
			return nil, fmt.Errorf("the client sent the header line %q", line)
		}
		switch strings.ToLower(name) {
		case "proxy-authorization", "proxy-connection", "connection", "host":
			continue
		case "content-length":
			lengths[strings.TrimSpace(value)] = true
		case "transfer-encoding":
			chunked = true
		}
		b.WriteString(line + "\r\n")
	}
	if len(lengths) > 1 || len(lengths) == 1 && chunked {
		answer(conn, "400 Bad Request", "")
		return nil, errors.New("the client gave the length of its request twice")
	}
	b.WriteString("Connection: close\r\n\r\n")
	return &Request{Kind: HTTP, Host: host, Port: port, Head: []byte(b.String())}, nil
}

func authorized(headers string, auth *Auth) bool {
	for line := range strings.Lines(headers) {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "Proxy-Authorization") {
			continue
		}
		scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
		p, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
		user, pass, ok := strings.Cut(string(p), ":")
		return err == nil && ok && strings.EqualFold(scheme, "Basic") && same(auth, user, pass)
	}
	return false
}

// target splits host:port.
func target(s, defaultPort string) (string, int, error) {
	host, port := s, defaultPort
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	host = strings.Trim(host, "[]")
	if _, aerr := netip.ParseAddr(host); aerr != nil && strings.ContainsAny(host, ":/ ") {
		err = aerr
	}
	if err != nil || n == 0 || host == "" {
		return "", 0, fmt.Errorf("the client asked for %q, which is no host and port", s)
	}
	return host, int(n), nil
}

func answer(w io.Writer, status, headers string) {
	io.WriteString(w, "HTTP/1.1 "+status+"\r\n"+headers+"Connection: close\r\nContent-Length: 0\r\n\r\n")
}

// Reply tells the client how connecting went; err is nil, ErrRefused, ErrForbidden or anything else.
func (r *Request) Reply(conn io.Writer, err error) error {
	if r.Kind == SOCKS5 {
		switch {
		case err == nil:
			return reply5(conn, 0)
		case errors.Is(err, ErrRefused):
			return reply5(conn, 5)
		case errors.Is(err, ErrForbidden):
			return reply5(conn, 2)
		}
		return reply5(conn, 4)
	}
	switch {
	case err == nil && r.Head != nil:
		return nil
	case err == nil:
		_, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		return err
	case errors.Is(err, ErrForbidden):
		answer(conn, "403 Forbidden", "")
	default:
		answer(conn, "502 Bad Gateway", "")
	}
	return nil
}

// HeaderV1 and HeaderV2 make PROXY protocol headers (HAProxy's specification, sections 2.1 and 2.2).
func HeaderV1(src, dst netip.AddrPort) []byte {
	if !src.IsValid() || !dst.IsValid() || src.Addr().Is4() != dst.Addr().Is4() {
		return []byte("PROXY UNKNOWN\r\n")
	}
	family := "TCP6"
	if src.Addr().Is4() {
		family = "TCP4"
	}
	return fmt.Appendf(nil, "PROXY %s %s %s %d %d\r\n", family, src.Addr().WithZone(""), dst.Addr().WithZone(""), src.Port(), dst.Port())
}

const v2Signature = "\r\n\r\n\x00\r\nQUIT\n"

// HeaderV2 makes the binary header.
func HeaderV2(src, dst netip.AddrPort) []byte {
	b := []byte(v2Signature)
	if !src.IsValid() || !dst.IsValid() || src.Addr().Is4() != dst.Addr().Is4() {
		return append(b, 0x20, 0, 0, 0) // LOCAL: no addresses
	}
	s, d := src.Addr().AsSlice(), dst.Addr().AsSlice()
	family := byte(0x21)
	if len(s) == 4 {
		family = 0x11
	}
	b = append(b, 0x21, family)
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(s)+4))
	b = append(append(b, s...), d...)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	return binary.BigEndian.AppendUint16(b, dst.Port())
}
