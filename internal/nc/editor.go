package nc

import "github.com/flagstaff-ctf/flagstaff/internal/nc/relay"

// editor is the line editor of a terminal.
type editor struct{}

func (e *editor) read(p []byte, stop *relay.Stop) (int, error) { return 0, nil }
func (e *editor) output(p []byte) error                        { return nil }
