package sandbox

import "fmt"

// What a report says of parts that are not enforced as they are by default.
const (
	asPolicySays = ", as the policy says"
	weakerMark   = "weaker: " // what Policy.Weaker accepted begins so
)

// report says how the plan enforces each part, for people. It must not say more than is so.
func (pl *plan) report() map[Feature]string {
	version := map[string]string{}
	for _, h := range pl.places {
		for _, c := range h.Controllers {
			version[c] = fmt.Sprintf("control groups, version %d", h.Version)
		}
	}
	r := map[Feature]string{
		FeatureNamespaces: "pid, mount, ipc and uts namespaces; sessions at one time share no pid namespace",
		FeatureNetwork:    "an empty network namespace, and no sockets",
		FeatureFiles:      "a read-only root of its own by pivot_root",
		FeatureMemory:     version["memory"],
		FeatureProcesses:  version["pids"],
		FeatureCPU:        version["cpu"],
		FeatureIdentity:   "a user ID of its own for each session",
		FeatureSyscalls:   "seccomp",
	}
	if !pl.root {
		r[FeatureIdentity] = "one mapped user ID in a user namespace"
	}
	switch {
	case pl.Network:
		r[FeatureNetwork] = "the host's" + asPolicySays
	case pl.Syscalls == SyscallsOff:
		r[FeatureNetwork] = "an empty network namespace"
	}
	switch pl.Syscalls {
	case SyscallsOff:
		r[FeatureSyscalls] = "not filtered" + asPolicySays
	case SyscallsStrict:
		r[FeatureSyscalls] = "seccomp, only what ordinary programs need"
	}
	switch {
	case pl.Memory < 0:
		r[FeatureMemory] = "no limit" + asPolicySays
	case pl.addr && pl.Processes == 1 && pl.Syscalls != SyscallsOff:
		r[FeatureMemory] = "RLIMIT_AS"
	case pl.addr:
		r[FeatureMemory] = weakerMark + "RLIMIT_AS for each process alone"
	}
	switch {
	case pl.Processes < 0:
		r[FeatureProcesses] = "no limit" + asPolicySays
	case pl.nproc:
		r[FeatureProcesses] = "RLIMIT_NPROC"
	case version["pids"] == "":
		r[FeatureProcesses] = weakerMark + "no limit"
	}
	switch {
	case version["cpu"] != "":
	case pl.CPU > 0:
		r[FeatureCPU] = "RLIMIT_CPU and nice"
	case pl.Cores < 0:
		r[FeatureCPU] = "no limit" + asPolicySays + "; nice"
	default:
		r[FeatureCPU] = weakerMark + "nice"
	}
	return r
}
