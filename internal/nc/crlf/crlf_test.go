package crlf

import "testing"

// TestPieces cuts a stream anywhere.
func TestPieces(t *testing.T) {
	const in, want = "a\nb\r\n\n\rc\r\r\n", "a\r\nb\r\n\r\n\rc\r\r\n"
	for i := range len(in) + 1 {
		for k := i; k <= len(in); k++ {
			var m Maker
			var got []byte
			for _, piece := range []string{in[:i], in[i:k], in[k:]} {
				got = m.Append(got, []byte(piece))
			}
			if string(got) != want {
				t.Errorf("cut at %d and %d: got %q, want %q", i, k, got, want)
			}
		}
	}
}
