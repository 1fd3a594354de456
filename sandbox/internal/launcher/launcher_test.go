package launcher_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pinned is the compiler the committed bytes are made with: others make other bytes.
const pinned = "(Debian 12.2.0-14"

// TestReproducible builds the launcher and compares it with the committed one.
func TestReproducible(t *testing.T) {
	for arch, compiler := range map[string]string{"amd64": "x86_64-linux-gnu-gcc", "arm64": "aarch64-linux-gnu-gcc"} {
		t.Run(arch, func(t *testing.T) {
			version, err := exec.Command(compiler, "--version").Output()
			if err != nil {
				t.Skipf("no %s: %v", compiler, err)
			}
			if !strings.Contains(string(version), pinned) {
				t.Skipf("%s is not the pinned one, %s", compiler, pinned)
			}
			dir := t.TempDir()
			build := exec.Command("src/build.sh", dir)
			build.Env = append(build.Environ(), "ARCHES="+arch)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("build.sh: %v\n%s", err, out)
			}
			name := "launcher_" + arch
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: got %d bytes that differ from the %d committed ones: run src/build.sh and commit", name, len(got), len(want))
			}
		})
	}
}
