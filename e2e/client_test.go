// Package e2e chats through the real binary: real client libraries, each driven by a small
// Node program over a line protocol (driver.js), in front of a real Prosody and a real ejabberd.
package e2e

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds each wait for an event. It is for a loaded machine: waits end with their event.
const patience = 2 * time.Minute

// library is one of the real clients: how its driver is started.
type library struct {
	name    string
	program string                  // "" = node
	args    func(p *pages) []string // of the program
	rejoins bool                    // joins its rooms again by itself after a reconnect
	resumes bool                    // over WebSocket: goes on where it was (XEP-0198)
}

var (
	strophe   = library{name: "strophe.js", args: nodeDriver("strophe.js")}
	xmppjs    = library{name: "@xmpp/client", args: nodeDriver("xmppjs.js"), resumes: true}
	stanza    = library{name: "stanza", args: nodeDriver("stanza.js"), rejoins: true, resumes: true}
	converse  = library{name: "converse.js", args: browserDriver("converse.html")} // an anonymous login forgets its rooms
	stropheSM = library{name: "strophe.js with stream management", args: nodeDriver("strophe.js", "resumes"), resumes: true}
	// In a page: over BOSH, Strophe wants the browser's XMLHttpRequest.
	strophePage = library{name: "strophe.js in a page", args: browserDriver("strophe.html")}
)

func nodeDriver(args ...string) func(*pages) []string {
	return func(*pages) []string { return args }
}

func browserDriver(page string) func(*pages) []string {
	return func(p *pages) []string { return []string{"browser.js", p.origin + "/pages/" + page, p.chromium} }
}

// event is one line of a driver.
type event struct {
	Event   string `json:"event,omitempty"`
	JID     string `json:"jid,omitempty"`     // online, reconnected, resumed
	Nick    string `json:"nick,omitempty"`    // joined, message, chatstate, presence
	Created bool   `json:"created,omitempty"` // joined; presence: the room is new
	Text    string `json:"text,omitempty"`    // message, error
	ID      string `json:"id,omitempty"`      // message
	Delayed bool   `json:"delayed,omitempty"` // message: from the room's history
	State   string `json:"state,omitempty"`   // chatstate; presence: the condition of an error
	Type    string `json:"type,omitempty"`    // presence, iq
	Self    bool   `json:"self,omitempty"`    // presence

	// What visitors and members of the desk see besides.
	From     string            `json:"from,omitempty"`     // bare JID of who sent it, if it isn't a room
	Room     string            `json:"room,omitempty"`     // bare JID
	Reason   string            `json:"reason,omitempty"`   // conversation, presence, a refusal
	Agent    string            `json:"agent,omitempty"`    // conversation
	Show     string            `json:"show,omitempty"`     // contact
	Replaces string            `json:"replaces,omitempty"` // chat: the id of the message that it corrects
	Number   int               `json:"number,omitempty"`   // conversation
	Position int               `json:"position,omitempty"` // queue, place
	Seconds  int               `json:"seconds,omitempty"`  // queue, place
	Names    []string          `json:"names,omitempty"`    // commands, archive; presence: status codes
	Fields   map[string]string `json:"fields,omitempty"`   // of a form
}

func (e event) String() string {
	e.Text = shorten(e.Text)
	b, _ := json.Marshal(e)
	return string(b)
}

// client is a running driver.
type client struct {
	t    *testing.T
	lib  library
	nick string
	jid  string // of the last login
	cmd  *exec.Cmd
	in   io.WriteCloser
	events
}

// start runs the library's driver; it ends with the test at the latest.
func start(t *testing.T, lib library, p *pages) *client {
	t.Helper()
	c := &client{t: t, lib: lib, cmd: exec.Command(cmp.Or(lib.program, "node"), lib.args(p)...)}
	c.events.init(lib.name)
	c.cmd.Stderr = &c.events.stderr
	if p != nil && p.ca != "" {
		c.cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+p.ca)
	}
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", lib.name, err)
	}
	ended := make(chan struct{})
	go func() { // ends with the driver, which kill ends
		defer close(ended)
		c.read(out)
		c.cmd.Wait()
	}()
	t.Cleanup(func() {
		c.in.Close() // the driver ends by itself, its browser with it
		c.kill()
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", lib.name, c.dump())
		}
	})
	c.next("ready", nil)
	return c
}

// kill ends the driver as a crash would.
func (c *client) kill() { c.cmd.Process.Kill() }

func (c *client) do(name string, args map[string]any) {
	c.t.Helper()
	line := map[string]any{"do": name}
	for k, v := range args {
		line[k] = v
	}
	b, err := json.Marshal(line)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.in.Write(append(b, '\n')); err != nil {
		c.t.Fatalf("%s: %v", c.lib.name, err)
	}
}

func (c *client) login(url, transport, domain string) {
	c.t.Helper()
	c.do("connect", map[string]any{"url": url, "transport": transport, "domain": domain})
	c.jid = c.next("online", nil).JID
}

// join enters the room and says whether that created it.
func (c *client) join(room, nick string) (created bool) {
	c.t.Helper()
	c.nick = nick
	c.do("join", map[string]any{"room": room, "nick": nick})
	return c.next("joined", func(e event) bool { return e.Nick == nick }).Created
}

func (c *client) send(text string)    { c.t.Helper(); c.do("send", map[string]any{"text": text}) }
func (c *client) typing(state string) { c.t.Helper(); c.do("typing", map[string]any{"state": state}) }
func (c *client) leave()              { c.t.Helper(); c.do("leave", nil) }

// close ends the session as the library does it and waits until it says so.
func (c *client) close() {
	c.t.Helper()
	c.do("close", nil)
	c.next("closed", nil)
}

// hears asserts that the next message, other than the room's history, is exactly this one.
func (c *client) hears(nick, text string) {
	c.t.Helper()
	e := c.next("message", func(e event) bool { return !e.Delayed })
	if e.Nick != nick || e.Text != text {
		c.t.Fatalf("%s heard %s: %s; want %s: %s", c.lib.name, e.Nick, differ(e.Text, text), nick, shorten(text))
	}
}

func (c *client) seesTyping(nick, state string) {
	c.t.Helper()
	c.next("chatstate", func(e event) bool { return e.Nick == nick && e.State == state })
}

// sees waits for the next such presence of this occupant.
func (c *client) sees(nick, presence string) {
	c.t.Helper()
	if _, err := c.awaitPresence(nick, presence); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the next event of this kind that ok takes (nil takes any); those of the
// kind before it are passed over for good. An error event fails the test.
func (c *client) next(kind string, ok func(event) bool) event {
	c.t.Helper()
	e, err := c.events.wait(kind, kind, ok)
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// events collects what a party of the test saw.
type events struct {
	name   string
	stderr tail

	mu      sync.Mutex
	all     []event
	failed  string         // the first error event, or how the driver ended
	seen    map[string]int // per thread of events: those before this index are done with
	changed chan struct{}  // closed and renewed with each change
}

func (ev *events) init(name string) {
	ev.name, ev.seen, ev.changed = name, map[string]int{}, make(chan struct{})
}

func (ev *events) read(out io.Reader) {
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			ev.fail("the driver ended")
			return
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			ev.fail(fmt.Sprintf("bad line %q: %v", line, err))
			return
		}
		ev.add(e)
	}
}

func (ev *events) add(e event) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	ev.all = append(ev.all, e)
	if e.Event == "error" && ev.failed == "" {
		ev.failed = e.Text
	}
	ev.wake()
}

func (ev *events) fail(text string) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	if ev.failed == "" {
		ev.failed = text
	}
	ev.wake()
}

func (ev *events) wake() { // under mu
	close(ev.changed)
	ev.changed = make(chan struct{})
}

// awaitPresence takes each occupant's presence as a thread of its own, since the order between occupants is nobody's promise.
func (ev *events) awaitPresence(nick, presence string) (event, error) {
	return ev.wait("presence of "+nick, "presence", func(e event) bool { return e.Nick == nick && e.Type == presence })
}

func (ev *events) wait(thread, kind string, ok func(event) bool) (event, error) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		ev.mu.Lock()
		for i := ev.seen[thread]; i < len(ev.all); i++ {
			if e := ev.all[i]; e.Event == kind && (ok == nil || ok(e)) {
				ev.seen[thread] = i + 1
				ev.mu.Unlock()
				return e, nil
			}
		}
		failed, changed := ev.failed, ev.changed
		ev.mu.Unlock()
		if failed != "" {
			return event{}, fmt.Errorf("%s: waiting for %s: %s", ev.name, kind, failed)
		}
		select {
		case <-changed:
		case <-timeout.C:
			return event{}, fmt.Errorf("%s: no %s within %v; it saw:\n%s", ev.name, kind, patience, ev.dump())
		}
	}
}

// has says whether an event was seen at all, done with or not.
func (ev *events) has(ok func(event) bool) bool {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	for _, e := range ev.all {
		if ok(e) {
			return true
		}
	}
	return false
}

func (ev *events) dump() string {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	var b strings.Builder
	for _, e := range ev.all {
		fmt.Fprintf(&b, "  %s\n", e)
	}
	b.WriteString(ev.stderr.String())
	return b.String()
}

// tail keeps the last of what is written to it: 8 KiB, or limit.
type tail struct {
	limit int

	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - cmp.Or(t.limit, 8<<10); extra > 0 {
		t.buf = t.buf[extra:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

func shorten(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%s… (%d bytes)", s[:200], len(s))
	}
	return s
}

// differ shows where got leaves want.
func differ(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("%s (differs at byte %d)", shorten(got), i)
}

func TestMain(m *testing.M) {
	if _, err := os.Stat("node_modules"); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: the clients are missing: run `npm ci --ignore-scripts` in e2e/")
		os.Exit(1)
	}
	code := m.Run()
	if programDir != "" {
		os.RemoveAll(programDir)
	}
	os.Exit(code)
}
