package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// chunked is the length of a body that tells its own end.
const chunked = -1

// bodyLength is how long the body of a request is (RFC 9112, section 6.3). What two readers may understand in two ways is an
// error; drop are the header lines that will not be passed on.
func bodyLength(version string, h head, drop string) (int64, error) {
	if strings.Contains(drop, " content-length ") || strings.Contains(drop, " transfer-encoding ") {
		return 0, errors.New("the client wants the length of its request left out")
	}
	lengths, codings := h.all("Content-Length"), h.all("Transfer-Encoding")
	switch {
	case len(codings) > 0 && len(lengths) > 0:
		return 0, errors.New("the client gave the length of its request twice")
	case len(codings) > 0 && (len(codings) > 1 || !strings.EqualFold(codings[0], "chunked") || version == "HTTP/1.0"):
		return 0, fmt.Errorf("the client sends its request in the coding %.80q, and chunked alone is one", strings.Join(codings, ", "))
	case len(codings) > 0:
		return chunked, nil
	case len(lengths) == 0:
		return 0, nil
	}
	n, err := strconv.ParseUint(lengths[0], 10, 62)
	for _, l := range lengths {
		if err != nil || l != lengths[0] || strings.TrimLeft(l, "0123456789") != "" {
			return 0, fmt.Errorf("the client gave %.80q as the length of its request", strings.Join(lengths, ", "))
		}
	}
	return int64(n), nil
}

// CopyBody passes on the body of the request, and nothing that follows it. A body that breaks the rules is passed on as far as
// it keeps them.
func (r *Request) CopyBody(dst io.Writer, src io.Reader) error {
	if r.Body != chunked {
		_, err := io.CopyN(dst, src, r.Body)
		return err
	}
	// What is read too much follows the request, and goes nowhere.
	in := bufio.NewReaderSize(src, maxLine)
	for {
		line, err := chunkLine(in)
		if err != nil {
			return err
		}
		size, _, _ := strings.Cut(line, ";")
		size = strings.Trim(size, " \t")
		n, err := strconv.ParseUint(size, 16, 62)
		if err != nil || strings.TrimLeft(size, "0123456789abcdefABCDEF") != "" {
			return fmt.Errorf("the client sent a chunk of size %.40q", size)
		}
		if n == 0 {
			return copyTrailer(dst, in)
		}
		if _, err := fmt.Fprintf(dst, "%x\r\n", n); err != nil {
			return err
		}
		if _, err := io.CopyN(dst, in, int64(n)); err != nil {
			return err
		}
		if line, err := chunkLine(in); err != nil || line != "" {
			return errors.Join(errors.New("the client's chunk has no end"), err)
		}
		if _, err := io.WriteString(dst, "\r\n"); err != nil {
			return err
		}
	}
}

// copyTrailer reads the lines behind the last chunk away, as a proxy may, and ends the body.
func copyTrailer(dst io.Writer, in *bufio.Reader) error {
	for read := 0; read < maxHead; {
		line, err := chunkLine(in)
		if err != nil {
			return err
		}
		if line == "" {
			_, err := io.WriteString(dst, "0\r\n\r\n")
			return err
		}
		read += len(line)
	}
	return errLongHead
}

// chunkLine reads a line without its end.
func chunkLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}
