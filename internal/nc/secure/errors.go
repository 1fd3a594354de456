package secure

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// tlsError says why a handshake failed, and how to go on safely.
func tlsError(err error, name string, shown []*x509.Certificate) error {
	pin := ""
	if len(shown) > 0 {
		pin = "if it is the right one all the same, pin it: --ssl-fingerprint " + fingerprint(shown[0])
	}
	var (
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		pinned   *pinError
		remote   *net.OpError
		notTLS   tls.RecordHeaderError
		noAnswer = report.TimedOut(err)
	)
	switch {
	case errors.As(err, &pinned):
		return report.WithHint(errors.New("the certificate is not the pinned one; it has the SHA-256 fingerprint "+pinned.got), "it was replaced, or somebody is in between: ask the server's owner")
	case errors.As(err, &unknown):
		msg := fmt.Sprintf("nobody we trust vouches for the certificate of %s", subject(shown[0]))
		if bytes.Equal(shown[0].RawIssuer, shown[0].RawSubject) {
			msg = fmt.Sprintf("the certificate of %s is signed by itself, so anybody can have made it", subject(shown[0]))
		}
		return report.WithHint(errors.New(msg), pin+"; or trust its authority: --ssl-trustfile FILE; --ssl-insecure accepts anybody")
	case errors.As(err, &host):
		leaf := shown[0]
		if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
			return report.WithHint(fmt.Errorf("the certificate names %q only in its Common Name, which has not counted for years: it needs a Subject Alternative Name", leaf.Subject.CommonName), pin)
		}
		return report.WithHint(fmt.Errorf("the certificate is for %s, not for %s", names(leaf), name), "ask for a name it has: --ssl-servername NAME; "+pin)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		leaf := shown[0]
		if time.Now().Before(leaf.NotBefore) {
			return report.WithHint(fmt.Errorf("the certificate is valid only from %s", leaf.NotBefore.Format(time.DateOnly)), "is this machine's clock right (date)? "+pin)
		}
		return report.WithHint(fmt.Errorf("the certificate ended on %s", leaf.NotAfter.Format(time.DateOnly)), "is this machine's clock right (date)? "+pin)
	case errors.As(err, &notTLS):
		return report.WithHint(fmt.Errorf("the peer does not speak TLS: it sent %q", notTLS.RecordHeader[:]), "leave --ssl out, or look at the port")
	case errors.As(err, &remote) && remote.Op == "remote error": // an alert, whose type is not exported
		return report.WithHint(fmt.Errorf("the peer refused the handshake: %w", remote.Err), alertHint(remote.Err))
	case noAnswer:
		return report.WithHint(errors.New("the peer did not answer the TLS handshake"), "does it speak TLS on this port? without --ssl it may say something")
	case errors.Is(err, net.ErrClosed), report.Reset(err), strings.HasSuffix(err.Error(), "EOF"):
		return report.WithHint(errors.New("the peer hung up in the TLS handshake"), "does it speak TLS on this port, and with the version this nc speaks (TLS 1.2 and 1.3)?")
	}
	hint := ""
	if len(shown) > 0 {
		hint = pin
	}
	return report.WithHint(fmt.Errorf("TLS: %w", err), hint)
}

func alertHint(a error) string {
	switch s := a.Error(); {
	case strings.Contains(s, "certificate required"), strings.Contains(s, "bad certificate"), strings.Contains(s, "unknown certificate"):
		return "it wants a certificate of yours, or another one: --ssl-cert FILE --ssl-key FILE"
	case strings.Contains(s, "application protocol"):
		return "it has none of the protocols offered: look at --ssl-alpn"
	case strings.Contains(s, "unrecognized name"):
		return "it does not know that server name: --ssl-servername NAME"
	case strings.Contains(s, "protocol version"):
		return "it speaks only a version of TLS older than 1.2"
	}
	return "openssl s_client -connect HOST:PORT shows its side"
}

func names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return strings.Join(all, ", ")
}

// clientError says why a client's handshake failed.
func clientError(err error, client net.Addr) error {
	var (
		notTLS tls.RecordHeaderError
		pinned *pinError
		remote *net.OpError
		cert   *tls.CertificateVerificationError

		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &notTLS):
		return report.WithHint(fmt.Errorf("the client %s does not speak TLS: it sent %q", client, notTLS.RecordHeader[:]), "it needs --ssl (ncat), openssl s_client, or the like")
	case errors.As(err, &pinned):
		return report.WithHint(fmt.Errorf("the certificate of the client %s is not the pinned one; it has the SHA-256 fingerprint %s", client, pinned.got), "is it the right client?")
	case errors.As(err, &cert) && errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return report.WithHint(fmt.Errorf("the certificate of the client %s is not one for clients", client), "it needs the extended key usage clientAuth; --ssl-fingerprint takes it all the same")
	case errors.As(err, &cert):
		return report.WithHint(fmt.Errorf("nobody we trust vouches for the certificate of the client %s: %w", client, cert.Err), "--ssl-trustfile FILE names whose certificates count, --ssl-fingerprint one alone")
	case errors.As(err, &remote) && remote.Op == "remote error":
		return report.WithHint(fmt.Errorf("the client %s refused the handshake: %w", client, remote.Err), "it does not trust this certificate, perhaps: --ssl-cert FILE, or let it pin this one")
	case strings.Contains(err.Error(), "client didn't provide a certificate"):
		return report.WithHint(fmt.Errorf("the client %s showed no certificate", client), "it must: nc and ncat --ssl-cert FILE --ssl-key FILE, openssl s_client -cert FILE")
	case strings.Contains(err.Error(), "unsupported versions"):
		return report.WithHint(fmt.Errorf("the client %s speaks only versions of TLS older than 1.2", client), "it needs a newer TLS library")
	case report.TimedOut(err):
		return report.WithHint(fmt.Errorf("the client %s did not finish the TLS handshake in time", client), "does it speak TLS? it needs --ssl (ncat), openssl s_client, or the like")
	case report.Reset(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return report.WithHint(fmt.Errorf("the client %s hung up in the TLS handshake", client), "does it speak TLS 1.2 or 1.3, and trust this certificate?")
	}
	return fmt.Errorf("TLS handshake with the client %s: %w", client, err)
}

// pairError says what is wrong with the files of a certificate and its key.
func pairError(err error, cert, key string) error {
	for _, name := range []string{cert, key} {
		p, rerr := os.ReadFile(name)
		block, _ := pem.Decode(p)
		switch {
		case rerr != nil:
		case block == nil:
			return report.WithHint(fmt.Errorf("%s is no PEM file", name), "from DER: openssl x509 -inform DER -in FILE -out FILE.pem; openssl pkey does so for keys")
		case bytes.Contains(p, []byte("ENCRYPTED")):
			return report.WithHint(fmt.Errorf("the key in %s is encrypted", name), "nc asks for no passphrase: openssl pkey -in "+name+" -out plain.pem")
		}
	}
	if strings.Contains(err.Error(), "does not match") { // crypto/tls has no error of its own for it
		return report.WithHint(fmt.Errorf("the key in %s is not that of the certificate in %s", key, cert), "a certificate is made for one key: --ssl-key names that one")
	}
	return report.WithHint(fmt.Errorf("read the certificate %s and key %s: %w", cert, key, err), "both are PEM files; --ssl-key names the key when it is in a file of its own")
}

// ReceiveError says why a connection with TLS brings no more.
func ReceiveError(err error) error {
	var remote *net.OpError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return report.WithHint(errors.New("the peer hung up without ending TLS (no close_notify)"), "what had arrived is written; whether it is all, nobody can tell: many a server just hangs up, and so does who cuts a connection")
	case errors.As(err, &remote) && remote.Op == "remote error":
		return report.WithHint(fmt.Errorf("the peer ended TLS: %w", remote.Err), alertHint(remote.Err))
	case strings.HasPrefix(err.Error(), "tls: "), strings.HasPrefix(err.Error(), "local error: "):
		return report.WithHint(fmt.Errorf("the peer broke the rules of TLS: %s", strings.TrimPrefix(err.Error(), "tls: ")), "openssl s_client -connect HOST:PORT shows its side")
	}
	return err
}
