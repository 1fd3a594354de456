package nc

import (
	"github.com/flagstaff-ctf/flagstaff/internal/nc/relay"
)

// send moves the input to the connection.
func (s *session) send() error {
	return relay.Send(s.conn, s.n.in, s.sent, s.stop)
}

// receive moves the connection to the output.
func (s *session) receive() error {
	return relay.Receive(s.n.stdout, s.conn, s.got)
}
