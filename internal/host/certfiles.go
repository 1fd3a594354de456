package host

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookAgain is how long certificates are shown before their files are looked at again.
const lookAgain = 10 * time.Second

// certFiles are certificates from files, read again when whoever renews them has written them anew: sessions go on, and
// nobody restarts a server in the night.
type certFiles struct {
	log   *slog.Logger
	paths []certPaths

	mu     sync.Mutex
	certs  []tls.Certificate
	seen   []os.FileInfo // of the files, when they were last read
	looked time.Time
}

// certPaths are the files of one certificate, which may be the same.
type certPaths struct{ cert, key string }

func (p certPaths) load() (tls.Certificate, error) {
	cert, err := readPEM(p.cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readPEM(p.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// longestPEM is more than a certificate with its whole chain has, and than the list of all authorities: a device would never end.
const longestPEM = 4 << 20

// readPEM reads a file of certificates or keys.
func readPEM(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, longestPEM+1))
	if err == nil && len(text) > longestPEM {
		err = fmt.Errorf("%s is longer than %d bytes", name, longestPEM)
	}
	return text, err
}

// openCertFiles reads them for the first time.
func openCertFiles(paths []certPaths, log *slog.Logger) (*certFiles, error) {
	f := &certFiles{log: log, paths: paths, looked: time.Now()}
	f.seen = f.look()
	certs, err := f.read()
	f.certs = certs
	return f, err
}

// look returns what the system says of the files; nil for one that is not there.
func (f *certFiles) look() (list []os.FileInfo) {
	for _, p := range f.paths {
		for _, name := range []string{p.cert, p.key} {
			info, _ := os.Stat(name)
			list = append(list, info)
		}
	}
	return list
}

// read reads all of them.
func (f *certFiles) read() (certs []tls.Certificate, err error) {
	for _, p := range f.paths {
		cert, err := p.load()
		if err != nil {
			return nil, settingError("give PEM files: the certificate with its chain, and its private key", "read certificate %s with key %s: %w", p.cert, p.key, err)
		}
		if now := time.Now(); cert.Leaf != nil && now.After(cert.Leaf.NotAfter) {
			return nil, settingError("renew it, or leave --tls-cert out: a certificate is made up then", "certificate %s ended on %s", p.cert, cert.Leaf.NotAfter.Format(time.DateOnly))
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// changed says whether a file is another than the one that was read.
func changed(before, now []os.FileInfo) bool {
	for i, a := range before {
		b := now[i]
		if (a == nil) != (b == nil) || a != nil && (!os.SameFile(a, b) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime())) {
			return true
		}
	}
	return false
}

// current returns the certificates. A new file that cannot be used changes nothing, and is told once.
func (f *certFiles) current() []tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < lookAgain {
		return f.certs
	}
	f.looked = time.Now()
	now := f.look()
	if !changed(f.seen, now) {
		return f.certs
	}
	f.seen = now
	certs, err := f.read()
	if err != nil {
		f.log.Error("renewed certificate cannot be used, the old one stays", "error", err)
		return f.certs
	}
	f.log.Info("certificates read again")
	f.certs = certs
	return certs
}

// get chooses by the server name (SNI); the first when none fits.
func (f *certFiles) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	certs := f.current()
	for i := range certs {
		if hello.SupportsCertificate(&certs[i]) == nil {
			return &certs[i], nil
		}
	}
	return &certs[0], nil
}
