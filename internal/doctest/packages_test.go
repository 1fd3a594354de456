package doctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// packaged says which programs that the tutorial uses are in a Debian package.
var packaged = map[string][]string{
	"python3":        {"python3"},
	"golang":         {"go"},
	"netcat-openbsd": {"nc.openbsd"},
	"iproute2":       {"ss"},
	"strace":         {"strace"},
	"openssl":        {"openssl"},
}

var (
	aptLine = regexp.MustCompile(`(?m)^sudo apt install (.+)$`)
	command = regexp.MustCompile(`(?m)(?:^|[|;&(] *|\$\()(?:[A-Z_]+=\S+ +)*(python3|go|nc|ss|strace|openssl|ncat|socat|ip|curl|tcpdump|xxd|sudo|timeout \S+ \w+)\b`)
)

// TestPackages: who installs what the tutorial's first page says has all
// programs that the chapters need, and no chapter uses one it does not name.
func TestPackages(t *testing.T) {
	files, err := filepath.Glob("../../docs/sockets/*.md")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	needed := map[string]bool{}
	for _, file := range files {
		_, blocks, err := read(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var here []string
		for _, b := range blocks {
			if b.lang == "needs" {
				here = append(here, strings.Fields(b.args[""])...)
			}
		}
		for _, name := range here {
			needed[name] = true
		}
		for _, b := range blocks {
			if b.lang != "sh" {
				continue
			}
			for _, m := range command.FindAllStringSubmatch(b.text, -1) {
				name := m[1]
				if name == "nc" {
					name = "nc.openbsd"
				}
				if !slices.Contains(here, name) {
					t.Errorf("%s:%d: uses %s, and does not say that it needs it", file, b.line, name)
				}
			}
		}
	}

	b, err := os.ReadFile("../../docs/sockets/README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := aptLine.FindSubmatch(b)
	if m == nil {
		t.Fatal("README.md does not say what to install")
	}
	installed := map[string]bool{}
	for _, pkg := range strings.Fields(string(m[1])) {
		programs, known := packaged[pkg]
		if !known {
			t.Errorf("nothing is known of the package %s", pkg)
		}
		useful := false
		for _, p := range programs {
			installed[p] = true
			useful = useful || needed[p]
		}
		if !useful {
			t.Errorf("no chapter needs a program of %s", pkg)
		}
	}
	for p := range needed {
		if !installed[p] {
			t.Errorf("the chapters need %s, and what README.md installs does not hold it", p)
		}
	}
}

// TestPackagesDebian asks Debian itself whether the packages, or what they
// consist of, hold the programs, where they are installed.
func TestPackagesDebian(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg-query")
	if err != nil {
		t.Skip("this is no Debian")
	}
	parts := map[string]string{"python3": "python3-minimal", "golang": "golang-go"}
	for pkg, programs := range packaged {
		if part := parts[pkg]; part != "" {
			pkg = part
		}
		files, err := exec.Command(dpkg, "-L", pkg).Output()
		if err != nil {
			t.Logf("%s is not installed", pkg)
			continue
		}
		for _, p := range programs {
			if !strings.Contains(string(files), "/bin/"+p+"\n") {
				t.Errorf("%s does not hold %s", pkg, p)
			}
		}
	}
}
