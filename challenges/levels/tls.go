package levels

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

const (
	tlsDoors     = 8
	tlsPeek      = time.Second // in which a client that speaks TLS has spoken
	tlsHandshake = 10 * time.Second
	tlsDomain    = "flagstaff.test" // .test is nobody's (RFC 2606)
)

// door is what stands behind one server name.
type door struct {
	letter byte
	real   bool // shows the certificate of the pin
	whole  bool // ends with close_notify
}

// secure: TLS with SNI, a pin and close_notify. (The level's name is tls.)
//
// On the level's one port a player in plain text opens a run, and by TLS visits the run's doors, whose
// names are chosen by SNI. Everything behind a door is derived from the run's name, so the server
// remembers no runs; a run has one try, because it is the plain session that takes the password.
func secure(o Options) Level {
	key := derive(o.Key, "tls")
	pinned, fake, err := makeCertificates(key)
	return tcp(tlsText, func(_ context.Context, p *player) error {
		if err != nil {
			return err
		}
		first, peekErr := p.Within(tlsPeek).Peek(1)
		if first == "\x16" { // the record type of a handshake (RFC 8446, section 5.1)
			return openDoor(p, key, pinned, fake)
		}
		if peekErr != nil && !errors.Is(peekErr, os.ErrDeadlineExceeded) {
			return peekErr
		}
		return openRun(p, key, sha256.Sum256(pinned.Certificate[0]))
	})
}

// openRun plays with the player in plain text.
func openRun(p *player, key []byte, pin [32]byte) error {
	r := newRand()
	run := word(r) + word(r)
	if err := p.greet(fmt.Sprintf("PIN %x\nRUN %s", pin, run)); err != nil {
		return err
	}
	got, err := p.answer()
	for n := 0; err == nil && got == "" && n < maxHints; n++ { // who says hello with an empty line
		got, err = p.answer()
	}
	if err != nil {
		return err
	}
	doors := doorsOf(key, run)
	var want, anyCert, anyEnd string
	for _, d := range doors {
		if d.real && d.whole {
			want += string(d.letter)
		}
		if d.whole {
			anyCert += string(d.letter)
		}
		if d.real {
			anyEnd += string(d.letter)
		}
	}
	switch got = strings.ToLower(strings.TrimSpace(got)); got {
	case want:
		return p.won()
	case anyCert:
		return p.no("You believed doors whose certificate is not the one of the pin.")
	case anyEnd:
		return p.no("You believed doors that were cut off: no close_notify came, so anybody on the way may have ended them.")
	}
	return p.no("%s is not the password of run %s.", quote(got), run)
}

// doorsOf returns the doors of a run: one of each kind at least, in any order.
func doorsOf(key []byte, run string) [tlsDoors]door {
	r := rand.New(rand.NewChaCha8([32]byte(derive(key, "run", run))))
	var all [tlsDoors]door
	for i := range all {
		kind := i
		if i >= 4 {
			kind = r.IntN(4)
		}
		all[i] = door{byte('a' + r.IntN(26)), kind&1 == 0, kind&2 == 0}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// openDoor is a visit by TLS.
func openDoor(p *player, key []byte, pinned, fake *tls.Certificate) error {
	p.told = true // a line in plain text would only confuse
	config := &tls.Config{
		SessionTicketsDisabled: true, // every visit shall show its certificate
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if d, _ := findDoor(key, hello.ServerName); d != nil && !d.real {
				return fake, nil
			}
			return pinned, nil
		},
	}
	conn := tls.Server(p.Tube, config)
	p.SetDeadline(time.Now().Add(tlsHandshake))
	if err := conn.Handshake(); err != nil {
		p.Log.Debug("handshake", "error", err)
		return nil // the client was told by an alert
	}
	d, why := findDoor(key, conn.ConnectionState().ServerName)
	text, whole := "NO "+why+"\n"+p.level.hint(), true
	if d != nil {
		text, whole = fmt.Sprintf("LETTER %c\n", d.letter), d.whole
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	if whole {
		return conn.CloseWrite() // close_notify
	}
	// FIN, in the middle of a record, as if somebody had cut the wire. In the middle because Go's crypto/tls
	// takes a FIN between two records for an end in good order.
	return p.SendBytes([]byte{23, 3, 3, 0, 64}) // the header of 64 bytes of data (RFC 8446, section 5.1)
}

// findDoor reads a server name, door3.RUN.flagstaff.test.
func findDoor(key []byte, name string) (d *door, why string) {
	if name == "" {
		return nil, "You sent no server name (SNI), so I do not know which door you want."
	}
	first, rest, _ := strings.Cut(strings.ToLower(name), ".")
	run, domain, _ := strings.Cut(rest, ".")
	number, ok := strings.CutPrefix(first, "door")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || n > tlsDoors || run == "" || domain != tlsDomain {
		return nil, fmt.Sprintf("There is no %s: I know door1.RUN.%s to door%d.RUN.%s.", quote(name), tlsDomain, tlsDoors, tlsDomain)
	}
	doors := doorsOf(key, run)
	return &doors[n-1], ""
}

// makeCertificates makes the pinned certificate and one that only looks like it. They follow from the key,
// so that several processes with one key have the same pin.
func makeCertificates(key []byte) (pinned, fake *tls.Certificate, err error) {
	if pinned, err = makeCertificate(derive(key, "certificate")); err != nil {
		return nil, nil, err
	}
	fake, err = makeCertificate(derive(key, "another certificate"))
	return pinned, fake, err
}

func makeCertificate(seed []byte) (*tls.Certificate, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed)
	if err != nil {
		return nil, fmt.Errorf("make key of certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(derive(seed, "serial")[:8]),
		Subject:      pkix.Name{CommonName: "*." + tlsDomain},
		DNSNames:     []string{"*." + tlsDomain},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(nil, template, template, private.Public(), deterministic{private})
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}

// deterministic signs as RFC 6979 says: without randomness, so that the same certificate comes out again.
type deterministic struct{ *ecdsa.PrivateKey }

func (d deterministic) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.PrivateKey.Sign(nil, digest, opts)
}

func solveTLS(ctx context.Context, t *tube.Tube) (string, error) {
	if err := t.SendLine(""); err != nil { // spares the second in which the server waits for TLS
		return "", err
	}
	pin, err := await(t, "PIN")
	if err != nil {
		return "", err
	}
	run, err := await(t, "RUN")
	if err != nil {
		return "", err
	}
	var password strings.Builder
	for i := range tlsDoors {
		letter, err := visit(ctx, t, fmt.Sprintf("door%d.%s.%s", i+1, run, tlsDomain), pin)
		if err != nil {
			return "", err
		}
		password.WriteString(letter)
	}
	if err := t.SendLine(password.String()); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}

var errPin = errors.New("not the certificate of the pin")

// visit returns the letter behind a door of the server that plain leads to, or "" when it is not to be
// believed.
func visit(ctx context.Context, plain *tube.Tube, name, pin string) (string, error) {
	c, err := again(ctx, plain)
	if err != nil {
		return "", err
	}
	t := solverTube(ctx, tls.Client(c, &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: true, // nobody signed it: the pin is what is believed
		VerifyConnection: func(s tls.ConnectionState) error {
			sum := sha256.Sum256(s.PeerCertificates[0].Raw)
			if hex.EncodeToString(sum[:]) != pin {
				return errPin
			}
			return nil
		},
	}))
	defer t.Close()
	letter, err := await(t, "LETTER")
	if errors.Is(err, errPin) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if _, err := t.Recv(); errors.Is(err, io.ErrUnexpectedEOF) {
		return "", nil // cut off, without close_notify
	}
	return letter, nil
}
