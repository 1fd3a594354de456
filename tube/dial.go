package tube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
)

// WithTLS sets the TLS configuration of Dial, Connect and Listen on the
// network "tls". Without it, Dial verifies the server's certificate against
// the system's roots and the name that was dialled.
func WithTLS(c *tls.Config) Option { return func(cfg *config) { cfg.tls = c } }

// Dial connects to addr on network: "tcp", "tcp4", "tcp6", "tls", "udp",
// "udp4", "udp6", "unix" (a path, or @name for an abstract socket on Linux),
// "unixgram" or "unixpacket". ctx and WithTimeout limit the connecting; ctx
// does not outlive it (WithContext does).
func Dial(ctx context.Context, network, addr string, opts ...Option) (*Tube, error) {
	cfg := newConfig(opts)
	if cfg.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.timeout)
		defer cancel()
	}
	conn, err := dial(ctx, network, addr, cfg.tls)
	if err != nil {
		// package net names the operation, the network and the address itself
		return nil, &Error{Op: "tube", Err: err}
	}
	return wrap(conn, cfg), nil
}

// boundConn removes the file its socket is bound to.
type boundConn struct {
	*net.UnixConn
	path string
	once sync.Once
}

func (c *boundConn) Close() error {
	c.once.Do(func() { os.Remove(c.path) })
	return c.UnixConn.Close()
}

func dial(ctx context.Context, network, addr string, tc *tls.Config) (net.Conn, error) {
	if network == "tls" {
		return dialTLS(ctx, addr, tc)
	}
	if network == "unixgram" {
		return dialUnixgram(addr)
	}
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

// Connect is Dial for an address as challenges give it: "host:1337",
// "host 1337", "nc host 1337", "nc -u host 1337", "ncat --ssl host 1337",
// "openssl s_client -connect host:1337", or a URL: tcp://, tls:// (or ssl://),
// udp://, unix:///path, http:// and https:// (with their default ports). A
// prompt in front ("$ nc …") is passed over; netcat's -C and openssl's -crlf are
// WithNewline("\r\n").
func Connect(ctx context.Context, target string, opts ...Option) (*Tube, error) {
	network, addr, crlf, err := parseTarget(target)
	if err != nil {
		return nil, err
	}
	if crlf {
		opts = append([]Option{WithNewline("\r\n")}, opts...)
	}
	return Dial(ctx, network, addr, opts...)
}

// ParseTarget returns the network and address, as Dial takes them, of a
// target as Connect takes it.
func ParseTarget(target string) (network, addr string, err error) {
	network, addr, _, err = parseTarget(target)
	return network, addr, err
}

func parseTarget(target string) (network, addr string, crlf bool, err error) {
	words := strings.Fields(target)
	bad := func(why string) (string, string, bool, error) {
		return "", "", false, fmt.Errorf(`tube: connect to %q: %s; write it like "nc host 1337", "host:1337" or "tls://host:1337"`, target, why)
	}
	words = command(words)
	switch {
	case len(words) == 0:
		return bad("no address")
	case strings.Contains(words[0], "://"):
		if network, addr, err = parseURL(words[0]); err == nil && len(words) > 1 {
			err = errors.New("too many words")
		}
	case isNetcat(words[0]):
		network, addr, crlf, err = parseNetcat(words[1:])
	case words[0] == "openssl":
		network, addr, crlf, err = parseOpenssl(words[1:])
	case len(words) == 1:
		network, addr = "tcp", words[0]
	case len(words) == 2:
		network, addr = "tcp", net.JoinHostPort(unbracket(words[0]), words[1])
	default:
		err = errors.New("too many words")
	}
	if err != nil {
		return bad(err.Error())
	}
	if network == "unix" {
		return network, addr, crlf, nil
	}
	host, port, err := net.SplitHostPort(addr)
	switch {
	case strings.Count(addr, ":") > 1 && !strings.Contains(addr, "["):
		return bad(`an IPv6 address needs brackets, "[::1]:1337"`)
	case err != nil:
		return bad("no port")
	case host == "":
		return bad("no host")
	case strings.ContainsAny(host, "/\\[]@?#"):
		return bad(fmt.Sprintf("%q is no host", host))
	case port == "":
		return bad("no port")
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n == 0 {
		return bad(fmt.Sprintf("%q is no port (1 to 65535)", port))
	}
	return network, addr, crlf, nil
}

// command takes off a command line what people copy along with it: a prompt, `…` around it, a comment behind it, and what only readies
// the terminal.
func command(words []string) []string {
	if len(words) > 1 && (words[0] == "$" || words[0] == "#" || words[0] == ">") {
		words = words[1:]
	}
	if i := slices.IndexFunc(words, func(w string) bool { return w[0] == '#' }); i > 0 {
		words = words[:i]
	}
	if n := len(words); n > 0 && len(words[0]) > 1 && words[0][0] == '`' && strings.HasSuffix(words[n-1], "`") {
		words = strings.Fields(strings.Trim(strings.Join(words, " "), "`"))
	}
	if len(words) > 1 && words[0] == "stty" {
		end := slices.IndexFunc(words, func(w string) bool { return w == "&&" || strings.HasSuffix(w, ";") })
		words = words[end+1:]
	}
	if len(words) > 1 && words[0] == "rlwrap" {
		words = words[1:]
	}
	return words
}

func unbracket(host string) string {
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

func isNetcat(word string) bool {
	return word == "nc" || word == "ncat" || word == "netcat" || word == "telnet"
}

func parseURL(s string) (network, addr string, err error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", "", errors.New("not a URL")
	}
	port := u.Port()
	switch u.Scheme {
	case "tcp", "nc", "tcp4", "tcp6":
		network = strings.Replace(u.Scheme, "nc", "tcp", 1)
	case "udp", "udp4", "udp6":
		network = u.Scheme
	case "tls", "ssl":
		network = "tls"
	case "http":
		network = "tcp"
		if port == "" {
			port = "80"
		}
	case "https":
		network = "tls"
		if port == "" {
			port = "443"
		}
	case "unix":
		if _, path, _ := strings.Cut(s, "://"); strings.HasPrefix(path, "@") {
			return "unix", path, nil // an abstract name, which a URL takes for the end of a user's
		}
		if path := u.Host + u.Path; path != "" {
			return "unix", path, nil
		}
		return "", "", errors.New("no path")
	default:
		return "", "", fmt.Errorf("the scheme %q is none of tcp, tls, udp, unix, http, https", u.Scheme)
	}
	return network, net.JoinHostPort(u.Hostname(), port), nil
}

// parseNetcat reads the command lines that challenges give their players; a
// flag it does not know is refused, since it may change the meaning.
func parseNetcat(words []string) (network, addr string, crlf bool, err error) {
	network = "tcp"
	family := ""
	var rest []string
	for _, w := range words {
		switch w {
		case "--udp":
			network = "udp"
		case "--ssl":
			network = "tls"
		case "--unixsock":
			network = "unix"
		case "--crlf":
			crlf = true
		default:
			if !strings.HasPrefix(w, "-") {
				rest = append(rest, w)
				continue
			}
			for _, letter := range w[1:] {
				switch letter {
				case 'u':
					network = "udp"
				case 'U':
					network = "unix"
				case '4', '6':
					family = string(letter)
				case 'C':
					crlf = true
				case 'v', 'n', 'N':
				default:
					return "", "", false, fmt.Errorf("the flag %q is not known here", w)
				}
			}
		}
	}
	switch {
	case network == "unix" && len(rest) == 1:
		return network, rest[0], crlf, nil
	case network == "unix":
		return "", "", false, errors.New("one path is needed")
	case family != "" && network == "tls":
		return "", "", false, fmt.Errorf("-%s and --ssl do not go together here", family)
	case len(rest) == 1 && strings.Contains(rest[0], ":"):
		return network + family, rest[0], crlf, nil
	case len(rest) == 2:
		return network + family, net.JoinHostPort(unbracket(rest[0]), rest[1]), crlf, nil
	}
	return "", "", false, errors.New("a host and a port are needed")
}

// parseOpenssl reads openssl s_client with the flags that change little here.
func parseOpenssl(words []string) (network, addr string, crlf bool, err error) {
	if len(words) == 0 || words[0] != "s_client" {
		return "", "", false, errors.New("of openssl only s_client is known here")
	}
	words = words[1:]
	for len(words) > 0 {
		switch w := words[0]; {
		case (w == "-connect" || w == "--connect") && len(words) > 1:
			addr = words[1]
			words = words[1:]
		case w == "-crlf":
			crlf = true
		case w == "-quiet" || w == "-ign_eof" || w == "-no_ign_eof":
		case !strings.HasPrefix(w, "-") && addr == "":
			addr = w
		default:
			return "", "", false, fmt.Errorf("the flag %q is not known here", w)
		}
		words = words[1:]
	}
	if addr == "" {
		return "", "", false, errors.New("openssl s_client needs -connect host:port")
	}
	return "tls", addr, crlf, nil
}
