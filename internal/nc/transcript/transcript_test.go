package transcript

import (
	"strings"
	"testing"
	"time"
)

// TestCutCharacters gives a character in two chunks, and bytes that are none.
func TestCutCharacters(t *testing.T) {
	var b strings.Builder
	start := time.Unix(1000, 0)
	w, err := New(&b, start, 80, 24)
	if err != nil {
		t.Fatal(err)
	}
	w.Output([]byte("a\xe2\x82"), start.Add(time.Second))
	w.Input([]byte("x\n"), start.Add(1500*time.Millisecond))
	w.Output([]byte("\xac\xff"), start.Add(2*time.Second))
	w.Output([]byte("one\ntwo\r"), start.Add(3*time.Second))
	w.Output([]byte("\n"), start.Add(4*time.Second))
	w.Output([]byte("b\xe2\x82"), start.Add(5*time.Second))
	w.Close(start.Add(6 * time.Second))
	w.Close(start.Add(7 * time.Second))
	want := `{"version":2,"width":80,"height":24,"timestamp":1000}
[1.000000,"o","a"]
[1.500000,"i","x\n"]
[2.000000,"o","€` + `\ufffd"]
[3.000000,"o","one\r\ntwo\r"]
[4.000000,"o","\n"]
[5.000000,"o","b"]
[6.000000,"o","` + `\ufffd\ufffd"]
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
