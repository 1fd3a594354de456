// Package telnet keeps TELNET negotiation (RFC 854) out of a stream and
// refuses whatever the peer offers or asks for.
package telnet

const (
	iac  = 255
	dont = 254
	do   = 253
	wont = 252
	will = 251
	sb   = 250
	se   = 240
)

// A Filter reads one stream. The zero value is ready.
type Filter struct {
	state int
	verb  byte
}

const (
	data = iota
	command
	option
	subneg
	subnegIAC
)

// Filter appends the data of p to out and the answers to reply.
func (f *Filter) Filter(out, reply, p []byte) ([]byte, []byte) {
	for _, b := range p {
		switch f.state {
		case data:
			if b == iac {
				f.state = command
			} else {
				out = append(out, b)
			}
		case command:
			switch {
			case b == iac:
				out = append(out, b)
				f.state = data
			case b == sb:
				f.state = subneg
			case b >= will:
				f.verb, f.state = b, option
			default:
				f.state = data
			}
		case option:
			switch f.verb {
			case will:
				reply = append(reply, iac, dont, b)
			case do:
				reply = append(reply, iac, wont, b)
			}
			f.state = data
		case subneg:
			if b == iac {
				f.state = subnegIAC
			}
		case subnegIAC:
			if b == se {
				f.state = data
			} else {
				f.state = subneg
			}
		}
	}
	return out, reply
}

// Escape appends p to out with every 255 doubled.
func Escape(out, p []byte) []byte {
	for _, b := range p {
		if b == iac {
			out = append(out, iac)
		}
		out = append(out, b)
	}
	return out
}
