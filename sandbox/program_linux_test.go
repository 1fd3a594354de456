package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFindProgram: what the kernel would not run is told before anybody plays, with the way out.
func TestFindProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, mode := range map[string]os.FileMode{"mine": 0o755, "plain.py": 0o644, "words": 0o755, "empty": 0o755, "windows": 0o755} {
		text := map[string]string{"mine": "#!/bin/sh\n", "plain.py": "print()\n", "words": "print()\n", "windows": "#!/bin/sh\r\n"}[name]
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("dir", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/usr", "led"); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		policy     Policy
		name       string
		want, hint string
		is         error
	}{
		{Policy{}, "./mine", "", "", nil},
		{Policy{}, "sh", "", "", nil},
		{Policy{}, "./dir", "is a directory", "name the program in it", nil},
		{Policy{}, "./absent", "does not exist", "looked for from", fs.ErrNotExist},
		{Policy{}, "mine", "is not in $PATH", "./mine", exec.ErrNotFound},
		{Policy{}, "./plain.py", "is not executable", "chmod +x ./plain.py, or name what runs it: python3 ./plain.py", nil},
		{Policy{}, "./words", "script that begins with #!", "python3 ./words", nil},
		{Policy{}, "./empty", "script that begins with #!", "", nil},
		{Policy{Root: "/srv"}, "./chal", "no whole path", "/chal", nil},
		{Policy{Root: "/srv", Dir: "/home/ctf"}, "./chal", "no whole path", "write /home/ctf/chal", nil},
		{Policy{Root: here}, "/mine", "", "", nil},
		{Policy{Root: here}, "/dir/../led/mine", "", "", nil}, // a link that leads out of it
		{Policy{Root: here}, "/chal", "does not exist in " + here, "in that directory", fs.ErrNotExist},
		{Policy{}, "./windows", "end as on Windows", "sed -i", nil},
		{Policy{}, "", "no name of a program", "after --", nil},
	} {
		if test.want == "script that begins with #!" && otherFormats() {
			continue
		}
		_, err := FindProgram(test.policy, test.name)
		var no *ProgramError
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want == "":
		case !errors.As(err, &no) || !strings.Contains(no.Error(), test.want) || !strings.Contains(no.Hint(), test.hint):
			t.Errorf("%s: %v, want %q with the hint %q", test.name, err, test.want, test.hint)
		case test.is != nil && !errors.Is(err, test.is):
			t.Errorf("%s: %v is not %v", test.name, err, test.is)
		}
	}
}
