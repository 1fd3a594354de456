package sandbox

import (
	"bufio"
	"os"
	"testing"
)

// TestServerIDs gives servers different IDs, those of one namespace and those of many.
func TestServerIDs(t *testing.T) {
	const namespace = 4026531836 // the host's
	seen := map[int]string{}
	add := func(id int, who string) {
		if other, ok := seen[id]; ok {
			t.Fatalf("%s and %s have the same IDs", who, other)
		}
		if id < 1<<30 || id+1<<idBits-1 > 1<<31-1 || id%(1<<idBits) != 0 {
			t.Fatalf("%s: got %d", who, id)
		}
		seen[id] = who
	}
	for pid := 1; pid < 1<<14; pid++ {
		add(serverIDs(pid, namespace), "a process of a namespace")
	}
	clear(seen)
	for i := range uint64(1 << 12) {
		add(serverIDs(1, namespace+i), "a process of many namespaces")
	}
}

// TestRunnersShareNoID runs sessions of several runners at the same time.
func TestRunnersShareNoID(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("an ordinary user's sessions have one mapped ID")
	}
	seen := map[string]bool{}
	for range 3 {
		r := prepare(t, Policy{}, "/bin/sh", "-c", "id -u; read x")
		for range 2 {
			ours, theirs := pair(t)
			p, err := r.Start(t.Context(), theirs, Session{})
			if err != nil {
				t.Fatal(err)
			}
			theirs.Close()
			id, err := bufio.NewReader(ours).ReadString('\n')
			if err != nil || seen[id] {
				t.Errorf("got %q, %v, which another session has", id, err)
			}
			seen[id] = true
			defer func() {
				ours.Close()
				p.Wait()
			}()
		}
	}
}

// TestManyProcesses lets a session have as many as the policy says and no more, and one beside it as many again.
func TestManyProcesses(t *testing.T) {
	// Each of the shell's children says that it is there.
	r := prepare(t, Policy{Processes: 5}, "/bin/sh", "-c", "for i in 1 2 3 4 5 6; do sleep 1000 & echo started; done")
	for range 2 {
		out, exit := play(t, r, Session{}, "")
		if out != "started\nstarted\nstarted\nstarted\n" || exit.Code == 0 {
			t.Errorf("got %q, %+v", out, exit)
		}
	}
}
