package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	// maxHead bounds an HTTP head, maxLine its first line.
	maxHead = 64 << 10
	maxLine = 8 << 10
	// maxRefusal is how much of a body beside a refusal is read to ask again on the same connection.
	maxRefusal = 64 << 10
)

// connectHTTP asks without a login first, and again with one when the proxy wants that.
func connectHTTP(conn io.ReadWriter, host string, port int, auth *Auth) error {
	if strings.ContainsAny(host, "\r\n\t /?#@") {
		return fmt.Errorf("%q is no host name", host)
	}
	target := net.JoinHostPort(host, strconv.Itoa(port))
	for asked := false; ; asked = true {
		req := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
		tried := auth != nil && auth.challenge != nil
		if tried {
			req += "Proxy-Authorization: " + auth.challenge.answer(auth, "CONNECT", target) + "\r\n"
		}
		_, err := io.WriteString(conn, req+"\r\n")
		var r *response
		if err == nil {
			r, err = readResponse(conn)
		}
		switch {
		case err != nil && asked && hungUp(err):
			return ErrAgain // its refusal did not say that it was the last word
		case err != nil:
			return err
		case r.code[0] == '2':
			return nil
		case r.code != "407" || auth == nil:
			// 401 is an origin's to say, but some proxies refuse a wrong password with it.
			return &Error{HTTP, r.code + " " + r.text, r.code == "407" || r.code == "401"}
		}
		again := auth.challenge
		auth.challenge = choose(r.all("Proxy-Authenticate"))
		switch {
		case auth.challenge == nil:
			return &Error{HTTP, r.code + " " + r.text + ": it offers no way to log in that nc has", false}
		case tried && (asked || !again.stale(auth.challenge)):
			return &Error{HTTP, r.code + " " + r.text, true}
		case !r.skipBody(conn):
			return ErrAgain
		}
	}
}

// hungUp says that the other end has closed the connection before it said anything more.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// response is the head of a proxy's answer.
type response struct {
	proto, code, text string
	head
}

// maxInterim is how many answers may come before the final one (RFC 9110, section 15.2).
const maxInterim = 8

func readResponse(conn io.Reader) (r *response, err error) {
	for range 1 + maxInterim {
		if r, err = readOne(conn); err != nil || r.code[0] != '1' || r.code == "101" {
			break
		}
	}
	return r, err
}

func readOne(conn io.Reader) (*response, error) {
	text, err := readHead(conn)
	if err != nil {
		return nil, fmt.Errorf("read the proxy's answer: %w", err)
	}
	status, h := splitHead(text)
	proto, rest, ok := strings.Cut(strings.TrimSpace(status), " ")
	code, words, _ := strings.Cut(rest, " ")
	if !ok || !strings.HasPrefix(proto, "HTTP/") || len(code) != 3 {
		return nil, fmt.Errorf("the proxy does not speak HTTP: it answered %q", status)
	}
	return &response{proto, code, words, h}, nil
}

// skipBody reads the body away; false when the connection ends with this answer, or may.
func (r *response) skipBody(conn io.Reader) bool {
	n, err := strconv.ParseInt(strings.TrimSpace(r.first("Content-Length")), 10, 64)
	if r.proto != "HTTP/1.1" || err != nil || n < 0 || n > maxRefusal || r.first("Transfer-Encoding") != "" {
		return false
	}
	for _, v := range append(r.all("Connection"), r.all("Proxy-Connection")...) {
		for word := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(word), "close") {
				return false
			}
		}
	}
	_, err = io.CopyN(io.Discard, conn, n)
	return err == nil
}

// head is the header lines of a message: their names as they were written, and their values.
type head [][2]string

// folded is a line end within a value: obsolete, and read as a space (RFC 9112, section 5.2).
var folded = regexp.MustCompile(`(?:[ \t]*\r?\n[ \t]+)+`)

// splitHead returns the first line and the header lines; a line that is none has no name.
func splitHead(text string) (string, head) {
	first, rest, _ := strings.Cut(text, "\n")
	var h head
	for line := range strings.Lines(folded.ReplaceAllString(rest, " ")) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t") {
			name, value = "", line
		}
		h = append(h, [2]string{name, strings.Trim(value, " \t")})
	}
	return strings.TrimRight(first, "\r"), h
}

func (h head) all(name string) []string {
	var values []string
	for _, line := range h {
		if strings.EqualFold(line[0], name) {
			values = append(values, line[1])
		}
	}
	return values
}

func (h head) first(name string) string {
	if v := h.all(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

var (
	errLongHead = errors.New("the HTTP head has no end")
	errLongLine = errors.New("the HTTP head has too long a first line")
)

// readHead reads to the empty line and no byte further, hence byte by byte.
func readHead(r io.Reader) (string, error) {
	var b strings.Builder
	one := make([]byte, 1)
	line, whole := 0, false
	for b.Len() < maxHead {
		if _, err := io.ReadFull(r, one); err != nil {
			if err == io.EOF && b.Len() > 0 {
				err = io.ErrUnexpectedEOF
			}
			return b.String(), err
		}
		b.WriteByte(one[0])
		switch one[0] {
		case '\n':
			if line == 0 {
				return b.String(), nil
			}
			line, whole = 0, true
		case '\r':
		default:
			if line++; !whole && line > maxLine {
				return b.String(), errLongLine
			}
		}
	}
	return b.String(), errLongHead
}

// methods are those that a proxy passes on; what they mean is the origin's affair.
var methods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"}

// AcceptHTTP reads a client's request: CONNECT, or a plain one with an absolute URL.
// When it fails the client has been told.
func AcceptHTTP(conn io.ReadWriter, login *Login) (*Request, error) {
	refuse := func(status, headers string, err error) (*Request, error) {
		answer(conn, status, headers)
		return nil, err
	}
	text, err := readHead(conn)
	switch {
	case errors.Is(err, errLongHead):
		return refuse("413 Request Entity Too Large", "", err) // as ncat says it; 431 is the later number
	case errors.Is(err, errLongLine):
		return refuse("414 URI Too Long", "", err)
	case text != "" && text[0] < ' ' && errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("the client does not speak HTTP: it began with %.8q", text)
	case err != nil:
		return nil, err
	}
	line, h := splitHead(text)
	fields := strings.Fields(line)
	switch {
	case len(fields) != 3 || !strings.HasPrefix(fields[2], "HTTP/1."):
		return refuse("400 Bad Request", "", fmt.Errorf("the client does not speak HTTP: it began with %.80q", line))
	case !slices.Contains(methods, fields[0]):
		return refuse("405 Method Not Allowed", "Allow: "+strings.Join(methods, ", ")+"\r\n", fmt.Errorf("the client asked to %q", fields[0]))
	}
	if login != nil {
		given := h.all("Proxy-Authorization")
		if stale, ok := login.admits(given, fields[0], fields[1]); !ok {
			err := errAuth
			if stale || len(given) == 0 {
				err = ErrNoLogin
			}
			return refuse("407 Proxy Authentication Required", login.challenges(stale), err)
		}
	}
	if fields[0] == "CONNECT" {
		host, port, err := target(fields[1], "")
		if err != nil {
			return refuse("400 Bad Request", "", err)
		}
		return &Request{Kind: HTTP, Host: host, Port: port}, nil
	}
	r, err := plainRequest(fields, h)
	if err != nil {
		return refuse("400 Bad Request", "", err)
	}
	return r, nil
}

// ofOneHop are the header lines that are between the client and the proxy alone (RFC 9110, section 7.6.1), beside those that
// Connection names.
const ofOneHop = " proxy-authorization proxy-authenticate proxy-connection connection keep-alive te trailer upgrade "

// plainRequest rewrites a request for a URL into one for the origin. The
// connection serves this one request, so the origin is asked to close it. The
// version stays the client's: the answer comes back as it is, and a client of
// HTTP/1.0 would not understand one in chunks. A Host is the URL's, whatever the
// client wrote (RFC 9112, section 3.2.2), and a length that can be read in two
// ways is refused.
func plainRequest(fields []string, h head) (*Request, error) {
	authority, path, ok := splitURL(fields[1])
	u, err := url.Parse("http://" + authority)
	if !ok || err != nil || u.Host == "" {
		return nil, fmt.Errorf("the client asked for %.80q, which is no http:// address", fields[1])
	}
	if path == "" && fields[0] == "OPTIONS" {
		path = "*" // the server itself (RFC 9112, section 3.2.4)
	} else if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	host, port, err := target(u.Host, "80")
	if err != nil {
		return nil, err
	}
	drop := ofOneHop
	for _, v := range h.all("Connection") {
		for word := range strings.SplitSeq(v, ",") {
			drop += strings.ToLower(strings.TrimSpace(word)) + " "
		}
	}
	r := &Request{Kind: HTTP, Host: host, Port: port}
	if r.Body, err = bodyLength(fields[2], h, drop); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(fields[0] + " " + path + " " + fields[2] + "\r\nHost: " + u.Host + "\r\n")
	measured := false
	for _, line := range h {
		name := strings.ToLower(line[0])
		switch {
		case name == "" || strings.ContainsFunc(line[0]+line[1], control):
			return nil, fmt.Errorf("the client sent the header line %.80q", strings.TrimPrefix(line[0]+": "+line[1], ": "))
		case name == "host", strings.Contains(drop, " "+name+" "), name == "content-length" && measured:
			continue
		}
		measured = measured || name == "content-length"
		b.WriteString(line[0] + ": " + line[1] + "\r\n")
	}
	b.WriteString("Connection: close\r\n\r\n")
	r.Head = []byte(b.String())
	return r, nil
}

// splitURL splits an http:// URL into who is asked and for what, byte for byte as the client wrote it: an origin may tell
// %2f from / and has names for what is no URL's (RFC 9110, section 7.7).
func splitURL(s string) (authority, path string, ok bool) {
	const scheme = "http://"
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) || strings.ContainsFunc(s, control) {
		return "", "", false
	}
	s, _, _ = strings.Cut(s[len(scheme):], "#")
	i := strings.IndexAny(s, "/?")
	if i < 0 {
		i = len(s)
	}
	return s[:i], s[i:], true
}

// control says that a byte of a header line may be read as the end of it by somebody else.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

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
