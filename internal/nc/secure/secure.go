// Package secure is TLS for nc: it verifies by default, says why a certificate
// is refused, and how to go on safely.
//
//	p := &secure.Peer{Options: cmdline.TLSOptions{On: true}, Host: "chal.example.org", Report: r}
//	conn, err := p.Connect(ctx, conn)
//
// A server without a certificate of its own makes one for the run, and tells its
// fingerprint. What the options get wrong is a usage error.
package secure

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// A Peer is this side of connections with TLS. Its fields are not changed while
// it is used; its methods may be called by many at once.
type Peer struct {
	Options cmdline.TLSOptions
	Host    string        // whom to connect to, or where to listen
	Limit   time.Duration // for a handshake; 0: half a minute
	Report  *report.Reporter
}

// handshakeLimit bounds a TLS handshake that -w and --wait do not.
const handshakeLimit = 30 * time.Second

// readPin reads a SHA-256 fingerprint in any usual spelling: hex, with colons, with a prefix, as openssl x509 prints it.
func readPin(s string) ([]byte, error) {
	s = strings.ToLower(s)
	for _, prefix := range []string{"sha256:", "sha256=", "sha-256:", "sha256//", "sha256 fingerprint="} {
		s = strings.TrimPrefix(s, prefix)
	}
	p, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(s))
	if err != nil || len(p) != sha256.Size {
		return nil, fmt.Errorf("a SHA-256 fingerprint is 64 hex digits, with or without colons")
	}
	return p, nil
}

// fingerprint writes a certificate's pin the way openssl does.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	var b strings.Builder
	for i, c := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", c)
	}
	return b.String()
}

// common is what both sides take from the command line. Mistakes in it are usage errors.
func common(t *cmdline.TLSOptions) (*tls.Config, error) {
	conf := &tls.Config{NextProtos: t.ALPN}
	if t.Cert != "" {
		key := t.Key
		if key == "" {
			key = t.Cert // both in one file
		}
		pair, err := tls.LoadX509KeyPair(t.Cert, key)
		if err != nil {
			return nil, pairError(err, t.Cert, key)
		}
		conf.Certificates = []tls.Certificate{pair}
		// Asked for one, show it, whomever the server names: it may know the issuer by one that it does not name.
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	if t.TrustFile != "" {
		p, err := os.ReadFile(t.TrustFile)
		if err != nil {
			return nil, report.WithHint(err, "--ssl-trustfile is a PEM file")
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(p) {
			return nil, report.WithHint(fmt.Errorf("there is no certificate in %s", t.TrustFile), "it holds -----BEGIN CERTIFICATE----- blocks")
		}
		conf.ClientCAs = conf.RootCAs
	}
	if t.Ciphers != "" {
		suites, err := cipherSuites(t.Ciphers)
		if err != nil {
			return nil, err
		}
		conf.CipherSuites = suites
	}
	return conf, nil
}

// opensslNames are OpenSSL's names of the suites crypto/tls has, where they
// cannot be derived from IANA's by taking off TLS_, _WITH_ and the like.
func opensslName(iana string) string {
	s := strings.TrimPrefix(iana, "TLS_")
	s = strings.Replace(s, "RSA_WITH_", "", 1)
	if strings.HasPrefix(iana, "TLS_ECDHE_RSA") {
		s = strings.TrimPrefix(iana, "TLS_")
	}
	s = strings.Replace(s, "_WITH_", "_", 1)
	s = strings.Replace(s, "AES_128", "AES128", 1)
	s = strings.Replace(s, "AES_256", "AES256", 1)
	s = strings.Replace(s, "_CBC", "", 1)
	s = strings.Replace(s, "CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305", 1)
	return strings.ReplaceAll(s, "_", "-")
}

func cipherSuites(list string) ([]uint16, error) {
	var out []uint16
	all := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	for _, w := range strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' }) {
		found := false
		for _, s := range all {
			if strings.EqualFold(w, s.Name) || strings.EqualFold(w, opensslName(s.Name)) {
				out, found = append(out, s.ID), true
			}
		}
		if !found {
			return nil, report.Usage("name suites such as ECDHE-RSA-AES128-GCM-SHA256, separated by colons; OpenSSL's groups (HIGH, !aNULL) are not understood", "there is no cipher suite %q here", w)
		}
	}
	return out, nil
}

// Check says what is wrong with a client's options, before anything is dialled for them.
func (p *Peer) Check() error {
	if t := &p.Options; t.Fingerprint != "" {
		if _, err := readPin(t.Fingerprint); err != nil {
			return report.Usage(err.Error(), "--ssl-fingerprint: %q will not do", t.Fingerprint)
		}
	}
	_, err := common(&p.Options)
	return err
}

// Connect makes the client's handshake.
func (p *Peer) Connect(ctx context.Context, conn net.Conn) (net.Conn, error) {
	t := &p.Options
	conf, err := common(&p.Options)
	if err != nil {
		return nil, err
	}
	conf.Renegotiation = tls.RenegotiateFreelyAsClient // TLS 1.2's way to ask for a certificate late
	conf.ServerName = t.ServerName
	if conf.ServerName == "" {
		conf.ServerName = p.Host
	}
	switch {
	case t.Fingerprint != "":
		pin, err := readPin(t.Fingerprint)
		if err != nil {
			return nil, report.Usage(err.Error(), "--ssl-fingerprint: %q will not do", t.Fingerprint)
		}
		// The pin stands for the whole verification.
		conf.InsecureSkipVerify = true
		conf.VerifyConnection = func(cs tls.ConnectionState) error { return checkPin(cs, pin) }
	case t.Insecure:
		conf.InsecureSkipVerify = true
	}
	var shown []*x509.Certificate
	if !conf.InsecureSkipVerify {
		// Verified by hand so that a refusal can show what was refused.
		roots := conf.RootCAs
		conf.InsecureSkipVerify = true
		conf.VerifyConnection = func(cs tls.ConnectionState) error {
			shown = cs.PeerCertificates
			return verifyPeer(cs, roots, conf.ServerName)
		}
	}
	below := newGather(conn)
	tc := tls.Client(below, conf)
	if err := p.handshake(ctx, tc); err != nil {
		conn.Close()
		return nil, tlsError(err, conf.ServerName, shown)
	}
	p.tell(tc.ConnectionState())
	return &bulkConn{Conn: tc, below: below}, nil
}

func verifyPeer(cs tls.ConnectionState, roots *x509.CertPool, name string) error {
	opts := x509.VerifyOptions{Roots: roots, DNSName: name, Intermediates: x509.NewCertPool()}
	for _, c := range cs.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(opts)
	return err
}

// pinError is a certificate that is not the expected one.
type pinError struct{ got string }

func (e *pinError) Error() string { return "the certificate is another: " + e.got }

func checkPin(cs tls.ConnectionState, pin []byte) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the peer showed no certificate")
	}
	sum := sha256.Sum256(cs.PeerCertificates[0].Raw)
	if !bytes.Equal(sum[:], pin) {
		return &pinError{fingerprint(cs.PeerCertificates[0])}
	}
	return nil
}

func (p *Peer) handshake(ctx context.Context, tc *tls.Conn) error {
	limit := p.Limit
	if limit == 0 {
		limit = handshakeLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return tc.HandshakeContext(ctx)
}

func (p *Peer) tell(cs tls.ConnectionState) {
	version, suite := tls.VersionName(cs.Version), tls.CipherSuiteName(cs.CipherSuite)
	fields := []any{"version", version, "cipher", suite, "alpn", cs.NegotiatedProtocol, "resumed", cs.DidResume}
	if len(cs.PeerCertificates) > 0 {
		leaf := cs.PeerCertificates[0]
		fields = append(fields, "subject", leaf.Subject.String(), "fingerprint", fingerprint(leaf))
		p.Report.Say("%s %s, certificate of %s, SHA-256 %s", version, suite, subject(leaf), fingerprint(leaf))
	} else {
		p.Report.Say("%s %s", version, suite)
	}
	if cs.NegotiatedProtocol != "" {
		p.Report.Say("The protocol is %s (ALPN).", cs.NegotiatedProtocol)
	}
	p.Report.Event("tls", fields...)
}

// subject is what a certificate calls itself.
func subject(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return strings.Join(c.DNSNames, ", ")
	}
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	if s := c.Subject.String(); s != "" {
		return s
	}
	return "nobody"
}

// ServerConfig is the listener's configuration.
func (p *Peer) ServerConfig() (*tls.Config, error) {
	conf, err := common(&p.Options)
	if err != nil {
		return nil, err
	}
	// Tickets would lie unread at a client that only writes; its close would then be a reset, which takes with it what it wrote.
	conf.SessionTicketsDisabled = true
	if len(conf.Certificates) == 0 {
		cert, err := selfSigned(p.Host)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{cert}
		p.Report.Say("Made a certificate for this run; to pin it: --ssl-fingerprint %s", fingerprint(cert.Leaf))
	}
	t := &p.Options
	if len(t.ALPN) > 0 {
		conf.GetConfigForClient = strictALPN(conf)
	}
	switch {
	case t.Fingerprint != "":
		pin, err := readPin(t.Fingerprint)
		if err != nil {
			return nil, report.Usage(err.Error(), "--ssl-fingerprint: %q will not do", t.Fingerprint)
		}
		conf.ClientAuth = tls.RequireAnyClientCert
		conf.VerifyConnection = func(cs tls.ConnectionState) error { return checkPin(cs, pin) }
	case t.AsksClient():
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

// strictALPN refuses a client that offers none of the protocols. One that knows HTTP/1.1 alone crypto/tls lets in where h2 is
// asked for, for the sake of web servers.
func strictALPN(conf *tls.Config) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered := func(name string) bool { return slices.Contains(hello.SupportedProtos, name) }
		if slices.ContainsFunc(conf.NextProtos, offered) {
			return nil, nil
		}
		strict := conf.Clone()
		strict.NextProtos = []string{"none that was offered"}
		return strict, nil
	}
}

// selfSigned makes a certificate for one run.
func selfSigned(host string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "nc"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if a, err := netip.ParseAddr(host); err == nil {
		tmpl.IPAddresses = append(tmpl.IPAddresses, a.AsSlice())
	} else if host != "" {
		tmpl.DNSNames = append(tmpl.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// Accept makes the server's handshake with what ServerConfig returned.
func (p *Peer) Accept(ctx context.Context, conn net.Conn, conf *tls.Config) (net.Conn, error) {
	below := newGather(conn)
	tc := tls.Server(below, conf)
	if err := p.handshake(ctx, tc); err != nil {
		conn.Close()
		return nil, clientError(err, conn.RemoteAddr())
	}
	p.tell(tc.ConnectionState())
	return &bulkConn{Conn: tc, below: below}, nil
}
