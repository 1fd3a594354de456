// Package doctor says what this host can enforce of a sandbox's policy, by what, and what to change where it
// cannot.
//
//	r := doctor.Run()
//	if err := r.Text(os.Stdout); err != nil {
//		return err
//	}
//	if !r.OK {
//		os.Exit(1)
//	}
//
// It tries things out, namespaces and control groups among them, and takes them away again. It promises that what
// it calls enforced is what [sandbox.Prepare] would do now, for the same user. It does not say whether a
// particular program runs.
package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// Report is what was found.
type Report struct {
	OK      bool    `json:"ok"` // the default policy can be enforced
	System  string  `json:"system"`
	Kernel  string  `json:"kernel"`
	User    string  `json:"user"`              // "root" or "ordinary"
	Problem string  `json:"problem,omitempty"` // why not, where it cannot
	Hint    string  `json:"hint,omitempty"`
	Checks  []Check `json:"checks"`
}

// Check is one feature of the host or one part of the default policy.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`         // how it is enforced, or what was found
	Hint   string `json:"hint,omitempty"` // what to change
}

// wanted is how many descriptors a server of 1,000 sessions should have.
const wanted = 8192

// Run looks at the host.
func Run() Report { return report(sandbox.Probe(), sandbox.Report) }

// report judges what was probed; enforce says how a policy is enforced.
func report(h sandbox.Host, enforce func(sandbox.Policy) (map[sandbox.Feature]string, error)) Report {
	r := Report{System: runtime.GOOS + "/" + runtime.GOARCH, Kernel: h.Kernel, User: "ordinary"}
	if h.Root {
		r.User = "root"
	}
	how, err := enforce(sandbox.Policy{})
	r.OK = err == nil
	if err != nil {
		r.Problem = err.Error()
		var hint interface{ Hint() string }
		if errors.As(err, &hint) {
			r.Hint = hint.Hint()
		}
		if r.Hint == "" {
			r.Hint = noHint
		}
	}
	for f, by := range how {
		r.Checks = append(r.Checks, Check{Name: string(f), OK: true, Detail: by})
	}
	slices.SortFunc(r.Checks, func(a, b Check) int { return strings.Compare(a.Name, b.Name) })
	r.Checks = append(r.Checks, hostChecks(h)...)
	return r
}

// noHint is for what has no hint of its own, as it is no part of a policy.
const noHint = "the lines above say what this host has; something may forbid what the sandbox is made of, as a container's settings or a sysctl (vm.memfd_noexec)"

// hostChecks are what the host has or lacks, whether the default policy needs it or not.
func hostChecks(h sandbox.Host) []Check {
	var list []Check
	add := func(name string, ok bool, detail, hint string) {
		if ok {
			hint = ""
		}
		list = append(list, Check{name, ok, detail, hint})
	}
	detail := "can be made"
	if h.Why != "" {
		detail = h.Why
	}
	add("host: namespaces", h.Why == "", detail, namespacesHint(h.Why))
	for _, c := range []string{"memory", "pids", "cpu"} {
		version, ok := h.Cgroups[c]
		detail := fmt.Sprintf("version %d", version)
		if !ok {
			detail = h.CgroupWhy[c]
		}
		hint := "run as root, or under `systemd-run --user --scope -p Delegate=yes`; without it a session may have one process only"
		if h.Root {
			hint = "mount the control groups so that this process can make some (in a container, a writable /sys/fs/cgroup); without it a session may have one process only"
		}
		add("host: control group "+c, ok, detail, hint)
	}
	add("host: seccomp", h.Seccomp, yes(h.Seccomp), "take a kernel with CONFIG_SECCOMP_FILTER")
	add("host: landlock", h.Landlock >= 6, fmt.Sprintf("ABI %d", h.Landlock), "Linux 6.12 has ABI 6: only policies with network, or without a syscall filter, need it")
	ids := "run as root: an ordinary user's sessions share one ID in a user namespace"
	if h.Root {
		ids = "run outside of the user namespace, which has too few IDs (/proc/self/uid_map), or as an ordinary user"
	}
	add("host: user IDs for sessions", h.IDs, yes(h.IDs), ids)
	add("host: open files", h.OpenFiles >= wanted, fmt.Sprint(h.OpenFiles), fmt.Sprintf("`ulimit -n %d` or LimitNOFILE=: a session takes three", wanted))
	return list
}

// namespacesHint is what to do about namespaces that cannot be made, for the reason why.
func namespacesHint(why string) string {
	switch {
	case strings.Contains(why, "/proc/") && strings.Contains(why, "no such file"):
		return "mount /proc: the sandbox is prepared with it"
	case strings.Contains(why, "/dev/null"):
		return "make a /dev with null in it: each session has one, too"
	case strings.Contains(why, "too many open files"), strings.Contains(why, "temporarily unavailable"):
		return "raise the limits of open files (ulimit -n) and processes (ulimit -u)"
	case strings.Contains(why, "memory for the launcher"):
		return "set the sysctl vm.memfd_noexec to 0 or 1: the sandbox runs a program that is a file in memory alone"
	}
	return "run as root with CAP_SYS_ADMIN, or allow user namespaces (sysctl user.max_user_namespaces)"
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}

// JSON writes the report as one JSON object.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Text writes the report for people: a line for each check, and a hint below what could be better.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, kernel %s, %s user\n\n", r.System, r.Kernel, r.User)
	for _, c := range r.Checks {
		mark := "ok"
		if !c.OK {
			mark = "--"
		}
		fmt.Fprintf(&b, "%s  %-28s %s\n", mark, c.Name, c.Detail)
		if c.Hint != "" {
			fmt.Fprintf(&b, "    hint: %s\n", c.Hint)
		}
	}
	b.WriteByte('\n')
	if r.OK {
		b.WriteString("The default policy can be enforced.\n")
	} else {
		fmt.Fprintf(&b, "The default policy cannot be enforced: %s\n", r.Problem)
		if r.Hint != "" {
			fmt.Fprintf(&b, "hint: %s\n", r.Hint)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
