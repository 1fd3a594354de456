package levels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	webTime     = 30 * time.Second // for one request as a whole
	webRequests = 32               // on one connection
	webHeader   = 8 << 10          // bytes in a request's line and fields
	webBody     = 1 << 10
)

// web: HTTP/1.1 by hand. The server reads strictly, and where a request is wrong says what is missing.
//
// The word that is to be posted belongs to the connection, so a player must find the end of the first
// response by its Content-Length.
func web(Options) Level {
	return tcp(webText, func(_ context.Context, p *player) error {
		p.told = true // in HTTP's words
		s := &webSession{p: p}
		for range webRequests {
			req, bad := readRequest(p.Within(webTime))
			if bad != nil {
				return s.refuse(bad)
			}
			again, err := s.serve(req)
			if err != nil || !again {
				return err
			}
		}
		return nil
	})
}

// webSession is one connection.
type webSession struct {
	p    *player
	word string // "" until the player has asked for the page
	last string // of what was answered last, to explain a next request that is none
}

// request is an HTTP request that was well formed.
type request struct {
	method, path string
	closes       bool // the player wants the connection closed
	body         string
}

// badRequest is why a request is answered with an error and the connection is closed: what follows on it
// can not be trusted to be a request.
type badRequest struct {
	status int
	why    string
	err    error // of the tube: nothing, or not all, came
}

func bad(status int, format string, args ...any) *badRequest {
	return &badRequest{status: status, why: fmt.Sprintf(format, args...)}
}

// readRequest reads one request (RFC 9112), all of it within the view's deadline.
func readRequest(t *tube.Tube) (*request, *badRequest) {
	left := webHeader
	start, b := readHeaderLine(t, &left)
	if b != nil {
		return nil, b
	}
	if start == "" { // RFC 9112, section 2.2: one empty line before a request is ignored
		if start, b = readHeaderLine(t, &left); b != nil {
			return nil, b
		}
	}
	req, b := parseStart(start)
	if b != nil {
		return nil, b
	}
	fields := map[string]string{}
	for {
		line, b := readHeaderLine(t, &left)
		if b != nil {
			return nil, b
		}
		if line == "" {
			break
		}
		if b := parseField(line, fields); b != nil {
			return nil, b
		}
	}
	return req, readBody(t, req, fields)
}

// readHeaderLine reads one line of the header, which must end with CRLF.
func readHeaderLine(t *tube.Tube, left *int) (string, *badRequest) {
	line, err := t.RecvUntil("\n")
	*left -= len(line)
	switch {
	case errors.Is(err, tube.ErrTooLong) || *left < 0:
		return "", bad(431, "The header has more than %d bytes.", webHeader)
	case err != nil:
		var e *tube.Error
		errors.As(err, &e)
		b := bad(408, "The header is not complete: after its last line comes an empty one, CRLF alone.")
		if e != nil && e.N > 0 {
			b.why = fmt.Sprintf("%s is no whole line: it ends with CRLF.", quote(string(e.Got)))
		}
		b.err = err
		return "", b
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", bad(400, "The line %s ends with LF alone; in HTTP lines end with CRLF, \\r\\n (RFC 9112, section 2.2).", quote(strings.TrimSuffix(line, "\n")))
	}
	return text, nil
}

// parseStart reads "GET / HTTP/1.1".
func parseStart(line string) (*request, *badRequest) {
	words := strings.Split(line, " ")
	if len(words) != 3 {
		return nil, bad(400, "%s is no request line: method, target and version, with one blank between, as GET / HTTP/1.1 (RFC 9112, section 3).", quote(line))
	}
	method, target, version := words[0], words[1], words[2]
	if version != "HTTP/1.1" {
		if !strings.HasPrefix(version, "HTTP/") {
			return nil, bad(400, "%s is no version: the request line ends with HTTP/1.1.", quote(version))
		}
		return nil, bad(505, "You speak %s, this level HTTP/1.1.", version)
	}
	if rest, ok := strings.CutPrefix(target, "http://"); ok { // the absolute form, which a server must accept
		_, path, _ := strings.Cut(rest, "/")
		target = "/" + path
	}
	if !strings.HasPrefix(target, "/") {
		return nil, bad(400, "The target %s does not begin with a slash.", quote(target))
	}
	return &request{method: method, path: target}, nil
}

// parseField reads "Name: value".
func parseField(line string, fields map[string]string) *badRequest {
	name, value, ok := strings.Cut(line, ":")
	key := strings.ToLower(name)
	switch {
	case line[0] == ' ' || line[0] == '\t':
		return bad(400, "The header line %s begins with a blank; folded lines are history (RFC 9112, section 5.2).", quote(line))
	case !ok || name == "":
		return bad(400, "%s is no header field: name, colon, value.", quote(line))
	case strings.ContainsAny(name, " \t"):
		return bad(400, "There is a blank before the colon in %s (RFC 9112, section 5.1).", quote(line))
	}
	value = strings.Trim(value, " \t")
	if before, twice := fields[key]; twice && (key == "host" || key == "content-length" && before != value) {
		return bad(400, "There are two %s fields.", http.CanonicalHeaderKey(name))
	}
	fields[key] = value
	return nil
}

// readBody checks what the fields say about the request and its body, and reads it.
func readBody(t *tube.Tube, req *request, fields map[string]string) *badRequest {
	if host, ok := fields["host"]; !ok || host == "" {
		return bad(400, "The Host field is missing: one server may have many names, so HTTP/1.1 demands it (RFC 9112, section 3.2).")
	}
	req.closes = strings.EqualFold(fields["connection"], "close")
	if v, ok := fields["transfer-encoding"]; ok {
		return bad(501, "I do not know Transfer-Encoding %s: say the length of the body with Content-Length.", quote(v))
	}
	length, ok := fields["content-length"]
	if !ok {
		if req.method == http.MethodPost {
			return bad(411, "The Content-Length field is missing: without it nobody knows where your body ends.")
		}
		return nil
	}
	n, err := strconv.ParseUint(length, 10, 31)
	if err != nil {
		return bad(400, "Content-Length: %s is no number of bytes.", quote(length))
	}
	if n > webBody {
		return bad(413, "A body of %d bytes is too long; %d are enough here.", n, webBody)
	}
	body, err := t.RecvN(int(n))
	if err != nil {
		have := 0
		if e := (*tube.Error)(nil); errors.As(err, &e) {
			have = e.N
		}
		return &badRequest{408, fmt.Sprintf("Content-Length announces %d bytes, and only %d came.", n, have), err}
	}
	req.body = body
	return nil
}

// refuse answers a request that is none.
func (s *webSession) refuse(b *badRequest) error {
	if errors.Is(b.err, io.EOF) || b.err != nil && !errors.Is(b.err, os.ErrDeadlineExceeded) && !errors.Is(b.err, io.ErrUnexpectedEOF) {
		return b.err // gone, without a word to explain
	}
	if b.status == 400 && s.last == http.MethodPost {
		b.why += " (What I read here is what followed the body of your POST: is its Content-Length too small?)"
	}
	text := "NO " + b.why + "\n" + s.p.level.hint()
	if b.status == 408 && s.last == "" {
		text = s.p.level.greeting() + text
	}
	return errors.Join(b.err, s.send(b.status, text, true))
}

// serve answers a request; it says whether the connection goes on.
func (s *webSession) serve(r *request) (again bool, err error) {
	s.last = r.method
	status, text := 200, ""
	switch {
	case r.method != http.MethodGet && r.method != http.MethodPost:
		status, text = 405, "NO I know GET and POST.\n"
	case r.path == "/" && r.method == http.MethodGet:
		if s.word == "" {
			s.word = word(newRand())
		}
		text = s.p.level.greeting() + "WORD " + s.word + "\n"
	case r.path == "/hint" && r.method == http.MethodGet:
		text = s.p.level.hint()
	case r.path != "/flag":
		status, text = 404, "NO There is no "+quote(r.path)+" here; there are /, /hint and /flag.\n"
	case r.method == http.MethodGet:
		status, text = 405, "NO The flag is for those who POST the word.\n"
	case s.word == "":
		status, text = 403, "NO GET / first, on this same connection: the word is new for each.\n"
	case r.body == "word="+s.word:
		text = "FLAG " + s.p.Flag + "\n"
	default:
		status, text = 403, "NO The body was "+quote(r.body)+", and should be "+quote("word="+s.word)+".\n"
	}
	return !r.closes, s.send(status, text, r.closes)
}

// send sends a response with everything that RFC 9110 and 9112 ask of one.
func (s *webSession) send(status int, body string, closes bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n",
		status, http.StatusText(status), time.Now().UTC().Format(http.TimeFormat), len(body))
	if status == 405 {
		allow := "GET"
		if s.last == http.MethodGet {
			allow = "POST"
		}
		b.WriteString("Allow: " + allow + "\r\n")
	}
	if closes {
		b.WriteString("Connection: close\r\n")
	}
	return s.p.Send(b.String() + "\r\n" + body)
}

func solveWeb(_ context.Context, t *tube.Tube) (string, error) {
	page, err := fetch(t, "GET / HTTP/1.1\r\nHost: flagstaff.test\r\n\r\n")
	if err != nil {
		return "", err
	}
	_, w, _ := strings.Cut(page, "WORD ")
	body := "word=" + strings.TrimSpace(w)
	page, err = fetch(t, fmt.Sprintf("POST /flag HTTP/1.1\r\nHost: flagstaff.test\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if err != nil {
		return "", err
	}
	flag, ok := strings.CutPrefix(page, "FLAG ")
	if !ok {
		return "", fmt.Errorf("no flag in %q", page)
	}
	return strings.TrimSpace(flag), nil
}

// fetch sends a request and returns the body of the response.
func fetch(t *tube.Tube, request string) (string, error) {
	if err := t.Send(request); err != nil {
		return "", err
	}
	header, err := t.RecvUntil("\r\n\r\n")
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(header, "\r\n") {
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			n, err := strconv.Atoi(v)
			if err != nil {
				return "", fmt.Errorf("read %q: %w", line, err)
			}
			return t.RecvN(n)
		}
	}
	return "", fmt.Errorf("no Content-Length in %q", header)
}
