//go:build unix

package nc

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// inNetwork runs a shell line in a network of its own, with a loopback and an
// interface v0 that drops what is sent to 10.99.0.2: it returns the output, and
// how long the line took.
func inNetwork(t *testing.T, line string) (out string, took time.Duration) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root: no network namespace can be made")
	}
	unshare := testkit.Program(t, "unshare")
	testkit.Program(t, "ip")
	// The other end of the pair has no address: what arrives there is dropped.
	script := "ip link add v0 type veth peer name v1 && ip addr add 10.99.0.1/24 dev v0 && ip link set lo up && ip link set v0 up && ip link set v1 up && " +
		"ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0 || exit 77; " + line
	cmd := exec.Command(unshare, "-n", "sh", "-c", script)
	cmd.Dir = t.TempDir()
	begin := time.Now()
	p, err := cmd.CombinedOutput()
	took = time.Since(begin)
	if strings.Contains(string(p), "Operation not permitted") || strings.Contains(string(p), "Unknown device type") {
		t.Skip("no network namespace with a pair of interfaces: " + strings.TrimSpace(string(p)))
	}
	if cmd.ProcessState.ExitCode() == 77 {
		t.Fatalf("%v: %s", err, p)
	}
	return string(p), took
}

// TestFilteredPorts scans a thousand ports that answer nothing.
func TestFilteredPorts(t *testing.T) {
	out, took := inNetwork(t, fmt.Sprintf("exec %s -zvn -w 1 10.99.0.2 1-1000", ncBinary))
	if strings.Count(out, "Connection timed out") != 1000 {
		t.Errorf("got %.300s", out)
	}
	if took > 3*time.Second {
		t.Errorf("a thousand silent ports took %v", took)
	}
}

// TestFewDescriptors finds every open port where nc may open few files, and calls no port closed that it could not look at.
func TestFewDescriptors(t *testing.T) {
	var all []string
	for range 4 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		all = append(all, fmt.Sprint(ln.Addr().(*net.TCPAddr).Port))
	}
	ports := "1-300 " + strings.Join(all[:2], " ") + " 400-700 " + strings.Join(all[2:], " ")
	scan := func(files int, args string) string {
		p, _ := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d; exec %s -znv %s 127.0.0.1 %s", files, ncBinary, args, ports)).CombinedOutput()
		return string(p)
	}
	for _, args := range []string{"", "-s 127.0.0.1"} {
		for _, files := range []int{8, 64} {
			out := scan(files, args)
			if strings.Contains(out, "Too many") || strings.Contains(out, "error:") {
				t.Errorf("with %d files %s: %.300s", files, args, out)
			}
			for _, p := range all {
				if !strings.Contains(out, " "+p+" port [tcp/*] succeeded!") {
					t.Errorf("with %d files %s: %s is not found", files, args, p)
				}
			}
		}
	}
	for _, args := range []string{"", "-s 127.0.0.1"} {
		for files := 3; files <= 6; files++ { // Go's poller takes some
			out := scan(files, "--json "+args)
			if !strings.Contains(out, "too many open files") || strings.Contains(out, `"closed"`) || strings.Contains(out, "goroutine") {
				t.Errorf("with %d files, %s: %.300s", files, args, out)
			}
		}
	}
}

// TestScanThroughProxies looks from a proxy which ports are open.
func TestScanThroughProxies(t *testing.T) {
	open, closed := echoing(t), freePort(t)
	for kind, refusal := range map[string]string{"socks5": "connection refused", "http": "502 Bad Gateway"} {
		_, port := listener(t, "-lk", "--proxy-type", kind)
		via := kind + "://127.0.0.1:" + port
		for _, way := range []struct {
			ports, says string
			status      int
		}{
			{open, "Connection to 127.0.0.1 " + open + " port [tcp/*] succeeded!\n", 0},
			{closed, "nc: connect to 127.0.0.1 port " + closed + " (tcp) failed: " + refusal + "\n", 1},
		} {
			cmd := exec.Command(ncBinary, "-zvn", "-x", via, "127.0.0.1", way.ports)
			out, err := cmd.CombinedOutput()
			if string(out) != way.says || cmd.ProcessState.ExitCode() != way.status {
				t.Errorf("%s, port %s: got %q, %v, want %q and status %d", kind, way.ports, out, err, way.says, way.status)
			}
		}
	}
	cmd := exec.Command(ncBinary, "-z", "-x", "socks5://127.0.0.1:"+closed, "127.0.0.1", open)
	if out, err := cmd.CombinedOutput(); !strings.Contains(string(out), "nothing listens on the proxy") {
		t.Errorf("without a proxy: got %q, %v", out, err)
	}
}
