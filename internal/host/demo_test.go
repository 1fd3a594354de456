package host

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/flagstaff-ctf/flagstaff/chal"
	"github.com/flagstaff-ctf/flagstaff/challenges/geography"
	"github.com/flagstaff-ctf/flagstaff/challenges/levels"
	"github.com/flagstaff-ctf/flagstaff/tube"
)

const testKey = "00112233445566778899aabbccddeeff"

// newDemo makes a Demo of flags, with an environment of a flag and a key.
func newDemo(t *testing.T, stdout io.Writer, args ...string) *Demo {
	t.Helper()
	env := map[string]string{chal.FlagVariable: "flag{test}", KeyVariable: testKey}
	d := &Demo{Console: Console{
		Env:    func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Stdout: stdout, Stderr: t.Output(),
	}}
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	d.Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return d
}

type listening struct{ Event, Challenge, Addr string }

// start runs a demo with --json on free ports until the test ends, and
// returns what it says is listening, once all are.
func start(t *testing.T, count int, args ...string) []listening {
	t.Helper()
	out, in := io.Pipe()
	d := newDemo(t, in, append([]string{"--json", "--listen", "127.0.0.1:0", "--drain", "0s"}, args...)...)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var err error
	wg.Go(func() {
		err = d.Serve(ctx)
		in.Close()
	})
	lines := bufio.NewScanner(out)
	var all []listening
	for len(all) < count && lines.Scan() {
		var l listening
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, l)
	}
	wg.Go(func() { io.Copy(io.Discard, out) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err != nil {
			t.Errorf("Serve returned %v, want nil after its context ended", err)
		}
	})
	if len(all) < count {
		t.Fatalf("the demo ended after %d of %d listening events: %v", len(all), count, all)
	}
	return all
}

func TestDemoAnnouncesGeographyFirstThenTheLadder(t *testing.T) {
	all := start(t, 14)
	want := []string{
		"geography", "hello", "dribble", "bytes", "frames", "finish", "bothways", "crowd",
		"clock", "datagram", "callback", "goodbye", "web", "tls",
	}
	var got []string
	addrs := map[string]bool{}
	for _, l := range all {
		if l.Event != "listening" {
			t.Errorf("got event %q before all were listening", l.Event)
		}
		got = append(got, l.Challenge)
		addrs[l.Challenge+l.Addr] = true
		if _, port, err := net.SplitHostPort(l.Addr); err != nil || port == "0" {
			t.Errorf("%s listens on %q", l.Challenge, l.Addr)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if len(addrs) != len(want) {
		t.Errorf("addresses are shared: %v", all)
	}
}

// Every level, hosted, is won by its own solver, and gives the flag that is
// derived from the event's key.
func TestDemoServesWhatItAnnounces(t *testing.T) {
	all := start(t, 14)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	g, err := tube.Dial(ctx, "tcp", all[0].Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if flag, err := geography.Solve(ctx, g); flag != "flag{test}" || err != nil {
		t.Errorf("geography: got %q, %v", flag, err)
	}
	key := []byte{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	ladder := levels.All(levels.Options{Key: key, Callback: true})
	for i, l := range ladder {
		flag, err := l.Play(ctx, all[i+1].Addr)
		if want := levels.Flag(key, l.Name); flag != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", l.Name, flag, err, want)
		}
	}
}

func TestMenuListsTheLevelsWithTheirAddresses(t *testing.T) {
	all := start(t, 14)
	p, err := tube.Dial(t.Context(), "tcp", all[0].Addr, tube.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.SendLineAfter("> ", "menu"); err != nil {
		t.Fatal(err)
	}
	if err := p.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	text, err := p.RecvAll(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all[1:] {
		_, port, _ := net.SplitHostPort(l.Addr)
		if !strings.Contains(text, l.Challenge) || !strings.Contains(text, port) {
			t.Errorf("the menu does not name %s at %s:\n%s", l.Challenge, l.Addr, text)
		}
	}
}

func TestReplayAsksTheSameQuestions(t *testing.T) {
	questions := func(addr string) (game, id string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		p, err := tube.Dial(ctx, "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		var log strings.Builder
		if _, err := (geography.Solver{Log: &log}).Solve(ctx, p); err != nil {
			t.Fatal(err)
		}
		game, bye, ok := strings.Cut(log.String(), "BYE")
		fields := strings.Fields(bye)
		if !ok || len(fields) == 0 {
			t.Fatalf("no BYE: %s", log.String())
		}
		return game, fields[len(fields)-1]
	}
	game, id := questions(start(t, 1, "--levels", "-1")[0].Addr)
	again, sameID := questions(start(t, 1, "--levels", "-1", "--replay", id)[0].Addr)
	if again != game || sameID != id {
		t.Errorf("the replay of %s, which calls itself %s, asked\n%s\nwant\n%s", id, sameID, again, game)
	}
}

func TestLevelWhosePortIsTakenSaysWhichFlagHelps(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := free.Addr().String()
	free.Close()
	err = newDemo(t, io.Discard, "--listen", first, "--levels", port).Serve(t.Context())
	var hint interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "level hello") || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "--levels") {
		t.Fatalf("got %v, want an error about level hello that hints at --levels", err)
	}
	// Nothing was left listening.
	again, err := net.Listen("tcp", first)
	if err != nil {
		t.Fatalf("the first listener was left open: %v", err)
	}
	again.Close()
}

func TestPublicAddressLeavesCallbackOut(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.8.9.1": true, "::1": true, "localhost": true,
		"": false, "0.0.0.0": false, "::": false, "192.0.2.1": false, "chal.example.org": false,
	} {
		got := slices.ContainsFunc(newDemo(t, io.Discard).ladder(settings{host: host}), func(l levels.Level) bool { return l.Name == "callback" })
		if got != want {
			t.Errorf("listening on %q: callback is served: %v, want %v", host, got, want)
		}
		if r := reachable(host); r == "" || r == "0.0.0.0" || r == "::" {
			t.Errorf("a player cannot type %q", r)
		}
	}
}

func TestSettingsAreCheckedBeforeAnythingListens(t *testing.T) {
	for _, tt := range []struct{ args, says string }{
		{"--listen=nothing", "no address"},
		{"--listen=127.0.0.1:99999", "no address"},
		{"--levels=-2", "levels"},
		{"--levels=" + strconv.Itoa(65535-lastLevel+1), "levels"},
		{"--drain=-1s", "negative"},
		{"--max-sessions=0", "nobody"},
		{"--max-per-source=0", "nobody"},
		{"--replay=x", "--replay"},
		{"--replay=geo1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "--replay"},
	} {
		err := newDemo(t, io.Discard, tt.args).Serve(t.Context())
		var bad *SettingError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.says) || bad.Hint() == "" {
			t.Errorf("%s: got %v, want a *SettingError about %q with a hint", tt.args, err, tt.says)
		}
	}
}

func TestAnnouncementForPeople(t *testing.T) {
	var out bytes.Buffer
	d := newDemo(t, &out, "--listen", "127.0.0.1:0")
	set, err := d.settings()
	if err != nil {
		t.Fatal(err)
	}
	set.madeUp = true
	stands, err := d.open(t.Context(), set, d.log(), func(chal.Entry) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range stands {
		st.close()
	}
	d.announce(set, stands)
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > 79 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	for _, want := range []string{"only this machine", "nc 127.0.0.1 ", "flag{test}, made up", "nc -u 127.0.0.1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%swant it to contain %q", out.String(), want)
		}
	}
}

// TestDemoChoosesByServerName: one port for all challenges, by SNI.
func TestDemoChoosesByServerName(t *testing.T) {
	all := start(t, 14, "--tls", "auto")
	for name, want := range map[string]string{
		"hello.chal.example.org":     "| hello: ",
		"Bytes.localhost":            "| bytes: ",
		"geography.chal.example.org": "G E O G R A P H Y",
		"unknown.example.org":        "G E O G R A P H Y",
		"tls.example.org":            "G E O G R A P H Y",
		"":                           "G E O G R A P H Y",
	} {
		conn, err := tls.Dial("tcp", all[0].Addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		p := tube.New(conn, tube.WithTimeout(20*time.Second))
		if got, err := p.Within(5 * time.Second).RecvUntil(want); err != nil {
			t.Errorf("server name %q: got %q, %v, want %q", name, got, err, want)
		}
		p.Abort()
	}
	// The flag is that of the level.
	solver := levels.All(levels.Options{})[0].Solve
	p := tube.New(tls.Client(dialPlain(t, all[0].Addr), &tls.Config{ServerName: "hello.localhost", InsecureSkipVerify: true}), tube.WithTimeout(20*time.Second))
	defer p.Abort()
	key, err := hex.DecodeString(testKey)
	if err != nil {
		t.Fatal(err)
	}
	if flag, err := solver(t.Context(), p); flag != levels.Flag(key, "hello") {
		t.Errorf("the solver of hello got %q, %v, want the flag of hello", flag, err)
	}
}

func dialPlain(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
