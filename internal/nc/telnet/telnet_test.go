package telnet

import "testing"

func TestFilter(t *testing.T) {
	in := "a\xff\xfb\x01b\xff\xfd\x18\xff\xffc\xff\xfa\x18\x01\xff\xf0d\xff\xf1e"
	var whole Filter
	out, reply := whole.Filter(nil, nil, []byte(in))
	if string(out) != "ab\xffcde" || string(reply) != "\xff\xfe\x01\xff\xfc\x18" {
		t.Errorf("got %q, replied %q", out, reply)
	}
	// The same, byte by byte.
	var f Filter
	var o, r []byte
	for i := range len(in) {
		o, r = f.Filter(o, r, []byte(in[i:i+1]))
	}
	if string(o) != string(out) || string(r) != string(reply) {
		t.Errorf("in pieces: %q, %q", o, r)
	}
}
