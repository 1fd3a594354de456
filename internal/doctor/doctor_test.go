package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/sandbox"
)

// TestRun agrees with what preparing a program does.
func TestRun(t *testing.T) {
	r := Run()
	if runtime.GOOS == "linux" {
		runner, err := sandbox.Prepare(sandbox.Policy{}, "cat")
		if r.OK != (err == nil) {
			t.Errorf("got OK %v, but preparing says %v", r.OK, err)
		}
		if err == nil {
			runner.Close()
		}
	} else if r.OK {
		t.Errorf("got OK on %s", runtime.GOOS)
	}
	if !r.OK && r.Hint == "" {
		t.Errorf("%s: got no hint", r.Problem)
	}
}

func TestWriting(t *testing.T) {
	none := sandbox.Host{Why: "not permitted", CgroupWhy: map[string]string{"memory": "read-only"}}
	refuse := func(sandbox.Policy) (map[sandbox.Feature]string, error) {
		return nil, &sandbox.UnenforceableError{Feature: sandbox.FeatureNamespaces, Why: "not permitted", WayOut: "be root"}
	}
	r := report(none, refuse)
	var text, data bytes.Buffer
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cannot be enforced", "hint: be root", "read-only", "--  host: namespaces"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("got %s, want %q in it", &text, want)
		}
	}
	if err := r.JSON(&data); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(data.Bytes(), &back); err != nil || back.OK || back.Hint != "be root" || len(back.Checks) != len(r.Checks) {
		t.Errorf("got %s, %v", &data, err)
	}
}

// TestNoHint: an error without a way out of its own gets one, and a report without any shows none.
func TestNoHint(t *testing.T) {
	for why, hint := range map[string]string{
		"operation not permitted": "user namespaces",

		"sandbox: namespaces cannot be enforced: fork/exec /proc/self/fd/4: operation not permitted": "CAP_SYS_ADMIN",

		"sandbox: memory for the launcher: permission denied": "vm.memfd_noexec",

		"sandbox: start the launcher: fork/exec /proc/self/fd/4: too many open files": "ulimit -n",

		"sandbox: open the launcher: open /proc/self/fd/3: no such file or directory": "mount /proc",
	} {
		r := report(sandbox.Host{Why: why}, func(sandbox.Policy) (map[sandbox.Feature]string, error) { return nil, errors.New(why) })
		if r.OK || r.Hint == "" {
			t.Errorf("%s: got %+v, want a hint", why, r)
		}
		for _, c := range r.Checks {
			if c.Name == "host: namespaces" && !strings.Contains(c.Hint, hint) {
				t.Errorf("%s: the hint is %q, want %q in it", why, c.Hint, hint)
			}
		}
	}
	var text bytes.Buffer
	if err := (Report{Problem: "it is ill"}).Text(&text); err != nil || strings.Contains(text.String(), "hint:") {
		t.Errorf("got %q, %v", &text, err)
	}
}

// TestUserNamespace: whoever is root in a user namespace is not told to run as root.
func TestUserNamespace(t *testing.T) {
	for root, want := range map[bool]string{true: "outside of the user namespace", false: "run as root"} {
		r := report(sandbox.Host{Root: root}, func(sandbox.Policy) (map[sandbox.Feature]string, error) { return nil, nil })
		for _, c := range r.Checks {
			if c.Name == "host: user IDs for sessions" && !strings.Contains(c.Hint, want) {
				t.Errorf("root %v: the hint is %q, want %q", root, c.Hint, want)
			}
		}
	}
}

func TestEnforced(t *testing.T) {
	full := sandbox.Host{Root: true, Seccomp: true, Landlock: 7, IDs: true, OpenFiles: wanted, Cgroups: map[string]int{"memory": 2, "pids": 2, "cpu": 2}}
	r := report(full, func(sandbox.Policy) (map[sandbox.Feature]string, error) {
		return map[sandbox.Feature]string{sandbox.FeatureMemory: "control groups, version 2"}, nil
	})
	for _, c := range r.Checks {
		if !c.OK || c.Hint != "" {
			t.Errorf("got %+v, want it fine", c)
		}
	}
	if !r.OK || r.User != "root" {
		t.Errorf("got %+v", r)
	}
}
