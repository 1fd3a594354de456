package doctest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/challenges/levels"
	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// built is the binary of cmd/flagstaff, made once for all tests.
var built struct {
	sync.Once
	dir, failed string
}

// flagstaff returns the path of the real binary.
func flagstaff(t *testing.T) string {
	t.Helper()
	compiler := testkit.Program(t, "go")
	built.Do(func() {
		dir, err := os.MkdirTemp("", "flagstaff")
		if err != nil {
			built.failed = err.Error()
			return
		}
		built.dir = dir
		build := exec.Command(compiler, "build", "-o", filepath.Join(dir, "flagstaff"), "../../cmd/flagstaff")
		if out, err := build.CombinedOutput(); err != nil {
			built.failed = fmt.Sprintf("go build: %v\n%s", err, out)
		}
	})
	if built.failed != "" {
		t.Fatal(built.failed)
	}
	return filepath.Join(built.dir, "flagstaff")
}

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(built.dir)
	os.Exit(code)
}

// eventKey keeps the servers of tests from writing one into the home directory.
const eventKey = "FLAGSTAFF_KEY=74776f206c696b6520612066616c6c69"

// serveLevels runs flagstaff serve at free ports until the test has ended, and
// returns which level is where.
func serveLevels(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.Command(flagstaff(t), "serve", "--json", "--listen", "127.0.0.1:0", "--levels", "0")
	cmd.Env = append(cmd.Environ(), eventKey)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Its ledger would fill the pipe: it is read to the end.
	events := bufio.NewScanner(out)
	read := make(chan struct{})
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-read
		cmd.Wait()
	})
	missing := map[string]string{}
	for _, l := range levels.All(levels.Options{Callback: true}) {
		missing[l.Name] = fmt.Sprint(l.Port)
	}
	ports := map[string]string{}
	for len(missing) > 0 && events.Scan() {
		var e struct{ Event, Challenge, Addr string }
		if err := json.Unmarshal(events.Bytes(), &e); err != nil {
			t.Errorf("flagstaff serve --json printed %q: %v", events.Text(), err)
			break
		}
		_, port, err := net.SplitHostPort(e.Addr)
		if e.Event != "listening" || missing[e.Challenge] == "" || err != nil {
			continue // geography
		}
		ports[missing[e.Challenge]] = port
		delete(missing, e.Challenge)
	}
	go func() {
		defer close(read)
		for events.Scan() {
		}
	}()
	if len(missing) > 0 {
		t.Fatalf("flagstaff serve does not announce %v", missing)
	}
	return ports
}

// movedFlagstaff returns a directory with a program flagstaff, the real one,
// but that serve listens at free ports in the place of 1337 and 4001 to 4013;
// and these.
func movedFlagstaff(t *testing.T) (bin string, ports map[string]string) {
	t.Helper()
	taken := map[int]bool{}
	first, err := freePort(taken)
	if err != nil {
		t.Fatal(err)
	}
	ladder := levels.All(levels.Options{Callback: true})
	base, err := freePorts(taken, len(ladder))
	if err != nil {
		t.Fatal(err)
	}
	ports = map[string]string{"1337": fmt.Sprint(first)}
	for _, l := range ladder {
		ports[fmt.Sprint(l.Port)] = fmt.Sprint(base + l.Port - levels.FirstPort)
	}
	bin = t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n"+
		"[ \"$*\" = serve ] && exec env %s '%s' serve --listen 127.0.0.1:%d --levels %d\n"+
		"exec '%s' \"$@\"\n", eventKey, flagstaff(t), first, base, flagstaff(t))
	if err := writeProgram(filepath.Join(bin, "flagstaff"), script); err != nil {
		t.Fatal(err)
	}
	return bin, ports
}

// writeProgram writes a script so that it can be run at once: while a file is
// open for writing in any process it cannot be run, and a fork in another
// goroutine could hold it open.
func writeProgram(name, script string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(name, []byte(script), 0o755)
}

// freePorts returns the first of n free ports in a row.
func freePorts(taken map[int]bool, n int) (int, error) {
	for range 100 {
		first, err := freePort(taken)
		if err != nil {
			return 0, err
		}
		row := 1
		for row < n && !taken[first+row] && portFree(strconv.Itoa(first+row)) {
			row++
		}
		if row == n {
			for i := range n {
				taken[first+i] = true
			}
			return first, nil
		}
	}
	return 0, fmt.Errorf("no %d ports in a row are free", n)
}
