package main

import (
	"bytes"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/doctor"
)

// TestDoctorStatus: programs that ask the doctor know by the exit status what it found.
func TestDoctorStatus(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		for _, ok := range []bool{false, true} {
			var out, log bytes.Buffer
			want := 1
			if ok {
				want = 0
			}
			got := report(&log, tell(&out, doctor.Report{OK: ok, Problem: "it is ill"}, asJSON))
			if got != want || out.Len() == 0 || log.Len() != 0 {
				t.Errorf("OK %v, JSON %v: got status %d, want %d, with %q and %q", ok, asJSON, got, want, &out, &log)
			}
		}
	}
}
