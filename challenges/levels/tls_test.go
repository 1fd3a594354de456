package levels

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func tlsClient(w *world, name string) *tls.Conn {
	conn, err := w.net.DialFrom("203.0.113.9:0", "server:1")
	if err != nil {
		w.Fatal(err)
	}
	return tls.Client(conn, &tls.Config{ServerName: name, InsecureSkipVerify: true})
}

func TestTLSDoors(t *testing.T) {
	key := derive(testKey, "tls")
	pinned, _, err := makeCertificates(key)
	if err != nil {
		t.Fatal(err)
	}
	pin := sha256.Sum256(pinned.Certificate[0])
	inBubble(t, levelNamed(t, "tls"), func(w *world) {
		plain := w.from("203.0.113.9")
		defer plain.Close()
		start := time.Now()
		if got := wantLine(w, plain, "PIN"); got != hex.EncodeToString(pin[:]) {
			t.Errorf("PIN %s, want %x", got, pin)
		}
		if d := time.Since(start); d > tlsPeek {
			t.Errorf("greeted after %v, want %v at most", d, tlsPeek)
		}
		run := wantLine(w, plain, "RUN")
		var kinds [4]int
		for i, d := range doorsOf(key, run) {
			c := tlsClient(w, fmt.Sprintf("DOOR%d.%s.%s", i+1, run, tlsDomain))
			text, err := io.ReadAll(c)
			if want := fmt.Sprintf("LETTER %c\n", d.letter); string(text) != want {
				t.Errorf("door %d: %q, %v, want %q", i+1, text, err, want)
			}
			if (err == nil) != d.whole || !d.whole && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("door %d ends with %v; whole: %v", i+1, err, d.whole)
			}
			if got := sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw) == pin; got != d.real {
				t.Errorf("door %d shows the pinned certificate: %v, want %v", i+1, got, d.real)
			}
			c.Close()
			k := 0
			if d.real {
				k++
			}
			if d.whole {
				k += 2
			}
			kinds[k]++
		}
		for k, n := range kinds {
			if n == 0 {
				t.Errorf("no door of kind %d", k)
			}
		}
	})
}

func TestTLSNames(t *testing.T) {
	for name, why := range map[string]string{
		"":                            "no server name (SNI)",
		"flagstaff.test":              "There is no",
		"door9.kelumo.flagstaff.test": "There is no",
		"door0.kelumo.flagstaff.test": "There is no",
		"door1.kelumo.example.org":    "There is no",
		"door1..flagstaff.test":       "",
	} {
		inBubble(t, levelNamed(t, "tls"), func(w *world) {
			c := tlsClient(w, name)
			defer c.Close()
			text, err := io.ReadAll(c)
			if why == "" { // not a name that TLS lets through, or no door
				return
			}
			if err != nil || !strings.Contains(string(text), why) || !strings.Contains(string(text), "HINT") {
				t.Errorf("%q: %q, %v, want %q", name, text, err, why)
			}
		})
	}
}

func TestTLSStalledHandshake(t *testing.T) {
	inBubble(t, levelNamed(t, "tls"), func(w *world) {
		c := w.from("203.0.113.9")
		defer c.Close()
		start := time.Now()
		c.Send("\x16\x03\x01\x02\x00")
		c.Discard()
		if d := time.Since(start); d > tlsHandshake+5*time.Second {
			t.Errorf("a handshake that does not go on ends after %v, want %v", d, tlsHandshake)
		}
	})
}

// TestCertificatesFollowFromTheKey: processes with one key have one pin.
func TestCertificatesFollowFromTheKey(t *testing.T) {
	a, fake, err := makeCertificates([]byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := makeCertificates([]byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := makeCertificates([]byte("another"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Certificate[0], b.Certificate[0]) || bytes.Equal(a.Certificate[0], c.Certificate[0]) || bytes.Equal(a.Certificate[0], fake.Certificate[0]) {
		t.Error("certificates do not follow from the key, and from it alone")
	}
	x, err := x509.ParseCertificate(a.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := x.CheckSignature(x.SignatureAlgorithm, x.RawTBSCertificate, x.Signature); err != nil {
		t.Errorf("signature: %v", err)
	}
}
