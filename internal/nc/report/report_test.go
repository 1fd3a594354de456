package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// told returns what f made r write.
func told(t *testing.T, r *Reporter, f func()) string {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r.W = out
	f()
	out.Close()
	p, _ := io.ReadAll(in)
	return string(p)
}

func TestFail(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{Usage("write it", "there is no %s", "x"), ExitUsage, "error: there is no x\nhint: write it\n"},
		{fmt.Errorf("dial: %w", WithHint(errors.New("no"), "try again")), ExitNetwork, "error: dial: no\nhint: try again\n"},
		{errors.New("no"), ExitNetwork, "error: no\n"},
		{Told{errors.New("told")}, ExitNetwork, ""},
		{context.Canceled, ExitNetwork, ""},
	} {
		r := new(Reporter)
		if got := told(t, r, func() {
			if status := r.Fail(c.err); status != c.status {
				t.Errorf("%v: status %d, want %d", c.err, status, c.status)
			}
		}); got != c.want {
			t.Errorf("%v: told %q, want %q", c.err, got, c.want)
		}
	}
}

// TestLevels says what -v, -vv and --json let through.
func TestLevels(t *testing.T) {
	for _, c := range []struct {
		r    *Reporter
		want string
	}{
		{&Reporter{Name: "nc"}, "nc: note\n"},
		{&Reporter{Name: "nc", Verbose: 1}, "say\nnc: note\n"},
		{&Reporter{Name: "nc", Verbose: 2}, "say\nmore\nnc: note\n"},
	} {
		if got := told(t, c.r, func() { c.r.Say("say"); c.r.SayMore("more"); c.r.Note("note"); c.r.Event("event") }); got != c.want {
			t.Errorf("-v %d: %q, want %q", c.r.Verbose, got, c.want)
		}
	}
	r := &Reporter{Name: "nc", Verbose: 2, JSON: true}
	got := told(t, r, func() { r.Say("say"); r.Note("note"); r.Event("event", "n", 1, "bad", func() {}) })
	var kinds []string
	for l := range strings.Lines(got) {
		var e map[string]any
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		kinds = append(kinds, e["event"].(string))
	}
	if fmt.Sprint(kinds) != "[note event]" {
		t.Errorf("events %v", kinds)
	}
}

// TestHostileWords: what peers say is shown, does nothing to the terminal, and makes no line of its own.
func TestHostileWords(t *testing.T) {
	const evil = "x\x1b[2K\nerror: forged\r\xe9"
	const shown = "x^[[2K^Jerror: forged^M<e9>"
	r := &Reporter{Name: "nc", Verbose: 2}
	got := told(t, r, func() {
		r.Say("say %s", evil)
		r.SayMore("more %s", evil)
		r.Note("%s", evil)
		r.Fail(WithHint(errors.New(evil), evil))
		r.Fail(Usage(evil, "%s", evil))
		r.Say("two\nlines")
	})
	want := "say " + shown + "\nmore " + shown + "\nnc: " + shown + "\n" + strings.Repeat("error: "+shown+"\nhint: "+shown+"\n", 2) + "two\nlines\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestStatus takes the status line away for a line, and puts it back.
func TestStatus(t *testing.T) {
	r := &Reporter{Verbose: 1}
	if got := told(t, r, func() { r.SetStatus("one"); r.SetStatus("one"); r.Say("line"); r.SetStatus("") }); got != "\r\x1b[Kone\r\x1b[Kline\none\r\x1b[K" {
		t.Errorf("got %q", got)
	}
}

// TestConnectErrors names cause and way out for what a connection can meet.
func TestConnectErrors(t *testing.T) {
	for _, e := range []syscall.Errno{syscall.ECONNREFUSED, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EACCES, syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.EPROTOTYPE} {
		for _, proto := range []string{"tcp", "udp", "unix"} {
			err := ConnectError(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", e)}, "here:1", proto, "")
			var x *Explained
			if !errors.As(err, &x) || x.Hint == "" || !strings.Contains(err.Error(), "here:1") || strings.Contains(err.Error(), "dial tcp") {
				t.Errorf("%v, %s: %v", e, proto, err)
			}
		}
	}
	for _, e := range []syscall.Errno{syscall.EADDRINUSE, syscall.EACCES, syscall.EADDRNOTAVAIL} {
		var x *Explained
		if err := ListenError(e, "here:1"); !errors.As(err, &x) || x.Hint == "" {
			t.Errorf("listen, %v: %v", e, err)
		}
	}
	for _, e := range []syscall.Errno{syscall.EADDRINUSE, syscall.EACCES, syscall.EROFS, syscall.ENOENT} {
		var x *Explained
		if err := ListenUnixError(e, "nosuch"); !errors.As(err, &x) || x.Hint == "" {
			t.Errorf("listen, %v: %v", e, err)
		}
	}
	if err := ConnectError(syscall.EINVAL, "[fe80::1]:1", "tcp", ""); !strings.Contains(fmt.Sprint(errors.Unwrap(err)), "link-local") {
		t.Errorf("a link-local address without a zone: %v", err)
	}
	var x *Explained
	if err := LookupError("name.example", "ip", &net.DNSError{IsNotFound: true}); !errors.As(err, &x) || !strings.Contains(x.Hint, "--resolve name.example:ADDR") {
		t.Errorf("look-up: %v", err)
	}
	other := &net.OpError{Op: "lookup", Err: &net.AddrError{Err: "no suitable address found", Addr: "localhost"}}
	for network, want := range map[string][2]string{"ip6": {"localhost has no IPv6 address", "leave -6 out"}, "ip4": {"localhost has no IPv4 address", "leave -4 out"}} {
		if err := LookupError("localhost", network, other); !errors.As(err, &x) || err.Error() != want[0] || x.Hint != want[1] {
			t.Errorf("%s: %v", network, err)
		}
		err := LookupError("localhost", network, &net.DNSError{IsNotFound: true})
		if !errors.As(err, &x) || !strings.Contains(err.Error(), strings.TrimPrefix(want[0], "localhost ")) || !strings.Contains(x.Hint, want[1]) {
			t.Errorf("%s of the DNS: %v", network, err)
		}
	}
}
