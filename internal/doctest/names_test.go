package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// column returns the names in backticks of a column of the tables in a
// document, those in quotes left out.
func column(t *testing.T, file string, n int) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[n], -1) {
			if !strings.Contains(m[1], `"`) {
				all = append(all, m[1])
			}
		}
	}
	if len(all) < 40 {
		t.Fatalf("only %d names in column %d of %s", len(all), n, file)
	}
	return all
}

const namesFile = "../../docs/sockets/15-names.md"

// TestPythonNames looks up the names of the table in Python itself.
func TestPythonNames(t *testing.T) {
	names := column(t, namesFile, 1)
	script := `
import builtins, importlib, sys
for name in sys.argv[1:]:
    first, *rest = name.split(".")
    at = getattr(builtins, first, None) or importlib.import_module(first)
    try:
        for r in rest:
            at = getattr(at, r)
    except AttributeError as e:
        print(name, e)
`
	out, err := exec.Command(testkit.Program(t, "python3"), append([]string{"-c", script}, names...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestGoNames looks up the names of the table in the sources of Go itself.
func TestGoNames(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("go: %v", err)
	}
	paths := map[string]string{"tls": "crypto/tls", "binary": "encoding/binary"}
	known := map[string][]string{}
	for _, name := range column(t, namesFile, 2) {
		pkg, rest, ok := strings.Cut(name, ".")
		if !ok {
			t.Errorf("%s names no package", name)
			continue
		}
		if known[pkg] == nil {
			path := pkg
			if p, ok := paths[pkg]; ok {
				path = p
			}
			known[pkg] = declared(t, filepath.Join(strings.TrimSpace(string(root)), "src", path))
		}
		if !slices.Contains(known[pkg], rest) {
			t.Errorf("%s is not in Go", name)
		}
	}
}

// declared returns what a package declares: "Name", "Type.Method".
func declared(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	var all []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			all = append(all, declares(d)...)
		}
	}
	return all
}

func declares(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		at := d.Recv.List[0].Type
		if s, ok := at.(*ast.StarExpr); ok {
			at = s.X
		}
		if id, ok := at.(*ast.Ident); ok {
			return []string{id.Name + "." + d.Name.Name}
		}
	case *ast.GenDecl:
		var all []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				all = append(all, s.Name.Name)
				if i, ok := s.Type.(*ast.InterfaceType); ok {
					for _, m := range i.Methods.List {
						for _, n := range m.Names {
							all = append(all, s.Name.Name+"."+n.Name)
						}
					}
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					all = append(all, n.Name)
				}
			}
		}
		return all
	}
	return nil
}

// TestHowtoNames holds the table to be complete: these are the names that the
// Socket Programming HOWTO uses.
func TestHowtoNames(t *testing.T) {
	have := column(t, namesFile, 1)
	for _, name := range strings.Fields(`
		socket.socket socket.AF_INET socket.SOCK_STREAM socket.gethostname
		socket.socket.connect socket.socket.bind socket.socket.listen socket.socket.accept
		socket.socket.send socket.socket.recv socket.socket.makefile io.BufferedWriter.flush
		socket.ntohl socket.htonl socket.ntohs socket.htons
		socket.socket.shutdown socket.socket.close socket.socket.setblocking select.select
		threading.Thread.run threading.Thread.start`) {
		if !slices.Contains(have, name) {
			t.Errorf("%s is not in the table", name)
		}
	}
}
