//go:build unix

package nc

import (
	"net"
	"strings"
	"testing"

	"github.com/flagstaff-ctf/flagstaff/internal/testkit"
)

// TestBroker passes what one client says to all the others, whoever wrote them.
func TestBroker(t *testing.T) {
	ncat := testkit.Program(t, "ncat")
	l, port := listener(t, "-l", "--broker")
	var all []*talker
	for i, name := range []string{ncBinary, ncat, ncBinary, ncat} {
		all = append(all, talk(t, name, "127.0.0.1", port))
		if err := l.errs.until(func(s string) bool { return strings.Count(s, "Connection received") > i }); err != nil {
			t.Fatal(err)
		}
	}
	heard := make([]string, len(all))
	for i, from := range all {
		line := strings.Repeat("x", i) + "\n"
		from.say(t, line)
		for j, to := range all {
			if j != i {
				heard[j] += line
				to.hears(t, heard[j])
			}
		}
	}
	// Who leaves is missed by nobody.
	all[0].hangUp()
	all[0].wait(t)
	all[1].hangUp()
	all[1].wait(t)
	all[2].say(t, "bye\n")
	all[3].hears(t, heard[3]+"bye\n")
}

// TestChat puts the sender's number in front of whole lines, and says who comes and goes.
func TestChat(t *testing.T) {
	l, port := listener(t, "-l", "--chat")
	one := talk(t, ncBinary, "127.0.0.1", port)
	l.says(t, "Connection received")
	two := talk(t, testkit.Program(t, "ncat"), "127.0.0.1", port)
	if err := one.out.until(func(s string) bool { return strings.HasSuffix(s, "\n") }); err != nil {
		t.Fatal(err)
	}
	came := one.out.String()
	if !strings.HasPrefix(came, "<announce> user2 has come from 127.0.0.1:") {
		t.Errorf("got %q", came)
	}
	one.say(t, "half a ")
	one.say(t, "line\nand another\n")
	two.hears(t, "<user1> half a line\n<user1> and another\n")
	two.say(t, "no line feed")
	two.hangUp()
	one.hears(t, came+"<user2> no line feed\n<announce> user2 has left\n")
}

// TestBrokerCutsWhoDoesNotRead goes on for the others when one client takes nothing.
func TestBrokerCutsWhoDoesNotRead(t *testing.T) {
	l, port := listener(t, "-l", "--broker")
	deaf, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	l.says(t, "Connection received")
	speaker, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer speaker.Close()
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		l.errs.until(func(s string) bool { return strings.Contains(s, "user1 reads too slowly and is cut off\n") })
	}()
	chunk := make([]byte, 1<<20)
	for {
		if _, err := speaker.Write(chunk); err != nil {
			t.Fatalf("the speaker is held up: %v", err)
		}
		select {
		case <-cut:
			if !strings.Contains(l.errs.String(), "is cut off") {
				t.Error("nobody is cut off")
			}
			return
		default:
		}
	}
}
