package servercheck

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/memnet"
)

// serveEcho is an echo server with a mistake.
func serveEcho(h *host, m string) {
	switch m {
	case "one client at a time":
		h.each(false, func(c *memnet.Conn) { io.Copy(c, c); c.Close() })
		return
	case "lines":
		h.each(true, func(c *memnet.Conn) {
			defer c.Close()
			for r := bufio.NewReader(c); ; {
				line, err := r.ReadBytes('\n')
				if err != nil {
					return
				}
				c.Write(line)
			}
		})
		return
	case "closes before flush":
		h.each(true, func(c *memnet.Conn) {
			defer c.Close()
			w := bufio.NewWriterSize(c, 16<<10)
			for buf := make([]byte, 4096); ; {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				w.Write(buf[:n])
				if n < 1000 {
					w.Flush()
				}
			}
		})
		return
	}
	h.each(true, func(c *memnet.Conn) { echoOne(h, c, m) })
}

func echoOne(h *host, c *memnet.Conn, m string) {
	defer c.Close()
	var all []byte
	for buf := make([]byte, 4096); ; {
		n, err := c.Read(buf)
		b := buf[:n]
		if err != nil {
			switch {
			case m == "answers at the end":
				c.Write(all)
			case m == "a reset ends the server" && err != io.EOF:
				h.crash()
			case m == "never closes":
				<-h.done
			case m == "resets at the end":
				c.SetLinger(0)
			}
			return
		}
		switch m {
		case "answers at the end":
			all = append(all, b...)
			continue
		case "strips":
			b = bytes.TrimSpace(b)
		case "text":
			b = []byte(strings.ToValidUTF8(string(b), "\uFFFD"))
		case "latin-1 in, UTF-8 out":
			b = latin1AsUTF8(b)
		case "dies of bytes that are not text":
			if strings.ToValidUTF8(string(b), "") != string(b) {
				return
			}
		case "C strings":
			if i := bytes.IndexByte(b, 0); i >= 0 {
				b = b[:i]
			}
		case "forgets the last byte":
			if len(b) > 100 {
				b = b[:len(b)-1]
			}
		case "translates newlines":
			b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
		case "adds a newline":
			b = append(b, '\n')
		case "forgets half-close":
			// What is under way when the FIN comes is dropped.
			if all = append(all, b...); n == len(buf) {
				continue
			}
			if n > 1000 {
				return
			}
			b, all = all, nil
		}
		if _, err := c.Write(b); err != nil {
			return
		}
		switch m {
		case "a single recv":
			return
		case "a single recv, then silence":
			io.Copy(io.Discard, c)
			return
		}
	}
}

func TestEcho(t *testing.T) {
	mustTellApart(t, "echo", []mistake{
		{"", "", ""},
		{"a single recv", "pieces", "a single recv"},
		{"a single recv, then silence", "pieces", "without a newline did not come back"},
		{"answers at the end", "answer", "only when the client closes"},
		{"lines", "pieces", "waits for a line"},
		{"strips", "answer", "without strip()"},
		{"adds a newline", "pieces", "adding a newline"},
		{"translates newlines", "answer", "newlines were translated"},
		{"text", "binary", "text decoding"},
		{"latin-1 in, UTF-8 out", "binary", "different encodings"},
		{"dies of bytes that are not text", "binary", "decodes what it receives"},
		{"C strings", "binary", "NUL"},
		{"forgets the last byte", "binary", "all of the echo of binary data (255 bytes of 256 came)"},
		{"forgets half-close", "half-close", "a FIN ends the client's sending, not its receiving"},
		{"resets at the end", "half-close", "reset the connection (RST)"},
		{"closes before flush", "half-close", "Send everything, then close"},
		{"never closes", "half-close", "did not close the connection"},
		{"one client at a time", "crowd", "one client at a time"},
		{"a reset ends the server", "reset", "the server is gone"},
	}, func(t *testing.T, m string, test func(t *testing.T, o Options)) {
		against(t, func(h *host) { serveEcho(h, m) }, test)
	})
}
