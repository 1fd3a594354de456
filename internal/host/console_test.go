package host

import (
	"encoding/json"
	"io"
	"testing"
)

// TestLostLines: a log whose reader has paused says how much of it was lost, and comes to its end.
func TestLostLines(t *testing.T) {
	out, in := io.Pipe()
	c := Console{Stderr: in, json: true}
	log := c.open()
	c.lines.Limit = 2000
	const all = 100
	for i := range all {
		log.Info("line", "number", i)
	}
	came, lost := make(chan int, 1), make(chan int, 1)
	go func() {
		lines, missing := 0, 0
		for d := json.NewDecoder(out); ; {
			var l struct {
				Msg   string
				Lines int
			}
			if d.Decode(&l) != nil {
				break
			}
			if l.Msg == "line" {
				lines++
			}
			missing += l.Lines
		}
		came <- lines
		lost <- missing
	}()
	c.close(log)
	in.Close()
	if came, lost := <-came, <-lost; came == 0 || lost == 0 || came+lost != all {
		t.Errorf("%d lines came of %d, and %d are said to be lost", came, all, lost)
	}
}
