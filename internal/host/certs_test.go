package host

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCertificatePlace: a directory that certificates cannot be kept in is told before anybody plays.
func TestCertificatePlace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(file, "below")} {
		c := certFlags{dir: bad}
		_, err := c.place()
		var setting *SettingError
		if !errors.As(err, &setting) || setting.Hint() == "" {
			t.Errorf("%s: got %v, want an error with a hint", bad, err)
		}
	}
	good := filepath.Join(dir, "a", "b")
	c := certFlags{dir: good}
	got, err := c.place()
	left, _ := os.ReadDir(good)
	if got != good || err != nil || len(left) != 0 {
		t.Errorf("got %q, %v, and %v in it", got, err, left)
	}
}

// writeCert makes a certificate for host and writes it, with its key, into one file.
func writeCert(t *testing.T, name, host string) (der []byte) {
	t.Helper()
	cert, err := makeCert(host)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	pem.Encode(&b, &pem.Block{Type: "EC PRIVATE KEY", Bytes: key})
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return cert.Certificate[0]
}

// TestRenewedFiles: certificates that were renewed are shown without a restart, and what cannot be used is not.
func TestRenewedFiles(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.pem"), filepath.Join(dir, "two.pem")
	synctest.Test(t, func(t *testing.T) {
		first, second := writeCert(t, one, "192.0.2.1"), writeCert(t, two, "192.0.2.2")
		var log bytes.Buffer
		c := certFlags{certs: []string{one, two}}
		cfg, err := c.files(slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		shown := func(name string, want []byte) {
			t.Helper()
			cert, err := cfg.GetCertificate(&tls.ClientHelloInfo{
				ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			})
			if err != nil || !bytes.Equal(cert.Certificate[0], want) {
				t.Errorf("%s is shown another certificate (%v)", name, err)
			}
		}
		shown("192.0.2.2", second)
		shown("192.0.2.1", first)
		shown("elsewhere.example", first)

		// Half of a renewal: it is told, once, and the old ones stay.
		if err := os.WriteFile(two, []byte("-----BEGIN"), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(lookAgain)
			shown("192.0.2.2", second)
		}
		if got := strings.Count(log.String(), "two.pem"); got != 2 || strings.Count(log.String(), "the old one stays") != 1 {
			t.Errorf("the log says:\n%s", log.String())
		}
		// A link to another file, as certbot has it.
		next := filepath.Join(dir, "two-2.pem")
		third := writeCert(t, next, "192.0.2.2")
		if err := os.Remove(two); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(next, two); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookAgain)
		shown("192.0.2.2", third)
		shown("192.0.2.1", first)
		if !strings.Contains(log.String(), "certificates read again") {
			t.Errorf("the log says:\n%s", log.String())
		}
	})
}
