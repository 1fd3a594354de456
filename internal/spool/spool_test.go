package spool

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
	s := New(&got, func(err error) { t.Error(err) }, func(int) { t.Error("nothing was lost") })
	var want strings.Builder
	for i := range 10_000 {
		line := fmt.Sprintln("event", i)
		io.WriteString(s, line)
		want.WriteString(line)
	}
	if lost, err := s.Close(time.Minute); lost != 0 || err != nil || got.String() != want.String() {
		t.Errorf("got %d bytes, want %d; %d lost", got.Len(), want.Len(), lost)
	}
}

// TestSpoolStuck: a reader who has stopped stops nobody, and the end comes all the same.
func TestSpoolStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, in := io.Pipe()
		s := New(in, nil, nil)
		s.Limit = 1000
		for range 50 {
			s.Write(make([]byte, 100))
		}
		start := time.Now()
		lost, _ := s.Close(2 * time.Second)
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
	s := New(in, func(error) { told++ }, func(int) { t.Error("it does not come through again") })
	for range 100 {
		if n, err := s.Write([]byte("x")); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if lost, err := s.Close(time.Minute); lost != 100 || err != io.ErrClosedPipe || told != 1 {
		t.Errorf("%d lost of 100, %v, told %d times", lost, err, told)
	}
}

// TestSpoolResumes: who reads again after what was lost is told how much that was, once, between two writes.
func TestSpoolResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, in := io.Pipe()
		var told []int
		s := New(in, func(err error) { t.Error(err) }, func(lost int) {
			told = append(told, lost)
			in.Write([]byte("\n"))
		})
		s.Limit = 1000
		const all, size = 50, 100
		for range all {
			s.Write(bytes.Repeat([]byte("x"), size))
			synctest.Wait() // the first is under way, and stays so
		}
		var got bytes.Buffer
		go io.Copy(&got, out)
		time.Sleep(time.Second)
		s.Write([]byte("later"))
		lost, _ := s.Close(time.Minute)
		synctest.Wait()
		if want := strings.Repeat("x", (all-lost)*size); len(told) != 1 || told[0] != lost || lost < 30 || strings.ReplaceAll(got.String(), "\n", "") != want+"later" {
			t.Errorf("%d of %d were lost, told %v, and %d bytes came", lost, all, told, got.Len())
		}
		in.Close()
	})
}
