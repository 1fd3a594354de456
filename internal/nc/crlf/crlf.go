// Package crlf makes CRLF of LF in a stream that comes in pieces.
//
//	var c crlf.Maker
//	w.Write(c.Append(nil, piece))
//
// A LF that has a CR before it already, in an earlier piece too, stays as it is.
package crlf

// Maker is one stream. Its zero value is the beginning; one goroutine uses it at a time.
type Maker struct{ cr bool }

// Append appends the next piece of the stream, with CRLF for each LF, to out.
func (m *Maker) Append(out, p []byte) []byte {
	for _, b := range p {
		if b == '\n' && !m.cr {
			out = append(out, '\r')
		}
		out = append(out, b)
		m.cr = b == '\r'
	}
	return out
}
