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
// 100,000 with FLAGSTAFF_PROOF=all (some minutes).
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
	const script = "testdata/independent.py"
	if _, err := os.ReadFile(script); err != nil { // so that go test knows what the result depends on
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, script, modules)
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	wrong, answers := map[string]int{}, bufio.NewScanner(bytes.NewReader(out))
	total := 0
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
	t.Logf("%d of %d wrong: %v", total, len(qs), wrong)
	if 1000*total > len(qs) {
		t.Errorf("%d of %d wrong, more than 0.1 %%: %v", total, len(qs), wrong)
	}
}
