//go:build unix

package nc

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// TestFilteredPorts scans a thousand ports that answer nothing, in a network of its own.
func TestFilteredPorts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: no network namespace can be made")
	}
	unshare, ip := testkit.Program(t, "unshare"), testkit.Program(t, "ip")
	// The other end of the pair has no address: what arrives there is dropped.
	script := fmt.Sprintf("%[1]s link add v0 type veth peer name v1 && %[1]s addr add 10.99.0.1/24 dev v0 && %[1]s link set v0 up && %[1]s link set v1 up && "+
		"%[1]s neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev v0 && exec %[2]s -zvn -w 1 10.99.0.2 1-1000", ip, ncBinary)
	begin := time.Now()
	out, err := exec.Command(unshare, "-n", "sh", "-c", script).CombinedOutput()
	took := time.Since(begin)
	if bytes.Contains(out, []byte("Operation not permitted")) || bytes.Contains(out, []byte("Unknown device type")) {
		t.Skip("no network namespace with a pair of interfaces: " + strings.TrimSpace(string(out)))
	}
	if err == nil || bytes.Count(out, []byte("Connection timed out")) != 1000 {
		t.Errorf("got %v, %.300s", err, out)
	}
	if took > 3*time.Second {
		t.Errorf("a thousand silent ports took %v", took)
	}
}
