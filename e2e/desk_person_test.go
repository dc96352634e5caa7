package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// terminal is a program for people, unmodified, in a terminal of its own.
type terminal struct {
	*client
	read int // what was seen up to there has been acted on
}

func runTerminal(t *testing.T, program string, env ...string) *terminal {
	t.Helper()
	lib := library{name: program, program: "/usr/bin/env", args: func(*pages) []string {
		return append(env, "/usr/bin/python3", "-B", "terminal.py", program)
	}}
	c := &terminal{client: start(t, lib, nil)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s shows: %q", program, c.screen())
		}
	})
	return c
}

func (c *terminal) screen() (text string) {
	c.has(func(e event) bool {
		if e.Event == "output" {
			text += e.Text
		}
		return false
	})
	return text
}

// shows waits until the terminal has shown this since the last time.
func (c *terminal) shows(text string) {
	c.t.Helper()
	at := -1
	until(c.t, "the terminal shows "+text, func() bool {
		if at = strings.Index(c.screen()[c.read:], text); at < 0 {
			return false
		}
		c.read += at + len(text)
		return true
	})
}

func (c *terminal) types(line string) { c.t.Helper(); c.do("type", map[string]any{"text": line}) }

// A person's own client, Profanity, by what it shows and what is typed: subscription, offer, invitation, chat, close.
func personsClient(t *testing.T, s *scene) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "profanity"), 0o700); err != nil {
		t.Fatal(err)
	}
	user := s.agents[0]
	_, port, _ := strings.Cut(s.server.C2SAddr(), ":")
	alice := runTerminal(t, "profanity", "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "LANG=C.UTF-8")
	alice.shows("/help")
	alice.types("/connect " + user + "@localhost server 127.0.0.1 port " + port + " tls disable")
	alice.shows("password")
	alice.types("pw-" + user)
	alice.shows("logged in")
	alice.shows("authorization request from " + s.workgroup)
	alice.types("/sub allow " + s.workgroup)
	alice.types("/sub request " + s.workgroup)

	anna := s.visitor()
	until(t, "the agent counts as there", func() bool { return anna.tries(nil, nil).Type == "result" })
	anna.state("queued", "offered")
	alice.shows("win 2")
	alice.types("/win 2")
	alice.shows("1 accept")
	alice.types("1")
	room := anna.enters()
	alice.types("/win 1") // the console has the invitation
	alice.shows(room)
	alice.types("/join " + room)
	anna.state("active")
	anna.says(room, "Quetzalcoatl")
	alice.shows("Quetzalcoatl")
	alice.types("I see you")
	anna.hearsIn(room, user, "I see you")
	alice.types("!close thanks")
	if e := anna.state("closed"); e.Reason != "agent" {
		t.Errorf("closed because of %q", e.Reason)
	}
	said := s.archived(t, anna.id).said()
	sameLines(t, "said", said[:min(2, len(said))], []string{"visitor: Quetzalcoatl", "agent: I see you"})
}
