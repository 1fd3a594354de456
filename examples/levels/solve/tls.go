package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// secure visits the eight doors of the level tls.
func secure(ctx context.Context, addr string) (string, error) {
	t, err := dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer t.Close()
	pin, err := await(t, "PIN")
	if err != nil {
		return "", err
	}
	run, err := await(t, "RUN")
	if err != nil {
		return "", err
	}
	password := ""
	for i := 1; i <= 8; i++ {
		letter, err := visit(ctx, addr, fmt.Sprintf("door%d.%s.flagstaff.test", i, run), pin)
		switch {
		case err == nil:
			password += letter
		case errors.Is(err, errImpostor), errors.Is(err, io.ErrUnexpectedEOF): // no close_notify: cut off
		default:
			return "", err
		}
	}
	if err := t.SendLine(password); err != nil {
		return "", err
	}
	return await(t, "FLAG")
}

var errImpostor = errors.New("not the certificate of the pin")

func visit(ctx context.Context, addr, name, pin string) (string, error) {
	t, err := tube.Dial(ctx, "tls", addr, tube.WithContext(ctx), tube.WithTLS(&tls.Config{
		ServerName:         name, // SNI
		InsecureSkipVerify: true, // nobody signed the certificate: VerifyConnection compares it with the pin
		VerifyConnection: func(s tls.ConnectionState) error {
			if fmt.Sprintf("%x", sha256.Sum256(s.PeerCertificates[0].Raw)) != pin {
				return errImpostor
			}
			return nil
		},
	}))
	if err != nil {
		return "", err
	}
	defer t.Close()
	letter, err := await(t, "LETTER")
	if err != nil {
		return "", err
	}
	_, err = t.Discard() // no error: it ended with close_notify
	return letter, err
}
