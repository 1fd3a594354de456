// Package sockopt sets what a command line asks of a socket, and says what
// cannot be set on this system.
//
//	o := sockopt.Options{TTL: 7, HasTOS: true, TOS: 0x48}
//	d := net.Dialer{Control: func(network, _ string, c syscall.RawConn) (err error) {
//		c.Control(func(fd uintptr) { err = o.Set(fd, network) })
//		return err
//	}}
package sockopt

// Options is what is set; the zero value leaves the system's defaults, but for
// broadcasts, which package net allows and Set does not.
type Options struct {
	Broadcast, Debug bool
	MD5              bool // sign TCP segments with the key in $NC_TCP_MD5_KEY (RFC 2385)
	ReuseAddr        bool
	RecvBuf, SendBuf int // bytes
	TTL, MinTTL      int // or hop limits
	TOS              int // or traffic class, if HasTOS
	HasTOS           bool
	Interface        string
}

// one is the value of an option that is on or off.
func one(on bool) int {
	if on {
		return 1
	}
	return 0
}
