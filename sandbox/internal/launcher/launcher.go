// Package launcher holds the program that starts programs for package sandbox: three kilobytes of C without a
// library, built by src/build.sh, committed so that `go install` needs no C compiler, and embedded. A test
// builds it anew and compares. src/launcher.c says what it does, and why it is not Go.
package launcher
