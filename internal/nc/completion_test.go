//go:build unix

package nc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// TestCompletions loads the completions as the documentation says, and asks the shells for one.
func TestCompletions(t *testing.T) {
	dir := t.TempDir()
	file := func(shell string) string {
		name := filepath.Join(dir, shell)
		p, err := exec.Command(ncBinary, "--completion", shell).Output()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for shell, c := range map[string]struct {
		args []string
		want string
	}{
		"bash": {[]string{"--norc", "-c", `source "$0"; COMP_WORDS=(nc --ssl-ver) COMP_CWORD=1; _nc; echo "${COMPREPLY[*]}"`}, "--ssl-verify\n"},
		"zsh":  {[]string{"-fc", `autoload -Uz compinit; compinit -D; source "$0"; echo $_comps[nc]`}, "_nc\n"},
		"fish": {[]string{"--no-config", "-c", `source $argv[1]; complete -C "nc --ssl-ver" | cut -f1`}, "--ssl-verify\n"},
	} {
		t.Run(shell, func(t *testing.T) {
			program := testkit.Program(t, shell)
			cmd := exec.Command(program, append(c.args, file(shell))...)
			cmd.Env = append(os.Environ(), "HOME="+dir)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), c.want) {
				t.Errorf("got %q, %v, want %q", out, err, c.want)
			}
		})
	}
	// Paths, also with blanks, where they belong.
	t.Run("bash, paths", func(t *testing.T) {
		program := testkit.Program(t, "bash")
		for name := range map[string]bool{"my cert.pem": true, "my sock": true} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for words, want := range map[string]string{
			"nc --ssl-cert my\\ c": "my cert.pem", "nc -vo my\\ c": "my cert.pem", "nc -vU my\\ s": "my sock", "nc --unix my\\ s": "my sock", "nc -T af1": "af11 af12 af13", "nc -vT lowd": "lowdelay",
		} {
			cmd := exec.Command(program, "--norc", "-c", `source "$0"; COMP_WORDS=(`+words+`); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _nc; echo "${COMPREPLY[*]}"`, file("bash"))
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != want+"\n" {
				t.Errorf("%s: got %q, %v, want %q", words, out, err, want)
			}
		}
	})
	t.Run("fish, without another netcat's", func(t *testing.T) {
		program := testkit.Program(t, "fish")
		cmd := exec.Command(program, "--no-config", "-c", `source $argv[1]; complete -C "nc -"`, file("fish"))
		cmd.Env = append(os.Environ(), "HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "UDP broadcasts") || !strings.Contains(string(out), "--ssl-verify") {
			t.Errorf("got %q, %v", out, err)
		}
	})
	// As a file of its own, zsh finds the function in its path.
	t.Run("zsh, by its path", func(t *testing.T) {
		program := testkit.Program(t, "zsh")
		if err := os.Rename(file("zsh"), filepath.Join(dir, "_nc")); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, "-fc", `fpath=($0 $fpath); autoload -Uz compinit; compinit -u -D; echo $_comps[nc]`, dir).CombinedOutput()
		if err != nil || string(out) != "_nc\n" {
			t.Errorf("got %q, %v", out, err)
		}
	})
}
