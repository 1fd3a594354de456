// Package filter assembles the seccomp filter of a sandbox: which system calls a program may make, and with which arguments.
//
// A filter sees a system call's number and the values of its arguments, not the memory that these may point to; so a call whose arguments are
// in memory is refused as a whole, or does not exist. It is made for the server's machine and, on amd64, for 32-bit programs as well.
package filter
