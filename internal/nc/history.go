package nc

import (
	"bufio"
	"io"
	"os"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// history is the file of the lines typed. The nil history keeps none.
type history struct {
	file  *os.File
	lines []string
}

// historyLine is the longest line kept, in bytes: a pasted payload is not typed again.
const historyLine = 4 << 10

// openHistory reads what was typed before. It is done before anything is dialled: no session fails for its history.
func openHistory(name string) (*history, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, report.WithHint(err, "--history FILE is a file you may write")
	}
	h := &history{file: f}
	r := bufio.NewReaderSize(f, historyLine+1)
	for whole := true; ; {
		line, more, err := r.ReadLine()
		if err == io.EOF {
			return h, nil
		}
		if err != nil {
			f.Close()
			return nil, report.WithHint(err, "--history FILE is a file of lines")
		}
		if whole && !more {
			h.lines = append(h.lines, string(line))
		}
		whole = !more // else what follows is the rest of a line that is too long
	}
}

// keep writes a line down.
func (h *history) keep(line string) {
	if h == nil || strings.TrimSpace(line) == "" || len(line) > historyLine || strings.Contains(line, "\n") {
		return
	}
	io.WriteString(h.file, line+"\n")
}

func (h *history) close() {
	if h != nil {
		h.file.Close()
	}
}
