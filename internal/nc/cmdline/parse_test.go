package cmdline

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

func TestParse(t *testing.T) {
	c, _, err := Parse([]string{"nc", "-lnvvw5", "-p1337", "-k"})
	if err != nil || !c.Listen || !c.NoDNS || c.Verbose != 2 || c.Timeout != 5*time.Second || c.Ports[0].Lo != 1337 || !c.KeepOpen {
		t.Errorf("got %+v, %v", c, err)
	}
	c, _, err = Parse([]string{"nc", "host", "-u", "53", "--", "100-90"})
	if err == nil || c == nil {
		t.Errorf("two ports without -z: %v", err)
	}
	c, _, err = Parse([]string{"nc", "-z", "host", "-u", "53", "--", "100-90", "7,9"})
	if err != nil || len(c.Ports) != 4 || c.Ports[1] != (PortRange{Lo: 90, Hi: 100}) {
		t.Errorf("got %+v, %v", c, err)
	}
	c, _, err = Parse([]string{"/usr/bin/ncat", "-lk", "-m", "3", "-i", "500ms", "-c", "cat"})
	if err != nil || c.compat != compatNcat || c.IdleTimeout != 500*time.Millisecond || c.Ports[0].Lo != 31337 {
		t.Errorf("got %+v, %v", c, err)
	}
}

// TestRefusals wants a hint for every refusal.
func TestRefusals(t *testing.T) {
	for _, line := range []string{
		"-46 h 1", "-lz 1", "-k h 1", "-m 2 h 1", "-e a -c b h 1", "--pty h 1", "--send-only --recv-only h 1", "-d --send-only h 1",
		"--ssl -u h 1", "--ssl-verify --ssl-insecure h 1", "--ssl-key k h 1", "-l -x p 1", "-X 5 h 1", "-P u h 1", "--proxy-auth u:p h 1",
		"-x p -u h 1", "-b h 1", "--append-output h 1", "--output a -o a h 1", "-F -l 1", "-U", "-U a b", "-U a -p 1", "-U -4 a", "--vsock h 1", "h", "h 1-5",
		"h 0", "-p 1-2 h 1", "-l 1 2 3", "-l -p 1 2", "-g x h 1", "-V 1 h 1", "-Z h 1", "--sctp h 1", "--lua-exec f h 1", "-w", "-w -1 h 1", "--retry 0 h 1",
		"-T bogus h 1", "-q x h 1", "--limit-rate 0 h 1", "--resolve x h 1", `--send \q h 1`, "--compat=mine h 1", "--ssl=1 h 1", "-é h 1", "-l --pow 1", "--pow -u h 1", "-l --broker -e a 1",
		"-l --proxy-type socks4 1", "-l --chat -C 1", "-lu -m 3 1", "--pow-wait 1 h 1", "-lk -m 3 --timestamps 1", "-l --proxy-type http --proxy-auth u 1", "--no-edit --history f h 1",
		"-z --half-open h 1", "-z --timestamps h 1", "-zF h 1", "-F -C h 1", "-F -q 1 h 1", "-l --vsock --proxy-type http 1", "-u --no-shutdown h 1", "--send-only -W 1 h 1", "--recv-only -C h 1", "--vsock -p 3 2 1",
		"-U -T ef s", "-U -M 3 s", "--vsock -I 4096 2 1", "-U -s a s", "-lUu -s a s", "-u --keepalive 3 h 1", "-U --keepalive 3 s", "-r -l 1", "-r -U s", "--ssl-alpn a,,b h 1", "-x p -P u --proxy-auth u:p h 1",
		"--ssl-insecure --ssl-trustfile f h 1", "--ssl-fingerprint 12 --ssl-trustfile f h 1", "-l --ssl-servername n 1", "-v --compat=ncat h 1", "-n name 1", "-ns name 127.0.0.1 1", "-4 ::1 1", "-6 127.0.0.1 1", "http://h/ 80", "/run/s 1",
		"--json -o - h 1", "-o a --transcript a h 1", "-z --output f h 1", "-U " + strings.Repeat("a", 120), "-x h:99999 h 1", "-x ftp://h h 1", "-x http://u:%zz@h h 1", "-x http://u:p@a:b:c h 1",
		"--history f -d h 1", "--history f --json h 1", "--history f -e a h 1", "--history f -z h 1", "-s ::1 127.0.0.1 1", "-S h 1",
	} {
		_, _, err := Parse(append([]string{"nc"}, strings.Fields(line)...))
		var u *report.UsageError
		if !errors.As(err, &u) {
			t.Errorf("nc %s: %v, want a refusal", line, err)
		} else if u.Msg == "" || u.Hint == "" {
			t.Errorf("nc %s: error %q, hint %q", line, u.Msg, u.Hint)
		}
	}
}

// TestHops reads a chain of proxies, and no refusal tells a password.
func TestHops(t *testing.T) {
	c, _, err := Parse(strings.Fields("nc -X 4a -x p,http://q:8080/,socks5://us%40er:pa:ss@[::1]:9 h 1"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Hops()
	want := []Hop{{Kind: "socks4a", Host: "p", Port: 1080}, {Kind: "http", Host: "q", Port: 8080}, {Kind: "socks5", Host: "::1", Port: 9, Login: true, User: "us@er", Pass: "pa:ss"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, proxy := range []string{"http://user:secret@h:0", "gopher://user:secret@h:1", "user:secret%@h:1", "user:secret@h h"} {
		_, _, err := Parse([]string{"nc", "-x", proxy, "h", "1"})
		var u *report.UsageError
		if !errors.As(err, &u) || strings.Contains(u.Msg+u.Hint, "secret") {
			t.Errorf("%s: %+v", proxy, err)
		}
	}
}

// TestHexLine tells bytes from text, and takes neither for the other.
func TestHexLine(t *testing.T) {
	for line, want := range map[string]string{
		"41 42 0a\n": "AB\n", "0x41,0x42": "AB", "de:ad": "\xde\xad", "hello\n": "hello\n", `\x61bc` + "\n": "abc\n", "\n": "\n", "zz 1\n": "zz 1\n",
		"0X41\tcafe:00\n": "A\xca\xfe\x00", "0x410x42": "AB", "1 z\n": "1 z\n", "0x\n": "0x\n", ", ,\n": ", ,\n",
	} {
		if got, err := HexLine([]byte(line)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
	for _, line := range []string{"41 4\n", "abc", "1 2", "0x1 0x2", "10x2", "a bad face", `\x4`, `\q`} {
		if got, err := HexLine([]byte(line)); err == nil {
			t.Errorf("%q: %q, want an error", line, got)
		}
	}
}

// TestEmptyAndOpen refuses what only words of their own can hold.
func TestEmptyAndOpen(t *testing.T) {
	for _, args := range [][]string{{"-U", ""}, {"-lU", ""}, {"-l", "-e", `cat "x`, "1"}, {"-l", "-e", "", "1"}} {
		_, _, err := Parse(append([]string{"nc"}, args...))
		var u *report.UsageError
		if !errors.As(err, &u) || u.Hint == "" {
			t.Errorf("nc %q: %v, want a refusal", args, err)
		}
	}
}

// TestHints: the way out leads somewhere.
func TestHints(t *testing.T) {
	for line, want := range map[string]string{
		"host:": "nc host PORT", ":80": "nc HOST 80", "host:80:90": "nc host PORT", "::1": "nc ::1 PORT", "[::1]:": "nc ::1 PORT", "-z host": "nc -z host 1-1024", "host": "nc host PORT",
		"host nosuch": "a port is a number from 1 to 65535, a range such as 1-1024, or a service's name", "-l nosuch": "a port is a number from 0 to 65535, a range such as 1-1024, or a service's name",
		"--tcp h 1": "nc speaks TCP where -u, -U and --vsock are left out", "--vrebose h 1": "did you mean --verbose?", "--foo h 1": "nc --man lists all options",
		"--compat=ncat -V h 1": "nc -h shows the options, nc --man explains all of them",
	} {
		_, _, err := Parse(append([]string{"nc"}, strings.Fields(line)...))
		var u *report.UsageError
		if !errors.As(err, &u) || u.Hint != want {
			t.Errorf("nc %s: got %+v, want the hint %q", line, u, want)
		}
	}
}

// TestURLs says what to write instead of a URL.
func TestURLs(t *testing.T) {
	for line, want := range map[string]string{
		"http://h:80": "nc h 80", "https://h/path": "nc --ssl h 443", "tcp://h:1337": "nc h 1337", "ftp://h": "nc h PORT", "https://[::1]:8443/": "nc --ssl ::1 8443",
		"--compat=ncat http://h:8080/a": "nc h 8080", "http://h 80": "h",
	} {
		_, _, err := Parse(append([]string{"nc"}, strings.Fields(line)...))
		var u *report.UsageError
		if !errors.As(err, &u) || !strings.HasSuffix(u.Msg, " is a URL") || !strings.HasSuffix(u.Hint, ": "+want) {
			t.Errorf("nc %s: got %+v, want the hint %q", line, u, want)
		}
	}
}

// TestExplanation says what is true of whole command lines.
func TestExplanation(t *testing.T) {
	for line, want := range map[string][2]string{ // what it says, and what it does not
		"-l --ssl 1":                      {"clients need no certificate", ""},
		"-l --ssl --ssl-verify 1":         {"wants a certificate of the client", "need no certificate"},
		"--vsock 2 22":                    {"connects to vsock port 22 of 2", "TCP"},
		"--send-only h 1":                 {"It ends at the end of the input, or", "everything is written"},
		"-zu h 53":                        {"looks whether UDP port 53 of h is open", "read of the input"},
		"-w 5 h 1":                        {"5 s", ""},
		"-i 500ms h 1":                    {"500ms", "500ms s"},
		"-x socks5://u:secret@a:1080 h 1": {"socks5://a:1080", "secret"},
		"-d --send hi h 1":                {"When the steps are done it tells the peer (FIN)", "everything is written.\nIt"},
		"-z -i 1 h 1-2":                   {"waits 1 s between ports", "lines"},
		"-l --proxy-type http 1":          {"is a proxy (http)", "speaks"},
		"-x p:1 --proxy-dns remote h 1":   {"leaves it to the proxy", ""},
	} {
		c, given, err := Parse(append([]string{"nc"}, strings.Fields(line)...))
		if err != nil {
			t.Fatalf("nc %s: %v", line, err)
		}
		if got := Explanation(c, given); !strings.Contains(got, want[0]) || want[1] != "" && strings.Contains(got, want[1]) {
			t.Errorf("nc %s: want %q and not %q:\n%s", line, want[0], want[1], got)
		}
	}
}

// TestManIsASCII keeps the manual page to what every roff reads.
func TestManIsASCII(t *testing.T) {
	if i := bytes.IndexFunc(ManPage(), func(r rune) bool { return r > 0x7e }); i >= 0 {
		t.Errorf("%.40q", ManPage()[i:])
	}
}

// TestTable wants every option told about, and no name twice.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for i := range options {
		o := &options[i]
		each := append([]string{o.long}, o.aliases...)
		if o.letter != 0 {
			each = append(each, string(o.letter))
		}
		for _, n := range each {
			if seen[n] {
				t.Errorf("%s is two options", n)
			}
			seen[n] = true
		}
		if o.refuse == "" && (o.help == "" || o.set == nil) || o.refuse != "" && o.instead == "" || o.group == "" {
			t.Errorf("%s: something is not told", o.long)
		}
	}
	for d, letters := range dialects {
		for l := range letters {
			if findLetter(d, l) == nil {
				t.Errorf("dialect %d: -%c means nothing", d, l)
			}
		}
	}
	lines := strings.Split(strings.TrimSuffix(HelpText, "\n"), "\n")
	if len(lines) > 23 {
		t.Errorf("the help has %d lines", len(lines))
	}
	for _, l := range lines {
		if n := len([]rune(l)); n > 80 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-lnvvw5\n-p1337")
	f.Add("--wait-for\nx\\x41\n--send\ny\nhost\n1")
	f.Add("-z\n-T\nef\n--resolve\na:b\nh\n1-9,http")
	f.Fuzz(func(t *testing.T, line string) {
		c, given, err := Parse(append([]string{"nc"}, strings.Split(line, "\n")...))
		var u *report.UsageError
		if err != nil && !errors.As(err, &u) {
			t.Fatalf("an error that is no refusal: %v", err)
		}
		if err == nil && c.Mode == modeRun {
			Explanation(c, given)
		}
	})
}

func FuzzHexLine(f *testing.F) {
	f.Add([]byte("41 42 0a\n"))
	f.Add([]byte(`a\x41\n`))
	f.Fuzz(func(t *testing.T, p []byte) { HexLine(p) })
}

func FuzzSplitWords(f *testing.F) {
	f.Add(`a "b c" 'd e' f\ g`)
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := SplitWords(s); err == nil && len(w) == 0 {
			t.Fatal("no words and no error")
		}
	})
}
