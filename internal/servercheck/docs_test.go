package servercheck

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSpecifications holds the tables of docs/servers to the checks that run.
func TestSpecifications(t *testing.T) {
	row := regexp.MustCompile(`(?m)^\| ([a-z-]+) \| (.*) \|$`)
	for _, kind := range Kinds() {
		b, err := os.ReadFile("../../docs/servers/" + kind + ".md")
		if err != nil {
			t.Fatal(err)
		}
		_, table, ok := strings.Cut(string(b), "## What is checked\n")
		if !ok {
			t.Fatalf("%s.md does not say what is checked", kind)
		}
		var got []Info
		for _, m := range row.FindAllStringSubmatch(table, -1) {
			if m[1] != "check" {
				got = append(got, Info{m[1], m[2]})
			}
		}
		want, err := Checks(kind)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s.md says\n%q\nand what runs is\n%q", kind, got, want)
		}
	}
}
