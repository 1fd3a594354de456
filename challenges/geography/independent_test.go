package geography

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// TestIndependentSolver lets a solver in another language, on other people's data, answer questions
// of all kinds but flags, equally many of each: at least 99.9 % must be right. It answers 1,800, and
// 100,000 with FLAGSTAFF_PROOF=all (some minutes). Flags have a test of their own.
func TestIndependentSolver(t *testing.T) {
	python, modules := program(t, "python3"), npmModules(t)
	each := max(20, many(100))
	if os.Getenv("FLAGSTAFF_PROOF") == "all" {
		each = 5600
	}
	var qs []question
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, k := range kinds {
		if k == &flagKind {
			continue
		}
		everySeedSequential(k, each, func(q question) {
			q.kind = k
			v := view{lang: "en"}
			o := questionObject{Kind: k.name, Prompt: q.prompt.in(v)}
			if q.block != nil {
				o.Block = q.block(v)
			}
			qs = append(qs, q)
			if err := enc.Encode(o); err != nil {
				t.Fatal(err)
			}
		})
	}
	total, wrong := wrongAnswers(t, qs, &in, python, "testdata/independent.py", modules)
	t.Logf("%d of %d wrong: %v", total, len(qs), wrong)
	if 1000*total > len(qs) {
		t.Errorf("%d of %d wrong, more than 0.1 %%: %v", total, len(qs), wrong)
	}
}

// TestIndependentFlags lets a solver in JavaScript name flags after drawings that others made: at least 99 % must be right, so that
// of all kinds together 99.9 % are. What it gets wrong are parts that few stars tell apart, drawn a little smaller or larger. It
// answers 200, and 2,000 with FLAGSTAFF_PROOF=all.
func TestIndependentFlags(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("it takes half a minute, and no goroutine but this one")
	}
	node, modules := program(t, "node"), npmModules(t)
	n := 200
	if os.Getenv("FLAGSTAFF_PROOF") == "all" {
		n = 2000
	}
	var qs []question
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	everySeedSequential(&flagKind, n, func(q question) {
		q.kind = &flagKind
		qs = append(qs, q)
		v := view{lang: "en"}
		if err := enc.Encode(questionObject{Kind: flagKind.name, Prompt: q.prompt.in(v), Block: q.block(v)}); err != nil {
			t.Fatal(err)
		}
	})
	total, _ := wrongAnswers(t, qs, &in, node, "testdata/flags.mjs", modules)
	t.Logf("%d of %d wrong", total, len(qs))
	if 100*total > len(qs) {
		t.Errorf("%d of %d wrong, more than 1 %%", total, len(qs))
	}
}

// wrongAnswers runs a solver, which gets the questions in in, and counts its wrong answers by kind.
func wrongAnswers(t *testing.T, qs []question, in *bytes.Buffer, language, script, modules string) (total int, wrong map[string]int) {
	t.Helper()
	if _, err := os.ReadFile(script); err != nil { // so that go test knows what the result depends on
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), language, script, modules)
	cmd.Stdin = in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	wrong = map[string]int{}
	answers := bufio.NewScanner(bytes.NewReader(out))
	for _, q := range qs {
		var a string
		if !answers.Scan() || json.Unmarshal(answers.Bytes(), &a) != nil {
			t.Fatalf("no answer to %s", q.prompt.in(view{}))
		}
		if !q.accepts(a) {
			wrong[q.kind.name]++
			total++
			t.Logf("%s %s: %q; right is %q", q.kind.name, q.prompt.in(view{lang: "en"}), a, q.answer)
		}
	}
	return total, wrong
}
