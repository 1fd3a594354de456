package proxy

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// challenge is one way to log in that a server offers (RFC 9110, section 11; Digest is RFC 7616).
type challenge struct {
	scheme string // lower case
	params map[string]string
}

var (
	authScheme = regexp.MustCompile(`^[ \t,]*([!#$%&'*+.^_` + "`" + `|~0-9A-Za-z-]+)(?:[ \t]+|[ \t]*,|$)`)
	authParam  = regexp.MustCompile(`^[ \t,]*([!#$%&'*+.^_` + "`" + `|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))[ \t]*(?:,|$)`)
	quotedPair = regexp.MustCompile(`\\(.)`)
)

// parseChallenges reads header values, each of which may hold several challenges, some without parameters.
func parseChallenges(values []string) []*challenge {
	var all []*challenge
	for _, v := range values {
		var c *challenge
		for v != "" {
			if m := authParam.FindStringSubmatch(v); m != nil && c != nil {
				value := m[3]
				if value == "" {
					value = quotedPair.ReplaceAllString(m[2], "$1")
				}
				c.params[strings.ToLower(m[1])] = value
				v = v[len(m[0]):]
			} else if m := authScheme.FindStringSubmatch(v); m != nil {
				c = &challenge{strings.ToLower(m[1]), map[string]string{}}
				all = append(all, c)
				v = v[len(m[0]):]
			} else {
				break // a token, or nonsense: the rest of this value tells nothing
			}
		}
	}
	return all
}

// algorithms are the hashes of Digest, by their names in lower case, best first.
var algorithms = []struct {
	name string
	make func() hash.Hash
}{{"sha-256", sha256.New}, {"md5", md5.New}}

func algorithm(c *challenge) func() hash.Hash {
	name := strings.ToLower(c.params["algorithm"])
	if name == "" {
		name = "md5"
	}
	for _, a := range algorithms {
		if a.name == name {
			return a.make
		}
	}
	return nil
}

// choose takes the challenge that tells the proxy least: Digest, with the best hash, before Basic; nil when there is none
// that can be answered.
func choose(values []string) *challenge {
	var basic, digest *challenge
	for _, c := range parseChallenges(values) {
		switch {
		case c.scheme == "basic":
			basic = c
		case c.scheme != "digest" || algorithm(c) == nil || c.params["nonce"] == "":
		case c.params["qop"] != "" && !offersAuth(c.params["qop"]):
		case digest == nil || strings.EqualFold(c.params["algorithm"], algorithms[0].name):
			digest = c
		}
	}
	if digest != nil {
		return digest
	}
	return basic
}

func offersAuth(qop string) bool {
	for q := range strings.SplitSeq(qop, ",") {
		if strings.EqualFold(strings.TrimSpace(q), "auth") {
			return true
		}
	}
	return false
}

// stale says that next asks for the same login again only because c's nonce is too old.
func (c *challenge) stale(next *challenge) bool {
	return next.scheme == "digest" && strings.EqualFold(next.params["stale"], "true") && next.params["nonce"] != c.params["nonce"]
}

// answer is the value of Proxy-Authorization.
func (c *challenge) answer(a *Auth, method, uri string) string {
	if c.scheme == "basic" {
		login := a.User + ":" + a.Pass
		if a.bare {
			login = a.User
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(login))
	}
	p := map[string]string{"username": a.User, "uri": uri}
	for _, k := range []string{"realm", "nonce", "opaque", "algorithm"} {
		if v, ok := c.params[k]; ok {
			p[k] = v
		}
	}
	if c.params["qop"] != "" {
		p["qop"], p["nc"], p["cnonce"] = "auth", "00000001", rand.Text()
	}
	p["response"] = digestResponse(algorithm(c), p, a.Pass, method)
	var b strings.Builder
	b.WriteString("Digest ")
	for i, k := range []string{"username", "realm", "nonce", "uri", "response", "opaque", "cnonce", "algorithm", "qop", "nc"} {
		v, ok := p[k]
		switch {
		case !ok:
			continue
		case i > 0:
			b.WriteString(", ")
		}
		if k == "algorithm" || k == "qop" || k == "nc" {
			b.WriteString(k + "=" + v)
		} else {
			b.WriteString(k + `="` + quoted.Replace(v) + `"`)
		}
	}
	return b.String()
}

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// digestResponse computes the response of RFC 7616, section 3.4.1; without a qop that of RFC 2069.
func digestResponse(algorithm func() hash.Hash, p map[string]string, pass, method string) string {
	sum := func(s string) string {
		h := algorithm()
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
	a1 := sum(p["username"] + ":" + p["realm"] + ":" + pass)
	a2 := sum(method + ":" + p["uri"])
	if p["qop"] == "" {
		return sum(a1 + ":" + p["nonce"] + ":" + a2)
	}
	return sum(strings.Join([]string{a1, p["nonce"], p["nc"], p["cnonce"], p["qop"], a2}, ":"))
}

// Login is what clients of an HTTP proxy must know; it takes Digest and Basic.
type Login struct {
	Auth
	key [32]byte // signs the nonces
	now func() time.Time
}

// NewLogin makes a Login of one user.
func NewLogin(a Auth) *Login {
	l := &Login{Auth: a, now: time.Now}
	rand.Read(l.key[:])
	return l
}

const (
	realm     = "nc"
	nonceLife = 5 * time.Minute
)

// challenges are the header lines of a refusal.
func (l *Login) challenges(stale bool) string {
	nonce := l.nonce(l.now())
	s := fmt.Sprintf("Proxy-Authenticate: Digest realm=%q, nonce=%q, qop=\"auth\", algorithm=MD5", realm, nonce)
	if stale {
		s += ", stale=true"
	}
	return s + fmt.Sprintf("\r\nProxy-Authenticate: Basic realm=%q\r\n", realm)
}

// nonce tells when it was made, and only this Login can make it.
func (l *Login) nonce(at time.Time) string {
	when := strconv.FormatInt(at.Unix(), 16)
	mac := hmac.New(sha256.New, l.key[:])
	mac.Write([]byte(when))
	return when + "-" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// fresh says whether a nonce is one of l's, and not too old.
func (l *Login) fresh(nonce string) (own, fresh bool) {
	when, _, _ := strings.Cut(nonce, "-")
	at, err := strconv.ParseInt(when, 16, 64)
	if err != nil || !hmac.Equal([]byte(nonce), []byte(l.nonce(time.Unix(at, 0)))) {
		return false, false
	}
	return true, l.now().Sub(time.Unix(at, 0)) < nonceLife
}

// admits checks what a client answered; stale says that it was right, with a nonce that is too old.
func (l *Login) admits(values []string, method, uri string) (stale, ok bool) {
	if len(values) != 1 {
		return false, false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	switch strings.ToLower(scheme) {
	case "basic":
		p, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
		user, pass, ok := strings.Cut(string(p), ":")
		return false, err == nil && ok && same(&l.Auth, user, pass)
	case "digest":
		all := parseChallenges(values)
		if len(all) != 1 {
			return false, false
		}
		p := all[0].params
		own, fresh := l.fresh(p["nonce"])
		hash := algorithm(all[0])
		if !own || hash == nil || p["username"] != l.User || p["realm"] != realm || !sameResource(p["uri"], uri) || p["qop"] != "" && (p["qop"] != "auth" || p["nc"] == "" || p["cnonce"] == "") {
			return false, false
		}
		right := subtle.ConstantTimeCompare([]byte(strings.ToLower(p["response"])), []byte(digestResponse(hash, p, l.Pass, method))) == 1
		return right && !fresh, right && fresh
	}
	return false, false
}

// sameResource says that a login is for what was requested: some clients name it by its path alone, though they ask a proxy
// for the whole URL.
func sameResource(named, requested string) bool {
	if named == requested {
		return true
	}
	u, err := url.Parse(requested)
	return err == nil && u.Host != "" && named == u.RequestURI()
}
