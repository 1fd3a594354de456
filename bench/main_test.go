package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

const output = `goos: linux
BenchmarkAccept-2   	       5	 200000000 ns/op	         0.95 rate-ratio	         1.10 cpu-ratio
BenchmarkAccept-2   	       5	 210000000 ns/op	         0.97 rate-ratio	         1.20 cpu-ratio
BenchmarkAccept-2   	       5	 190000000 ns/op	         0.91 rate-ratio	         1.00 cpu-ratio
PASS
`

func TestTableGivesMedianAndSpread(t *testing.T) {
	var b bytes.Buffer
	order, values := metrics(output)
	table(&b, output, nil, order, values)
	for _, want := range []string{"| Accept rate-ratio | 0.95 | 0.91 | 0.97 |", "| Accept cpu-ratio | 1.1 | 1 | 1.2 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got\n%s\nwant it to contain %s", b.String(), want)
		}
	}
	if strings.Contains(b.String(), "ns/op") {
		t.Errorf("the time of an iteration is no comparison:\n%s", b.String())
	}
}

func TestTableSaysWhyARowDidNotRun(t *testing.T) {
	var b bytes.Buffer
	table(&b, "--- SKIP: BenchmarkPwntools\n    bench_test.go:7: program python3 is not installed\n", nil, nil, nil)
	if !strings.Contains(b.String(), "program python3 is not installed") {
		t.Errorf("got %s", b.String())
	}
}

func TestUnknownRowNamesTheRows(t *testing.T) {
	err := run(t.Context(), "nosuchrow", 1, "-")
	if err == nil || !strings.Contains(err.Error(), "accept") {
		t.Errorf("got %v, want an error that names the rows", err)
	}
}

// TestPicture draws each ratio of rates, and is well formed, whatever a row is called.
func TestPicture(t *testing.T) {
	var p picture
	order, values := metrics(output)
	p.add("accept", "Fast & <good>.", order, values)
	p.add("nothing", "No rates.", []string{"Idle KiB"}, map[string][]float64{"Idle KiB": {1}})
	p.add("spawn", "Peers.", []string{"Spawn rate", "Spawn huge-rate"}, map[string][]float64{"Spawn rate": {0.0001}, "Spawn huge-rate": {1e6}})
	svg := p.svg()
	var shapes int
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			shapes++
		}
	}
	if shapes != 3 || !strings.Contains(svg, ">0.95<") || strings.Contains(svg, "No rates") {
		t.Errorf("%d bars, want 3:\n%s", shapes, svg)
	}
}
