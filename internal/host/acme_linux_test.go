package host

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

// names is a name server on TCP, where every name has the address 127.0.0.1, until the test ends.
func names(t *testing.T) (addr string) {
	l, err := tube.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for {
					question, err := tube.RecvFrame[uint16](c, binary.BigEndian, 1<<16)
					if err != nil {
						return
					}
					tube.SendFrame[uint16](c, binary.BigEndian, nameAnswer(question))
				}
			}()
		}
	}()
	return l.Addr().String()
}

// nameAnswer answers a question for an address with 127.0.0.1, and every other with nothing.
func nameAnswer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) == 0 {
		return nil
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	answer, _ := m.Pack()
	return answer
}

// pebble runs a certificate authority that looks at tlsPort, and returns its directory and the file of its root.
func pebble(t *testing.T, tlsPort string) (directory, root string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "pebble")
	build := exec.Command(testkit.Program(t, "go"), "-C", "../../tools", "build", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	if out, err := build.CombinedOutput(); err != nil {
		testkit.Missing(t, "pebble cannot be built: "+err.Error()+"\n"+string(out))
	}
	const addr = "127.77.0.1:14000" // an address that nobody else uses
	cert, err := makeCert("127.77.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	root = write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	port, _ := strconv.Atoi(tlsPort)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": addr, "managementListenAddress": "", "certificate": root,
		"privateKey": write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"httpPort":   1, "tlsPort": port,
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-config", write("config.json", config), "-dnsserver", names(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait(); in.Close(); reading.Wait() })
	for lines := bufio.NewScanner(out); ; {
		if !lines.Scan() {
			t.Fatal("pebble ended")
		}
		if strings.Contains(lines.Text(), "ACME directory available") {
			break
		}
	}
	reading.Go(func() { io.Copy(t.Output(), out) })
	return "https://" + addr + "/dir", root
}

// TestACME gets a certificate on the challenge's own port, which players use all the time.
func TestACME(t *testing.T) {
	// The authority must know the port before the program has one: it is taken, freed, and taken again.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	directory, root := pebble(t, port)
	s := runProgram(t, append([]string{
		"--listen", addr, "--tls", "auto", "--acme", "chal.example.org", "--acme-email", "org@example.org",
		"--acme-ca", directory, "--acme-root", root, "--acme-dir", t.TempDir(),
	}, late...)...)
	deadline := time.Now().Add(60 * time.Second)
	for {
		conn, err := tls.Dial("tcp", s.addr(), &tls.Config{ServerName: "chal.example.org", InsecureSkipVerify: true})
		if err == nil {
			leaf := conn.ConnectionState().PeerCertificates[0]
			conn.Close()
			if err := leaf.VerifyHostname("chal.example.org"); err != nil || !strings.Contains(leaf.Issuer.CommonName, "Pebble") {
				t.Errorf("certificate of %v for %v: %v", leaf.Issuer, leaf.DNSNames, err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no certificate: %v", err)
		}
		if got := client(t, "hello\n", "nc.openbsd", "-N", s.host, s.port); got != "hello\nend\n" {
			t.Errorf("meanwhile nc got %q", got)
		}
	}
	// A netcat that sends no server name gets the certificate too.
	if got := client(t, "hello\n", "ncat", "--ssl", s.host, s.port); got != "hello\nend\n" {
		t.Errorf("ncat --ssl got %q", got)
	}
}
