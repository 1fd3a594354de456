package secure

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/cmdline"
	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// meet makes a handshake between client and server, and says what each thinks of it.
func meet(t *testing.T, client, server cmdline.TLSOptions, host string, cert *tls.Certificate) (cerr, serr error) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r := &report.Reporter{W: null}
	s := &Peer{Options: server, Host: "chal.test", Report: r}
	conf, err := s.ServerConfig()
	if err != nil {
		t.Fatal(err)
	}
	if cert != nil {
		conf.Certificates = []tls.Certificate{*cert}
	}
	a, b := memnet.Pipe(64 << 10)
	done := make(chan error, 1)
	go func() {
		conn, err := s.Accept(t.Context(), b, conf)
		if err == nil {
			_, err = io.WriteString(conn, "x")
		}
		done <- err
	}()
	c := &Peer{Options: client, Host: host, Report: r}
	conn, cerr := c.Connect(t.Context(), a)
	if cerr == nil {
		// TLS 1.3: the server judges the client's certificate after the client is done.
		_, cerr = io.ReadFull(conn, make([]byte, 1))
	}
	a.Close()
	return cerr, <-done
}

func TestTrust(t *testing.T) {
	cert, err := selfSigned("chal.test")
	if err != nil {
		t.Fatal(err)
	}
	pin := fingerprint(cert.Leaf)
	for name, c := range map[string]struct {
		client cmdline.TLSOptions
		want   string // of the client's error
	}{
		"nobody vouches": {cmdline.TLSOptions{}, "signed by itself"},
		"insecure":       {cmdline.TLSOptions{Insecure: true}, ""},
		"pinned":         {cmdline.TLSOptions{Fingerprint: pin}, ""},
		"pinned in hex":  {cmdline.TLSOptions{Fingerprint: "sha256:" + strings.ToLower(strings.ReplaceAll(pin, ":", ""))}, ""},
		"another pinned": {cmdline.TLSOptions{Fingerprint: strings.Repeat("00", 32)}, "is not the pinned one"},
		"no pin":         {cmdline.TLSOptions{Fingerprint: "12"}, "will not do"},
	} {
		cerr, _ := meet(t, c.client, cmdline.TLSOptions{}, "chal.test", &cert)
		if (cerr == nil) != (c.want == "") || cerr != nil && !strings.Contains(cerr.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, cerr, c.want)
		}
		var x *report.Explained
		if name == "nobody vouches" && (!errors.As(cerr, &x) || !strings.Contains(x.Hint, "--ssl-fingerprint "+pin)) {
			t.Errorf("the way out is not told: %+v", x)
		}
	}
}

// TestClientMustShow wants a certificate of the client that is the pinned one.
func TestClientMustShow(t *testing.T) {
	server := cmdline.TLSOptions{Fingerprint: strings.Repeat("00", 32)}
	if cerr, serr := meet(t, cmdline.TLSOptions{Insecure: true}, server, "chal.test", nil); serr == nil || cerr == nil {
		t.Errorf("without a certificate: %v, %v", cerr, serr)
	}
}

// TestALPN negotiates, and refuses when nothing is shared.
func TestALPN(t *testing.T) {
	server := cmdline.TLSOptions{ALPN: []string{"h2", "x"}}
	if cerr, serr := meet(t, cmdline.TLSOptions{Insecure: true, ALPN: []string{"x"}}, server, "h", nil); cerr != nil || serr != nil {
		t.Errorf("%v, %v", cerr, serr)
	}
	if cerr, _ := meet(t, cmdline.TLSOptions{Insecure: true, ALPN: []string{"y"}}, server, "h", nil); cerr == nil {
		t.Error("a protocol the server has not")
	}
	if cerr, _ := meet(t, cmdline.TLSOptions{Insecure: true, ALPN: []string{"http/1.1"}}, server, "h", nil); cerr == nil || !strings.Contains(cerr.Error(), "no application protocol") {
		t.Errorf("HTTP/1.1 where h2 is asked for: %v", cerr)
	}
	if cerr, serr := meet(t, cmdline.TLSOptions{Insecure: true}, server, "h", nil); cerr != nil || serr != nil {
		t.Errorf("a client without ALPN: %v, %v", cerr, serr)
	}
}

// TestReadPin takes a fingerprint as the usual tools write it.
func TestReadPin(t *testing.T) {
	digits := strings.Repeat("0aB", 21) + "c"
	colons := strings.TrimSuffix(strings.Repeat("0A:", 32), ":")
	for _, s := range []string{digits, colons, "SHA256:" + digits, "sha256//" + digits, "sha256 Fingerprint=" + colons, "SHA256 Fingerprint=" + colons} {
		if p, err := readPin(s); err != nil || len(p) != 32 || p[0] != 0x0a {
			t.Errorf("%q: %x, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "sha256:", digits[1:], "sha1 Fingerprint=" + colons, "x" + digits[1:]} {
		if p, err := readPin(s); err == nil {
			t.Errorf("%q: %x, want an error", s, p)
		}
	}
}

// TestSelfSigned names the host it was made for.
func TestSelfSigned(t *testing.T) {
	for _, host := range []string{"chal.test", "10.1.2.3", "fd00::1", ""} {
		cert, err := selfSigned(host)
		if err != nil {
			t.Fatal(err)
		}
		name := host
		if name == "" {
			name = "localhost"
		}
		if err := cert.Leaf.VerifyHostname(name); err != nil {
			t.Errorf("%q: %v", host, err)
		}
	}
}

func TestCipherNames(t *testing.T) {
	ids, err := cipherSuites("ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,AES128-SHA")
	want := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	if err != nil || len(ids) != 3 || ids[0] != want[0] || ids[1] != want[1] || ids[2] != want[2] {
		t.Errorf("got %x, %v, want %x", ids, err, want)
	}
	var u *report.UsageError
	if _, err := cipherSuites("HIGH"); !errors.As(err, &u) {
		t.Errorf("got %v", err)
	}
}

// TestNotTLS says what the peer sent instead.
func TestNotTLS(t *testing.T) {
	a, b := memnet.Pipe(64 << 10)
	go func() { io.ReadFull(b, make([]byte, 100)); io.WriteString(b, "SSH-2.0-x\r\n"); b.CloseWrite() }()
	_, err := (&Peer{Host: "h", Report: new(report.Reporter)}).Connect(context.Background(), a)
	if err == nil || !strings.Contains(err.Error(), `it sent "SSH-2"`) {
		t.Errorf("got %v", err)
	}
}

// TestCut tells the end that a peer has told from one that anybody can have made.
func TestCut(t *testing.T) {
	for _, told := range []bool{true, false} {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		s := &Peer{Options: cmdline.TLSOptions{}, Host: "chal.test", Report: &report.Reporter{W: null}}
		conf, err := s.ServerConfig()
		if err != nil {
			t.Fatal(err)
		}
		a, b := memnet.Pipe(64 << 10)
		go func() {
			conn, err := s.Accept(t.Context(), b, conf)
			if err == nil {
				io.WriteString(conn, "all there is")
			}
			if told {
				conn.(*bulkConn).CloseWrite()
			}
			b.CloseWrite()
		}()
		c := &Peer{Options: cmdline.TLSOptions{Insecure: true}, Host: "chal.test", Report: s.Report}
		conn, err := c.Connect(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if string(got) != "all there is" || (err == nil) != told || err != nil && err != io.ErrUnexpectedEOF {
			t.Errorf("told %v: got %q, %v", told, got, err)
		}
		a.Close()
	}
}
