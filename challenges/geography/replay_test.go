package geography

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/chal/chaltest"
)

// prompts are the questions of a game, as text.
func prompts(r Replay) string {
	var b strings.Builder
	g := newGame(r.seed)
	for range g.plan {
		q := g.next()
		fmt.Fprintln(&b, q.kind.name, q.prompt.in(view{lang: "en"}))
	}
	return b.String()
}

func TestReplay(t *testing.T) {
	for _, team := range []string{"", "team-7", "Ünïcode", strings.Repeat("long", 40)} {
		r := newReplay(testKey, team, 42)
		again, err := ParseReplay(" "+strings.ToUpper(r.ID())+"\n", testKey)
		if err != nil || again != r {
			t.Errorf("team %q: got %+v, %v", team, again, err)
		}
		if len(team) <= 64 && again.Team() != team {
			t.Errorf("got the team %q, want %q", again.Team(), team)
		}
	}
	if a, b := prompts(newReplay(testKey, "a", 1)), prompts(newReplay(testKey, "b", 1)); a == b {
		t.Error("two teams get the same game")
	}
	if a, b := prompts(newReplay(testKey, "a", 1)), prompts(newReplay(testKey, "a", 2)); a == b {
		t.Error("two games of a team are the same")
	}
}

func TestReplayRefused(t *testing.T) {
	id := newReplay(testKey, "team-7", 42).ID()
	if _, err := ParseReplay(id, []byte("another key")); !errors.Is(err, ErrReplayKey) || !strings.Contains(err.Error(), id) {
		t.Errorf("another key: %v", err)
	}
	for i := range id {
		for _, c := range "a7x" {
			if changed := id[:i] + string(c) + id[i+1:]; changed != id {
				if _, err := ParseReplay(changed, testKey); !errors.Is(err, ErrReplayKey) && !errors.Is(err, ErrReplayFormat) {
					t.Errorf("%s: %v", changed, err)
				}
			}
		}
	}
	for _, bad := range []string{"", "geo1-", "geo2-aaaa", "hello", "geo1-!!!!", strings.Repeat("geo1-a", 999), id[:20], id + "aaaa"} {
		if _, err := ParseReplay(bad, testKey); !errors.Is(err, ErrReplayFormat) && !errors.Is(err, ErrReplayKey) {
			t.Errorf("%q: %v", bad, err)
		} else if len(err.Error()) > 400 {
			t.Errorf("the error is %d bytes long", len(err.Error()))
		}
	}
}

// TestReplayVersion: an id of other data is refused by name, not shown with other questions.
func TestReplayVersion(t *testing.T) {
	body := append([]byte{0, 0, 0, 1}, make([]byte, 8)...)
	id := replayPrefix + replayText.EncodeToString(append(body, sign(testKey, "id", body)[:replayMAC]...))
	if _, err := ParseReplay(id, testKey); !errors.Is(err, ErrReplayVersion) {
		t.Errorf("got %v", err)
	}
}

// TestReplayElsewhere: another process with the same key asks the same questions.
func TestReplayElsewhere(t *testing.T) {
	const variable = "FLAGSTAFF_TEST_REPLAY"
	if id := os.Getenv(variable); id != "" {
		r, err := ParseReplay(id, testKey)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Print("BEGIN\n", prompts(r), "END\n")
		return
	}
	r := newReplay(testKey, "team-7", 99)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReplayElsewhere$")
	cmd.Env = append(os.Environ(), variable+"="+r.ID())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := between(string(out), "BEGIN\n", "END\n"); got != prompts(r) {
		t.Errorf("the other process asks:\n%s\nwant:\n%s", got, prompts(r))
	}
}

// TestReplayByPlayer: the id after BYE gives the game again, with the answers, and never a flag.
func TestReplayByPlayer(t *testing.T) {
	c := New(Options{Key: testKey})
	lost := talk(t, c, "start\nAtlantis\n")
	_, id, _ := strings.Cut(strings.TrimSpace(lost), "replay ")
	again := talk(t, c, "replay "+id+"\nAtlantis\nmenu\nreplay "+id+"x\n")
	question := func(s string) string { return between(s, "Q 1/60 ", "\n") }
	if question(lost) == "" || question(lost) != question(again) || !strings.Contains(again, "source: ") {
		t.Errorf("lost:\n%s\nreplayed:\n%s", lost, again)
	}
	if !strings.Contains(again, "BAD replay") {
		t.Error("a bad id is not refused")
	}
	if strings.Contains(again, chaltest.Flag) {
		t.Error("a replay shows the flag")
	}
}
