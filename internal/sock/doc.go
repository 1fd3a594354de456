// Package sock accepts TCP connections with as few system calls as can be.
//
// A connection of package net is made ready for everything when it is accepted: it is registered with the runtime's poller, its address is
// asked for, its options are set, and all that is undone at its end. Most of a challenge's connections are short, and the first thing that
// happens to them, a line written, waits for nobody. So a [Conn] is a bare descriptor until a call has to wait; only then the
// runtime's poller is told about it. What it costs to accept, write 32 bytes and close falls from ten system calls to five.
//
// Each call of a Conn asks the system not to wait, whatever mode the socket is in: its mode belongs to every process that has the socket, and a
// program that was handed the connection may change it at any time. So deadlines and Close end every call.
//
// [Own] takes a listener over. That is for Linux: elsewhere it leaves the listener as it is, and there are no Conns.
package sock
