package host

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSpoolKeepsOrder(t *testing.T) {
	var got bytes.Buffer
	s := newSpool(&got, func(err error) { t.Error(err) })
	var want strings.Builder
	for i := range 10_000 {
		line := fmt.Sprintln("event", i)
		io.WriteString(s, line)
		want.WriteString(line)
	}
	if lost, err := s.close(time.Minute); lost != 0 || err != nil || got.String() != want.String() {
		t.Errorf("got %d bytes, want %d; %d lost", got.Len(), want.Len(), lost)
	}
}

// TestSpoolStuck: a reader who has stopped stops nobody, and the end comes all the same.
func TestSpoolStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, in := io.Pipe()
		s := newSpool(in, func(error) {})
		s.limit = 1000
		for range 50 {
			s.Write(make([]byte, 100))
		}
		start := time.Now()
		lost, _ := s.close(2 * time.Second)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the end took %v, want 2 s", took)
		}
		if lost < 30 {
			t.Errorf("%d writes lost of 50, with place for 10 and 10 under way", lost)
		}
		out.Close() // the goroutine ends
	})
}

func TestSpoolWriterFails(t *testing.T) {
	out, in := io.Pipe()
	out.Close()
	told := 0
	s := newSpool(in, func(error) { told++ })
	for range 100 {
		if n, err := s.Write([]byte("x")); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if lost, err := s.close(time.Minute); lost != 100 || err != io.ErrClosedPipe || told != 1 {
		t.Errorf("%d lost of 100, %v, told %d times", lost, err, told)
	}
}
