package tube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/tube"
)

// Who relays between two learns which one has failed.
func TestOwnTellsWhichSideFailed(t *testing.T) {
	player, a := connect(t, "tcp")
	b, backend := connect(t, "tcp")
	go backend.Abort()
	err := fmt.Errorf("relay: %w", tube.Join(context.Background(), a, b))
	if got := b.Own(err); !errors.Is(got, tube.ErrReset) {
		t.Errorf("Own on the side that was reset: %v, of %v", got, err)
	}
	if got := a.Own(err); got != nil {
		t.Errorf("Own on the other side: %v", got)
	}
	player.Close()
}

// TLS over a tube is that tube's, in both directions.
func TestOwnThroughTLS(t *testing.T) {
	client, server := connect(t, "tls")
	above := tube.New(server)
	client.Abort()
	_, err := above.RecvLine()
	if got := server.Own(err); got == nil {
		t.Errorf("Own of the tube below: nil, of %v", err)
	}
	if got := above.Own(err); got == nil {
		t.Errorf("Own of the tube above: nil, of %v", err)
	}
}

// An end of stream without a sender is the tube's once it has handed one out, and only then.
func TestOwnOfABareEnd(t *testing.T) {
	client, server := connect(t, "tcp")
	client.Close()
	file := fmt.Errorf("read words: %w", io.ErrUnexpectedEOF)
	if _, err := server.RecvLine(); server.Own(file) != nil || server.Own(err) == nil {
		t.Errorf("before Read: Own of a file's end is %v, of the tube's %v", server.Own(file), server.Own(err))
	}
	server.ReadByte()
	if got := server.Own(file); got != io.ErrUnexpectedEOF {
		t.Errorf("after ReadByte: Own is %v", got)
	}
	if got := server.Own(nil); got != nil {
		t.Errorf("Own of nil: %v", got)
	}
}
