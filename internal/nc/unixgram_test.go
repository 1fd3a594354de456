//go:build unix

package nc

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestUnixDatagrams sends one datagram each way, through the file system and
// through the abstract name space.
func TestUnixDatagrams(t *testing.T) {
	names := map[string]string{"file": filepath.Join(t.TempDir(), "s")}
	if runtime.GOOS == "linux" {
		names["abstract"] = fmt.Sprintf("@nc-test-%d", time.Now().UnixNano())
	}
	for kind, name := range names {
		t.Run(kind, func(t *testing.T) {
			pc, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer pc.Close()
			pc.SetDeadline(time.Now().Add(patience))
			cmd := exec.Command(ncBinary, "-uU", "-W", "1", name)
			var out, errs bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("ping\n"), &out, &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			buf := make([]byte, 100)
			n, from, err := pc.ReadFrom(buf)
			if err != nil || string(buf[:n]) != "ping\n" {
				t.Fatalf("got %q, %v", buf[:n], err)
			}
			if _, err := pc.WriteTo([]byte("pong\n"), from); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil || out.String() != "pong\n" {
				t.Errorf("got %q, %v: %s", &out, err, &errs)
			}
		})
	}
}
