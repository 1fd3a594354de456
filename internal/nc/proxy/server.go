package proxy

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A Request is what a client asks a proxy for.
type Request struct {
	Kind Kind
	Host string
	Port int
	// Head is the request to send on, for plain HTTP requests ("GET http://…"); CONNECT and SOCKS have none.
	Head []byte
	// Body is how many bytes of the client's follow Head; -1: chunks, which tell their own end.
	Body int64
}

// The outcomes a server answers with.
var (
	ErrRefused     = errors.New("connection refused")
	ErrUnreachable = errors.New("host unreachable")
	ErrForbidden   = errors.New("forbidden")
	// ErrNoLogin is a client that has been asked for its login, as each HTTP client is that does not know yet that it needs one.
	ErrNoLogin = errors.New("the client gave no user and password")
	errAuth    = errors.New("the client gave a wrong user and password")
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
			return nil, errors.New("the client has no user and password to give")
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
	case errors.Is(err, ErrRefused):
		answer(conn, "502 Bad Gateway", "")
	default:
		answer(conn, "504 Gateway Timeout", "")
	}
	return nil
}
