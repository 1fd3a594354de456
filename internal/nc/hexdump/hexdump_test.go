package hexdump

import (
	"strings"
	"testing"
)

func TestDump(t *testing.T) {
	d := Dumper{Mark: '>'}
	got := string(d.Dump(nil, []byte("hello\n")))
	if want := "> 00000000 68 65 6c 6c 6f 0a                               # hello.\n"; got != want {
		t.Errorf("got\n%q want\n%q", got, want)
	}
	if got := string(d.Dump(nil, []byte("x"))); !strings.HasPrefix(got, "> 00000006 78 ") {
		t.Errorf("got %q", got)
	}
}

func FuzzDump(f *testing.F) {
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, p []byte) {
		d := Dumper{Mark: '<'}
		if lines := strings.Count(string(d.Dump(nil, p)), "\n"); lines != (len(p)+15)/16 {
			t.Fatalf("%d bytes make %d lines", len(p), lines)
		}
	})
}
