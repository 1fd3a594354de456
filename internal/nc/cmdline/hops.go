package cmdline

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// Hop is one proxy of a chain.
type Hop struct {
	Kind       string // http, socks4, socks4a or socks5
	Host       string
	Port       int
	Login      bool // it has a user and password of its own
	User, Pass string
}

// Hops reads -x and -X: addresses separated by commas, each with its own kind in front (socks5://…) if it differs from -X's, and
// its own login (USER:PASS@, with %40 for an @). No error repeats a password.
func (c *Config) Hops() ([]Hop, error) {
	var out []Hop
	for w := range strings.SplitSeq(c.Proxy.Addr, ",") {
		h := Hop{Kind: "socks5"}
		if c.Proxy.Kind != "" {
			h.Kind = c.Proxy.Kind
		}
		w = strings.TrimSpace(w)
		if scheme, rest, ok := strings.Cut(w, "://"); ok {
			kind, err := proxyKind(scheme)
			if err != nil {
				return nil, report.Usage(err.Error(), "-x: %q is no kind of proxy", scheme)
			}
			h.Kind, w = kind, strings.TrimSuffix(rest, "/")
		}
		if at := strings.LastIndexByte(w, '@'); at >= 0 {
			user, pass, _ := strings.Cut(w[:at], ":")
			w = w[at+1:]
			var err1, err2 error
			h.User, err1 = url.PathUnescape(user)
			h.Pass, err2 = url.PathUnescape(pass)
			if err1 != nil || err2 != nil || user == "" {
				return nil, report.Usage("it is USER:PASS@ADDR:PORT, with %25 for a %; or --proxy-auth USER:PASS", "-x: the login in front of @%s cannot be read", w)
			}
			h.Login = true
		}
		host, port, ok := SplitHostPort(w)
		if !ok {
			host, port = strings.Trim(w, "[]"), "1080"
			if h.Kind == "http" {
				port = "3128"
			}
		}
		_, err := netip.ParseAddr(host)
		r, perr := ParsePorts(port, "tcp", false)
		if perr != nil || !r.One() || host == "" || err != nil && strings.ContainsAny(host, ":/ ") {
			return nil, report.Usage("it is ADDR:PORT, such as 127.0.0.1:1080 or [::1]:1080", "-x: %q is no address of a proxy", w)
		}
		h.Host, h.Port = host, r.Lo
		out = append(out, h)
	}
	return out, nil
}

// proxyKind reads a word of -X.
func proxyKind(v string) (string, error) {
	switch strings.ToLower(v) {
	case "4", "socks4":
		return "socks4", nil
	case "4a", "socks4a":
		return "socks4a", nil
	case "5", "socks5", "socks5h":
		return "socks5", nil
	case "connect", "http":
		return "http", nil
	}
	return "", errProxyKind
}
