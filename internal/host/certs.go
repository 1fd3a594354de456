package host

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// acmeProtocol is the application protocol in which a certificate authority looks at who has a name (RFC 8737).
const acmeProtocol = "acme-tls/1"

// certFlags say where certificates come from.
type certFlags struct {
	certs, keys []string
	acme        []string
	email       string
	ca          string
	roots       string
	dir         string
}

// config makes the server's side of TLS. host is where it listens. made is the fingerprint of a certificate that was made
// up, or "". run, if not nil, gets certificates and must be called once the port is listened on; it ends with its context.
func (c *certFlags) config(ctx context.Context, addr net.Addr, log *slog.Logger) (cfg *tls.Config, made string, run func(), err error) {
	switch {
	case len(c.acme) > 0:
		cfg, run, err = c.automatic(ctx, addr, log)
		return cfg, "", run, err
	case len(c.certs) > 0:
		cfg, err = c.files(log)
		return cfg, "", nil, err
	}
	host, _, _ := net.SplitHostPort(addr.String())
	cert, err := makeCert(host)
	if err != nil {
		return nil, "", nil, err
	}
	sum := sha256.Sum256(cert.Certificate[0])
	return &tls.Config{Certificates: []tls.Certificate{cert}}, hex.EncodeToString(sum[:]), nil, nil
}

// check finds mistakes in the flags, before anything is listened on.
func (c *certFlags) check() error {
	switch {
	case len(c.acme) > 0 && len(c.certs) > 0:
		return settingError("certificates come from files or from an authority", "--acme and --tls-cert exclude each other")
	case len(c.keys) > len(c.certs) || len(c.keys) < len(c.certs) && len(c.keys) > 0:
		return settingError("give one --tls-key for each --tls-cert, in the same order, or none where the key is in the certificate's file", "%d --tls-cert and %d --tls-key", len(c.certs), len(c.keys))
	case len(c.acme) == 0 && (c.email != "" || c.roots != "" || c.dir != "" || c.ca != certmagic.LetsEncryptProductionCA):
		return settingError("--acme NAME asks for a certificate", "--acme-email, --acme-ca, --acme-root and --acme-dir are of no use without --acme")
	}
	if u, err := url.Parse(c.ca); err != nil || u.Scheme != "https" || u.Host == "" {
		return settingError("give the directory's whole URL, as "+certmagic.LetsEncryptProductionCA, "--acme-ca %q is no https URL", c.ca)
	}
	for _, name := range c.acme {
		// This challenge of the authority's (TLS-ALPN-01) is for one name, not for a pattern.
		if !strings.Contains(name, ".") || net.ParseIP(name) != nil || strings.ContainsFunc(name, notOfHostNames) {
			return settingError("give the name that players connect to, as chal.example.org", "--acme %q is no public host name", name)
		}
	}
	return nil
}

func notOfHostNames(r rune) bool {
	letter := 'a' <= r|0x20 && r|0x20 <= 'z' // names in other scripts are written with these, as xn--
	return !letter && (r < '0' || r > '9') && r != '-' && r != '.'
}

// files reads the certificates.
func (c *certFlags) files(log *slog.Logger) (*tls.Config, error) {
	var paths []certPaths
	for i, path := range c.certs {
		key := path
		if len(c.keys) > 0 {
			key = c.keys[i]
		}
		paths = append(paths, certPaths{path, key})
	}
	f, err := openCertFiles(paths, log)
	if err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: f.get}, nil
}

// makeCert makes up a certificate for host, good for a year. Nobody vouches for it: players pin it, or do not verify.
func makeCert(host string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "flagstaff"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost", "*.localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		template.IPAddresses = append(template.IPAddresses, ip)
	}
	if name, err := os.Hostname(); err == nil && !slices.Contains(template.DNSNames, name) {
		template.DNSNames = append(template.DNSNames, name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// place returns the directory that certificates are kept in. The authority is asked long after the start, and what cannot be
// kept then is said nowhere: so it is tried now.
func (c *certFlags) place() (string, error) {
	dir, hint := c.dir, "give a directory that you may write to"
	if dir == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			return "", settingError("--acme-dir DIR says where", "no place to keep certificates in: %w", err)
		}
		dir, hint = filepath.Join(base, "flagstaff", "acme"), "--acme-dir DIR keeps them elsewhere"
	}
	err := os.MkdirAll(dir, 0o700)
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(dir, ".try-")
	}
	if err != nil {
		return "", settingError(hint, "keep certificates in %s: %w", dir, err)
	}
	f.Close()
	return dir, os.Remove(f.Name())
}

// automatic gets certificates from an authority by ACME, which looks at the challenge's own port (TLS-ALPN-01).
func (c *certFlags) automatic(ctx context.Context, addr net.Addr, log *slog.Logger) (*tls.Config, func(), error) {
	dir, err := c.place()
	if err != nil {
		return nil, nil, err
	}
	var roots *x509.CertPool
	if c.roots != "" {
		pem, err := readPEM(c.roots)
		if err != nil {
			return nil, nil, settingError("give a PEM file", "--acme-root: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) {
			return nil, nil, settingError("give a PEM file", "--acme-root %s holds no certificate", c.roots)
		}
	}
	host, port, _ := net.SplitHostPort(addr.String())
	number, _ := strconv.Atoi(port)
	var magic *certmagic.Config
	quiet := zap.NewNop() // what matters comes as events
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		Logger:           quiet,
	})
	magic = certmagic.New(cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: dir}, Logger: quiet,
		DefaultServerName: c.acme[0], FallbackServerName: c.acme[0], // netcats that send no name
		OnEvent: func(_ context.Context, event string, data map[string]any) error {
			switch event {
			case "cert_obtained":
				log.Info("certificate obtained", "name", data["identifier"], "renewal", data["renewal"])
			case "cert_failed":
				log.Error("no certificate", "name", data["identifier"], "error", data["error"],
					"hint", "the authority connects to port 443 of that name: it must lead to this port")
			}
			return nil
		},
	})
	magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{
		CA: c.ca, TestCA: c.ca, Email: c.email, Agreed: true, TrustedRoots: roots, Logger: quiet,
		DisableHTTPChallenge: true, ListenHost: host, AltTLSALPNPort: number,
	})}
	cfg := magic.TLSConfig()
	cfg.NextProtos = nil // players may offer any protocol, or none
	looks := cfg.Clone()
	looks.NextProtos = []string{acmeProtocol}
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, acmeProtocol) {
			return looks, nil
		}
		return nil, nil
	}
	context.AfterFunc(ctx, cache.Stop)
	return cfg, func() {
		if err := magic.ManageAsync(ctx, c.acme); err != nil {
			log.Error("no certificate", "names", c.acme, "error", err)
		}
	}, nil
}
