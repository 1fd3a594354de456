package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"flagstaff": main})
}

// TestScripts runs testdata/script with the real command. Besides
// testscript's own commands there are
//
//	serve [ARGS…]        starts flagstaff serve --json --listen 127.0.0.1:0 ARGS and sets $PORT
//	run [ARGS…]          the same for flagstaff run
//	stop SIGNAL          sends it INT, TERM or HUP and waits; it must exit with 0
//	events               what the server wrote to standard output becomes the file events
//
// and the condition [sandbox], that this host can enforce the default policy.
func TestScripts(t *testing.T) {
	testkit.HeedSignals()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, ".home")
			env.Setenv("HOME", home)
			env.Setenv("XDG_CONFIG_HOME", home)
			env.Setenv("AppData", home)
			return os.Mkdir(home, 0o700)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve": starter("serve"), "run": starter("run"), "stop": stopServer,
		},
		Condition: func(cond string) (bool, error) {
			if cond != "sandbox" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := sandbox.Report(sandbox.Policy{})
			return err == nil, nil
		},
	})
}

// server is a flagstaff serve that a script has started.
type server struct {
	cmd    *exec.Cmd
	events strings.Builder
	read   sync.WaitGroup
	stderr strings.Builder
}

var servers sync.Map // of *server, by the script's work folder

func starter(subcommand string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("%s cannot be negated: use exec", subcommand)
		}
		startServer(ts, append([]string{subcommand, "--json", "--listen", "127.0.0.1:0"}, args...))
	}
}

func startServer(ts *testscript.TestScript, args []string) {
	bin := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, "flagstaff")); err == nil {
			bin = path
			break
		}
	}
	s := &server{cmd: exec.Command(bin, args...)}
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData", "FLAGSTAFF_FLAG", "FLAGSTAFF_KEY", "SYSTEMROOT", "PATH"} {
		if v := ts.Getenv(name); v != "" {
			s.cmd.Env = append(s.cmd.Env, name+"="+v)
		}
	}
	s.cmd.Stderr, s.cmd.Dir = &s.stderr, ts.MkAbs(".")
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil {
		s.cmd.Wait()
		ts.Fatalf("%s ended at once: %s", args[0], s.stderr.String())
	}
	s.events.WriteString(first)
	var e struct{ Event, Addr string }
	ts.Check(json.Unmarshal([]byte(first), &e))
	if e.Event != "listening" {
		ts.Fatalf("the first event is %s, want listening", first)
	}
	_, port, err := net.SplitHostPort(e.Addr)
	ts.Check(err)
	ts.Setenv("PORT", port)
	s.read.Go(func() { lines.WriteTo(&s.events) })
	servers.Store(ts.Getenv("WORK"), s)
	ts.Defer(func() {
		s.cmd.Process.Kill()
		s.read.Wait()
		s.cmd.Wait()
	})
}

func stopServer(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := servers.Load(ts.Getenv("WORK"))
	if !ok || neg || len(args) != 1 {
		ts.Fatalf("usage: stop INT|TERM|HUP, after serve")
	}
	s := v.(*server)
	ts.Check(sendSignal(s.cmd.Process, args[0]))
	late := time.AfterFunc(time.Minute, func() { s.cmd.Process.Kill() })
	defer late.Stop()
	s.read.Wait()
	if err := s.cmd.Wait(); err != nil {
		ts.Fatalf("the server ended with %v\n%s", err, s.stderr.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("events"), []byte(s.events.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("log"), []byte(s.stderr.String()), 0o600))
}
