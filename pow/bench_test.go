package pow

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// peer is a Python program that does the same with gmpy2, a little at a time, so
// that the two are measured in turns on the same machine.
type peer struct {
	ask io.Writer
	out *bufio.Reader
}

// python is where Debian's python3-gmpy2 is found.
const python = "/usr/bin/python3"

func startPeer(b *testing.B) *peer {
	b.Helper()
	if err := exec.Command(python, "-c", "import gmpy2").Run(); err != nil {
		testkit.Missing(b, "python3-gmpy2 is not installed")
	}
	cmd := exec.Command(python, "testdata/peer.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &peer{in, bufio.NewReader(out)}
}

// round returns the peer's times for a root and a step of verifying.
func (p *peer) round(b *testing.B) (root, step time.Duration) {
	b.Helper()
	fmt.Fprintln(p.ask)
	if _, err := fmt.Fscanln(p.out, &root, &step); err != nil {
		b.Fatal(err)
	}
	return root, step
}

// BenchmarkBesideGMPY2 takes turns with python and gmpy2, which kctf's solver uses:
// a round is a root and 200 steps of verifying of each. The figures are the best
// round of each, since others use the machine, too: solve-ratio and verify-ratio
// are our time divided by gmpy2's.
//
//	go test -run '^$' -bench BesideGMPY2 ./pow
func BenchmarkBesideGMPY2(b *testing.B) {
	const rounds, steps = 400, 200
	for _, way := range []struct {
		name   string
		square func(*element, uint64)
	}{{"default", square}, {"go", squareGeneric}} {
		b.Run(way.name, func(b *testing.B) {
			p := startPeer(b)
			peerRoot, peerStep := p.round(b)
			root, step := time.Hour, time.Hour
			x := New(1).x
			for b.Loop() {
				for range rounds {
					r, s := p.round(b)
					peerRoot, peerStep = min(peerRoot, r), min(peerStep, s)
					start := time.Now()
					way.square(&x, squarings)
					x.reduce()
					x[0] ^= 1
					mid := time.Now()
					y := x
					for range steps {
						y[0] ^= 1
						way.square(&y, 1)
						y.reduce()
					}
					root, step = min(root, mid.Sub(start)), min(step, time.Since(mid)/steps)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(root)/squarings, "ns/squaring")
			b.ReportMetric(float64(peerRoot)/squarings, "gmpy2-ns/squaring")
			b.ReportMetric(float64(root)/float64(peerRoot), "solve-ratio")
			b.ReportMetric(float64(step)/float64(peerStep), "verify-ratio")
		})
	}
}

func BenchmarkSquare(b *testing.B) {
	for name, f := range ways() {
		b.Run(name, func(b *testing.B) {
			x := New(1).x
			f(&x, uint64(b.N))
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	c := New(1337)
	answer, err := c.Solve(context.Background(), nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := c.Verify(answer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	h := Hash{Algorithm: "sha256", Prefix: "0123456789abcdef", ZeroBits: 40}
	all, err := h.searches()
	if err != nil {
		b.Fatal(err)
	}
	w := all[0].walker()
	w.try(0, uint64(b.N))
}
