package sandbox

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/ocitest"
	"github.com/flagstaff-ctf/flagstaff/sandbox/oci"
)

// image writes an image with a static program in it that shows its files, and returns a policy for it.
func image(t testing.TB, user string) Policy {
	t.Helper()
	program, err := os.ReadFile(build(t, "show"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ocitest.Layout(t, dir, ocitest.Image{
		Config: map[string]any{
			"User": user, "WorkingDir": "/srv", "Entrypoint": []string{"show"}, "Cmd": []string{"note"},
			"Env": []string{"PATH=/nowhere:/opt/bin", "FROM=image", "BOTH=image"},
		},
		Layers: [][]ocitest.Entry{
			{
				{Name: "etc/passwd", Body: "root:x:0:0::/:\nctf:x:1000:1000::/:\n", Mode: 0o644},
				{Name: "opt/bin/real", Body: string(program)},
				{Name: "opt/bin/show", Type: tar.TypeSymlink, Link: "/opt/bin/real"},
				{Name: "srv/note", Body: "old\n", Mode: 0o644},
			},
			{
				{Name: "srv/note", Body: "from the image\n", Mode: 0o644},
				{Name: "srv/secret", Body: "of root\n", Mode: 0o600},
				{Name: "srv/mine", Body: "of ctf\n", Mode: 0o400, UID: 1000},
				{Name: "srv/tool", Body: string(program), Mode: 0o700},
			},
		},
	})
	return Policy{Image: dir, ImageCache: filepath.Join(t.TempDir(), "cache")}
}

// TestImage runs the program of an image in it.
func TestImage(t *testing.T) {
	p := image(t, "ctf")
	p.Env = []string{"BOTH=policy"}
	r := prepare(t, p)
	out, exit := play(t, r, Session{Args: []string{"mine", "secret", "/dev/null", "/usr", "$PATH", "$FROM", "$BOTH"}}, "")
	want := "/srv: from the image\nof ctf\nsecret: denied\n/usr: absent\n/nowhere:/opt/bin\nimage\npolicy\n"
	if out != want || exit.Code != 0 {
		t.Errorf("got %q, %+v %s, want %q", out, exit, exit.Stderr, want)
	}
}

// TestImageUser shows what the image shows to another user.
func TestImageUser(t *testing.T) {
	p := image(t, "")
	for user, want := range map[string]string{"": "mine: denied\nsecret: denied\n", "ctf": "of ctf\nsecret: denied\n", "root": "of ctf\nof root\n"} {
		p.ImageUser = user
		if out, _ := play(t, prepare(t, p, "show", "mine", "secret"), Session{}, ""); out != "/srv: "+want {
			t.Errorf("user %q: got %q, want %q", user, out, want)
		}
	}
}

// TestImageFlag gives an image flags that are not in it.
func TestImageFlag(t *testing.T) {
	p := image(t, "ctf")
	p.Flag = "flag{all}\n"
	if out, exit := play(t, prepare(t, p, "show", "/flag"), Session{}, ""); out != "/srv: flag{all}\n" {
		t.Errorf("got %q, %+v %s", out, exit, exit.Stderr)
	}
	p.Flag, p.SessionFlag, p.Tmp = "", true, 1<<20
	r := prepare(t, p, "show", "/flag", "/tmp")
	for _, flag := range []string{"flag{1}\n", "flag{2}\n"} {
		if out, exit := play(t, r, Session{Flag: flag}, ""); out != "/srv: "+flag {
			t.Errorf("got %q, %+v %s, want %q", out, exit, exit.Stderr, flag)
		}
	}
}

func TestImageErrors(t *testing.T) {
	p := image(t, "ctf")
	var no *oci.ProgramError
	for _, c := range []struct{ program, want string }{
		{"absent", "it is in none of /nowhere:/opt/bin"},
		{"/srv/absent", "no such file"},
		{"./tool", "does not let its user run it"},
		{"/srv/note", "does not let its user run it"},
		{"/srv", "no file"},
	} {
		_, err := Prepare(p, c.program)
		if !errors.As(err, &no) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.program, err, c.want)
		}
	}
	for _, c := range []struct {
		change func(*Policy)
		want   string
	}{
		{func(p *Policy) { p.Root = "/" }, "both a root and an image"},
		{func(p *Policy) { p.Image = "" }, "no image to take"},
		{func(p *Policy) { p.Files = []string{"/etc/passwd"} }, "another root"},
		{func(p *Policy) { p.Image = "here" }, "absolute"},
		{func(p *Policy) { p.ImageName = "other" }, `"other"`},
		{func(p *Policy) { p.Image = "/no/such/image" }, "no such file"},
	} {
		q := p
		c.change(&q)
		if _, err := Prepare(q); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// TestPlacesOfAnotherKind does not follow a link of the author's out of the root.
func TestPlacesOfAnotherKind(t *testing.T) {
	root := t.TempDir()
	for name, to := range map[string]string{"flag": "/etc/passwd", ".own": "/etc", "tmp": "/etc"} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []Policy{{Flag: "x"}, {SessionFlag: true}, {Tmp: 1}} {
		p.Root = root
		var no *UnenforceableError
		if _, err := enforce(p); !errors.As(err, &no) || !strings.Contains(no.Why, "a symbolic link") {
			t.Errorf("%+v: got %v, want that it is a link", p, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	base := []string{"PATH=a", "X=1"}
	got := environment(base, []string{"Y=2", "PATH=b", "PATHS=c", "Y=3"})
	if want := "PATH=b X=1 Y=3 PATHS=c"; strings.Join(got, " ") != want || base[0] != "PATH=a" {
		t.Errorf("got %q, want %q and the first as it was: %q", got, want, base)
	}
}
