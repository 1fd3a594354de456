package sandbox

import (
	"testing"

	"github.com/flagstaff-ctf/flagstaff/sandbox/internal/cgroup"
)

// TestReport says of each part what is enforced, and never that of a part that is not.
func TestReport(t *testing.T) {
	groups := []cgroup.Hierarchy{{Controllers: []string{"memory", "pids", "cpu"}, Version: 2}}
	few := Policy{Processes: 1}.Limits()
	many := Policy{Processes: 8}.Limits()
	endless := Policy{Processes: 8, CPU: -1}.Limits()
	none := Policy{Processes: -1, Memory: -1, Cores: -1, CPU: -1}.Limits()
	for name, c := range map[string]struct {
		pl   plan
		want map[Feature]string
	}{
		"control groups": {plan{Policy: many, places: groups, root: true}, map[Feature]string{
			FeatureMemory: "control groups, version 2", FeatureProcesses: "control groups, version 2", FeatureCPU: "control groups, version 2",
			FeatureIdentity: "a user ID of its own for each session", FeatureNetwork: "an empty network namespace, and no sockets", FeatureSyscalls: "seccomp",
		}},
		"one process": {plan{Policy: few, addr: true, nproc: true}, map[Feature]string{
			FeatureMemory: "RLIMIT_AS", FeatureProcesses: "RLIMIT_NPROC", FeatureCPU: "RLIMIT_CPU and nice", FeatureIdentity: "one mapped user ID in a user namespace",
		}},
		"one process, not filtered": {plan{Policy: Policy{Processes: 1, Syscalls: SyscallsOff}, addr: true}, map[Feature]string{FeatureMemory: "weaker: RLIMIT_AS for each process alone"}},
		"weaker":                    {plan{Policy: many, addr: true}, map[Feature]string{FeatureMemory: "weaker: RLIMIT_AS for each process alone", FeatureProcesses: "weaker: no limit"}},
		"endless":                   {plan{Policy: endless, addr: true}, map[Feature]string{FeatureCPU: "weaker: nice"}},
		"no limits": {plan{Policy: none, root: true}, map[Feature]string{
			FeatureMemory: "no limit, as the policy says", FeatureProcesses: "no limit, as the policy says", FeatureCPU: "no limit, as the policy says; nice",
		}},
		"network": {plan{Policy: Policy{Network: true}}, map[Feature]string{FeatureNetwork: "the host's, as the policy says"}},
		"off":     {plan{Policy: Policy{Syscalls: SyscallsOff}}, map[Feature]string{FeatureNetwork: "an empty network namespace", FeatureSyscalls: "not filtered, as the policy says"}},
	} {
		got := c.pl.report()
		for f, want := range c.want {
			if got[f] != want {
				t.Errorf("%s: %s: got %q, want %q", name, f, got[f], want)
			}
		}
	}
}
