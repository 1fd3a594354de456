package sandbox

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
)

// The messages to the launcher and its answers; src/launcher.c must agree.
const (
	msgSetup = 1
	msgSlot  = 2
	msgSpawn = 3
	msgKill  = 4

	answerDone   = 1
	answerExited = 2

	keptFDs    = 16 // the first descriptors outlive their message; those that come with it are numbered from here
	maxMessage = 64 << 10
	opSize     = 64
	headSize   = 24
	answerSize = 48

	opIgnore = 0x100
)

// fd is an argument that is a descriptor: its index among the launcher's.
type fd int

// sessionUser is an argument that is the session's user ID. Until [script.withUser] it is 0.
type sessionUser struct{}

// script is a list of system calls for the launcher to make, and the data their arguments point to.
type script struct {
	kind   uint32
	clone  uint32 // flags for the session's program
	final  int    // how many of the calls, the last ones, the slot makes when the program has ended well
	ops    []byte
	what   []string // what each call is for, for errors
	data   []byte
	relocs []uint32 // where in data there are offsets into data
	points []uint32 // where in ops there are
	users  []uint32 // where in ops there are user IDs
}

func newScript(kind uint32) *script { return &script{kind: kind} }

// blob puts b into the data, aligned, and returns its offset.
func (s *script) blob(b []byte) uint64 {
	for len(s.data)%8 != 0 {
		s.data = append(s.data, 0)
	}
	at := len(s.data)
	s.data = append(s.data, b...)
	return uint64(at)
}

// pointer is an argument that points into the data.
type pointer uint64

func (s *script) text(t string) pointer { return pointer(s.blob(append([]byte(t), 0))) }

// vector puts a list of strings that ends with a null pointer, as execve wants it.
func (s *script) vector(list []string) pointer {
	words := make([]byte, 8*(len(list)+1))
	for i, t := range list {
		binary.NativeEndian.PutUint64(words[8*i:], uint64(s.text(t)))
	}
	at := s.blob(words)
	for i := range list {
		s.relocs = append(s.relocs, uint32(at)+uint32(8*i))
	}
	return pointer(at)
}

// call adds a system call. An argument is a number, a string, bytes, a pointer or an fd. It returns the
// index of the call.
func (s *script) call(what string, nr uintptr, args ...any) int {
	var op [opSize]byte
	binary.NativeEndian.PutUint64(op[:], uint64(nr))
	var fds uint32
	for i, a := range args {
		var v uint64
		switch a := a.(type) {
		case int:
			v = uint64(a)
		case uint64:
			v = a
		case sessionUser:
			s.users = append(s.users, uint32(len(s.ops)+8+8*i))
		case fd:
			v = uint64(a)
			fds |= 1 << i
		case string:
			v = s.point(i, s.text(a))
		case []byte:
			v = s.point(i, pointer(s.blob(a)))
		case pointer:
			v = s.point(i, a)
		default:
			panic(fmt.Sprintf("argument of type %T", a))
		}
		binary.NativeEndian.PutUint64(op[8+8*i:], v)
	}
	binary.NativeEndian.PutUint32(op[56:], fds)
	s.ops = append(s.ops, op[:]...)
	s.what = append(s.what, what)
	return len(s.what) - 1
}

func (s *script) point(arg int, p pointer) uint64 {
	s.points = append(s.points, uint32(len(s.ops)+8+8*arg))
	return uint64(p)
}

// last changes the flags of the call that was added last.
func (s *script) last(set uint32) {
	at := len(s.ops) - 4
	binary.NativeEndian.PutUint32(s.ops[at:], binary.NativeEndian.Uint32(s.ops[at:])|set)
}

// keep stores the last call's result as a descriptor.
func (s *script) keep(index fd) { s.last(uint32(index) + 1) }

// ignore lets the last call fail.
func (s *script) ignore() { s.last(opIgnore) }

var errTooLong error = &hintedError{
	fmt.Errorf("arguments, environment and mounts together are longer than %d KiB", maxMessage>>10), "put what is long into a file that the program reads",
}

// bytes encodes the message.
func (s *script) bytes() ([]byte, error) {
	relocs := len(s.points) + len(s.relocs)
	base := headSize + len(s.ops) + (4*relocs+7)&^7
	if base+len(s.data) > maxMessage {
		return nil, errTooLong
	}
	m := make([]byte, base, base+len(s.data))
	binary.NativeEndian.PutUint32(m[0:], s.kind)
	binary.NativeEndian.PutUint32(m[4:], uint32(len(s.what)))
	binary.NativeEndian.PutUint32(m[8:], uint32(relocs))
	binary.NativeEndian.PutUint32(m[12:], s.clone)
	binary.NativeEndian.PutUint32(m[16:], uint32(s.final))
	copy(m[headSize:], s.ops)
	m = append(m, s.data...)
	at := headSize + len(s.ops)
	add := func(where uint32) {
		binary.NativeEndian.PutUint64(m[where:], binary.NativeEndian.Uint64(m[where:])+uint64(base))
		binary.NativeEndian.PutUint32(m[at:], where)
		at += 4
	}
	for _, p := range s.points {
		add(headSize + p)
	}
	for _, r := range s.relocs {
		add(uint32(base) + r)
	}
	return m, nil
}

// withUser returns a copy of the message that s became, for one user ID.
func (s *script) withUser(message []byte, id int) []byte {
	m := slices.Clone(message)
	for _, at := range s.users {
		binary.NativeEndian.PutUint64(m[headSize+at:], uint64(id))
	}
	return m
}

// answer is what the launcher reports.
type answer struct {
	kind   uint32
	status syscall.WaitStatus
	step   int
	err    syscall.Errno
	user   uint64 // microseconds
	system uint64
	maxRSS uint64
	stderr int  // how long the message is that follows
	killed bool // the slot was told to kill before the program had ended
}

func parseAnswer(b []byte) (a answer, ok bool) {
	if len(b) != answerSize {
		return a, false
	}
	return answer{
		kind:   binary.NativeEndian.Uint32(b[0:]),
		status: syscall.WaitStatus(binary.NativeEndian.Uint32(b[4:])),
		step:   int(int32(binary.NativeEndian.Uint32(b[8:]))),
		err:    syscall.Errno(binary.NativeEndian.Uint32(b[12:])),
		user:   binary.NativeEndian.Uint64(b[16:]),
		system: binary.NativeEndian.Uint64(b[24:]),
		maxRSS: binary.NativeEndian.Uint64(b[32:]),
		stderr: int(binary.NativeEndian.Uint32(b[40:])),
		killed: binary.NativeEndian.Uint32(b[44:]) != 0,
	}, true
}

// failure names the call of s that failed, or returns nil.
func (a answer) failure(s *script) error {
	if a.err == 0 {
		return nil
	}
	what := "start a process"
	if a.step >= 0 && a.step < len(s.what) {
		what = s.what[a.step]
	}
	return &stepError{what, a.err}
}

// stepError is a system call of the launcher that failed.
type stepError struct {
	what string
	err  syscall.Errno
}

func (e *stepError) Error() string { return "sandbox: " + e.what + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }
