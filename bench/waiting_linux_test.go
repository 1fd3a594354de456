package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkWaiting holds players at the proof of work of `flagstaff run`, and counts what each costs: memory of the server, and
// of the kernel.
func BenchmarkWaiting(b *testing.B) {
	const players = 5000 // as many as a limit of 20,000 open files leaves places for
	for b.Loop() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close()
		cmd := exec.Command(flagstaff(b), "run", "--json", "-l", addr, "--pow", "31337", "--max-per-source", "-1", "--", "cat")
		// Kept apart: in the middle of a benchmark's line it would hide the figures.
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		if !bufio.NewScanner(out).Scan() {
			cmd.Wait()
			b.Fatalf("flagstaff run did not start: %s", &said)
		}
		go io.Copy(io.Discard, out)
		before, kernelBefore := rss(b, cmd.Process.Pid), kernelMemory(b)
		var held []net.Conn
		for i := range players {
			// Many addresses: one has not enough ports for a longer run.
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%100))}}
			conn, err := d.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			held = append(held, conn)
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			buf := make([]byte, 512)
			for text := ""; !strings.HasSuffix(text, "Solution? "); {
				n, err := conn.Read(buf)
				if err != nil {
					b.Fatalf("player %d: after %q: %v", i, text, err)
				}
				text += string(buf[:n])
			}
		}
		process := float64(rss(b, cmd.Process.Pid)-before) / players
		// Both ends of a connection are in this kernel: half of what it took is the server's.
		kernel := float64(kernelMemory(b)-kernelBefore) / players / 2
		b.ReportMetric(process, "pow-process-KiB")
		b.ReportMetric(process+kernel, "pow-all-KiB")
		for _, c := range held {
			c.Close()
		}
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}
	b.ReportMetric(0, "ns/op")
}

// rss returns the resident memory of a process in KiB.
func rss(b *testing.B, pid int) int { return field(b, fmt.Sprintf("/proc/%d/status", pid), "VmRSS:") }

// kernelMemory returns what the kernel holds for all, in KiB.
func kernelMemory(b *testing.B) (sum int) {
	for _, name := range []string{"Slab:", "KernelStack:", "PageTables:"} {
		sum += field(b, "/proc/meminfo", name)
	}
	return sum
}

func field(b *testing.B, file, name string) int {
	b.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	b.Fatalf("%s has no %s", file, name)
	return 0
}
