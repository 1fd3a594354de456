// Package flagstaff_test holds the tests of the house as a whole: which
// package may stand on which, and that each says what it is for.
package flagstaff_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/flagstaff-ctf/flagstaff"

// floors lists every package. A package may import those on floors below its
// own, and on its own floor those that beside names.
var floors = [][]string{
	0: {
		"tube", "tube/internal/buffer", "tube/tubetest", "pow", "pow/internal/gen", "geo", "geo/internal/world", "geo/internal/gen",
		"sandbox/internal/cgroup", "sandbox/internal/filter", "sandbox/internal/launcher", "sandbox/internal/ocitest", "sandbox/oci",
		"internal/memnet", "internal/sock", "internal/spool", "internal/testkit", "internal/doctest", "internal/visible",
		"internal/nc/access", "internal/nc/broker", "internal/nc/crlf", "internal/nc/hexdump", "internal/nc/lineedit",
		"internal/nc/packet", "internal/nc/proxy", "internal/nc/relay", "internal/nc/report",
		"internal/nc/telnet", "internal/nc/transcript", "internal/nc/vsock",
		"examples/servers/echo", "examples/servers/prime", "examples/servers/prices", "examples/servers/chat", "examples/servers/kv",
	},
	1: {"sandbox", "internal/nc/cmdline", "internal/nc/program", "internal/nc/scan", "internal/nc/secure", "internal/nc/sockopt", "internal/nc/solver"},
	2: {"internal/nc", "chal", "chal/chaltest", "internal/servercheck"},
	3: {"chal/program", "challenges/geography", "challenges/levels"},
	4: {"internal/admit", "internal/doctor", "internal/host"},
	5: {"cmd/flagstaff", "cmd/nc", "bench", "examples/double", "examples/geography", "examples/levels/solve"},
}

// beside names the arrows within a floor.
var beside = map[string][]string{
	"internal/nc/report":     {"internal/nc/relay", "internal/visible"},
	"internal/nc/transcript": {"internal/nc/crlf"},
	"internal/nc/broker":     {"internal/visible"},
	"internal/nc/cmdline":    {"internal/nc/sockopt"},
	"internal/nc/secure":     {"internal/nc/cmdline"},
	"internal/nc/scan":       {"internal/nc/sockopt"},
	"internal/nc/program":    {"internal/nc/cmdline"},
	"tube":                   {"internal/sock", "tube/internal/buffer"},
	"tube/tubetest":          {"tube"},
	"geo":                    {"geo/internal/world"},
	"geo/internal/gen":       {"geo", "geo/internal/world"},
	"chal/chaltest":          {"chal"},
	"internal/host":          {"internal/admit"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

// packages lists the module's packages, for Linux, as the go command sees them.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

func ours(path string) (string, bool) { return strings.CutPrefix(path, module+"/") }

// floorOf returns the floor of a package, or -1.
func floorOf(name string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, name) })
}

// TestFloors fails on an import that runs up, or across without being named.
func TestFloors(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		name, ok := ours(p.ImportPath)
		if !ok {
			continue // the root itself: only tests
		}
		seen[name] = true
		floor := floorOf(name)
		if floor < 0 {
			t.Errorf("%s stands on no floor: add it to floors in house_test.go", name)
			continue
		}
		for _, imp := range p.Imports {
			dep, ok := ours(imp)
			if !ok {
				continue
			}
			at := floorOf(dep)
			if at > floor || at == floor && !slices.Contains(beside[name], dep) {
				t.Errorf("%s (floor %d) imports %s (floor %d): arrows run down, or across where house_test.go names them", name, floor, dep, at)
			}
		}
	}
	for i, names := range floors {
		for _, name := range names {
			if !seen[name] {
				t.Errorf("floor %d lists %s, which is not there", i, name)
			}
		}
	}
}

// TestBesideHasNoCircle fails when packages of one floor stand on each other.
func TestBesideHasNoCircle(t *testing.T) {
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		if slices.Contains(path, name) {
			t.Fatalf("a circle: %s", strings.Join(append(path, name), " -> "))
		}
		for _, next := range beside[name] {
			visit(next, append(path, name))
		}
	}
	for name := range beside {
		visit(name, nil)
	}
}

// TestPackageDocs fails on a package without a package comment.
func TestPackageDocs(t *testing.T) {
	for _, p := range packages(t) {
		dir, ok := ours(p.ImportPath)
		if !ok {
			continue
		}
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(f string) bool { return hasPackageDoc(t, f) }) {
			t.Errorf("%s has no package comment: say what it is for, what it promises and what it does not", dir)
		}
	}
}

func hasPackageDoc(t *testing.T, file string) bool {
	t.Helper()
	if strings.HasSuffix(file, "_test.go") {
		return false
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return f.Doc != nil && len(strings.Fields(f.Doc.Text())) >= 8
}

// TestNoSleepInTests fails on a test that waits for time to pass: it would be
// slow on a fast machine and flaky on a slow one. In a testing/synctest bubble
// time is fake: packages whose tests use one may sleep, in the bubble.
func TestNoSleepInTests(t *testing.T) {
	sleeping, bubbles := map[string]string{}, map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			if imp.Path.Value == `"testing/synctest"` {
				bubbles[filepath.Dir(path)] = true
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && sel.Sel.Name == "Sleep" {
					sleeping[filepath.Dir(path)] = path
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, path := range sleeping {
		if !bubbles[dir] {
			t.Errorf("%s sleeps outside a synctest bubble: wait for what should happen instead", path)
		}
	}
}
