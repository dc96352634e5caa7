package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// runDemo runs what `make demo` runs, on ports of its own, and returns the addresses of the shop and the gateway.
func runDemo(t *testing.T, upstream string) (shop, gateway string) {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	demo := filepath.Join(dir, "demo")
	if out, err := exec.Command("go", "build", "-o", demo, "usher/demo").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Symlink(program, filepath.Join(dir, "usher")); err != nil {
		t.Fatal(err)
	}
	args := []string{"-upstream", upstream}
	ports := map[string]string{}
	for _, option := range []string{"http", "admin", "component", "c2s", "site"} {
		_, ports[option], _ = net.SplitHostPort(port(t))
		args = append(args, "-"+option, ports[option])
	}
	ready := make(chan struct{})
	said := &awaited{tail: tail{limit: 1 << 20}, words: "Ctrl-C stops it all", heard: ready}
	cmd := exec.Command(demo, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the process, which the cleanup ends
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil || t.Failed() {
			t.Errorf("the demo ended with %v and said\n%s", err, said.tail.String())
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("the demo did not start: %v", err)
	}
	return "http://localhost:" + ports["site"], "http://localhost:" + ports["http"]
}

// awaited is a log that tells when some words stand in it.
type awaited struct {
	tail
	words string
	heard chan struct{}
	told  bool
}

func (u *awaited) Write(b []byte) (int, error) {
	n, err := u.tail.Write(b)
	if !u.told && strings.Contains(u.tail.String(), u.words) {
		u.told = true
		close(u.heard)
	}
	return n, err
}

// TestDemo does what the demo's page says: alice logs in at the desk, somebody asks in the shop, they talk, carol enters and leaves. Of that are the pictures of the README.
func TestDemo(t *testing.T) {
	shop, gateway := runDemo(t, "prosody")
	b := startBrowser(t, "chromium")
	inRoom, inChat := css("converse-muc textarea.chat-textarea:visible"), css("converse-chat textarea.chat-textarea:visible")
	writes := func(c *colleague, where at, words string) {
		t.Helper()
		c.fill(where, words)
		c.press(where, "Enter")
	}
	tells := func(c *colleague, words string) {
		t.Helper()
		c.click(css("converse-roster .list-item-link").having("Support").first())
		writes(c, inChat, words)
	}
	alice := b.person(t, "alice").atDesk(gateway+"/desk/", "alice", "alice")
	anna := &customer{page: b.person(t, "anna").opens(shop + "/bikes")}
	anna.sees(button("1 online"))
	anna.click(launcher)
	anna.fill(role("textbox", "Your question").in(panel), "Does the Torun fit somebody of 1.60 m?")
	anna.click(button("Start chat").in(panel))
	anna.fill(role("textbox", "Your name"), "Anna")
	anna.click(button("Continue"))
	alice.click(button("Accept").in(css("converse-chat-message").having("Does the Torun fit")).first())
	alice.sees(inRoom)
	anna.sees(role("heading", "alice").in(panel))
	writes(alice, inRoom, "Hello Anna! Yes, the small frame is made for 1.55 to 1.68 m.")
	anna.hears("Hello Anna! Yes, the small frame is made for 1.55 to 1.68 m.")
	anna.says("Wonderful. How long does it take to Kiel?")
	alice.sees(css("converse-muc .chat-msg__text").having("How long does it take to Kiel?"))
	writes(alice, inRoom, "A week, and it comes ready to ride: https://example.com/delivery")
	anna.hears("A week, and it comes ready to ride")

	carol := b.person(t, "carol").atDesk(gateway+"/desk/", "carol", "carol")
	tells(carol, "list")
	tells(carol, "enter 1")
	carol.sees(inRoom)
	writes(carol, inRoom, "I add a helmet to that.")
	anna.hears("I add a helmet to that.")
	for name, pg := range map[string]*page{"demo-shop": anna.page, "demo-desk": alice.page} {
		pg.do("size", nil, map[string]any{"options": map[string]int{"width": 1000, "height": 700}})
		if name == "demo-shop" {
			evaluate[any](pg, "() => scrollTo(0, document.querySelector('.top').offsetTop)", nil)
		}
		pg.picture(name)
	}
	tells(carol, "leave 1")
	anna.sees(text("/carol.* has left the chat/"))
	anna.goes(shop + "/delivery")
	if n := anna.hears("I add a helmet to that."); n != 1 {
		t.Errorf("on the next page carol's words stand there %d times", n)
	}
	if said := anna.complaints(); len(said) > 0 {
		t.Errorf("the shop's page was reported on: %s", fmt.Sprint(said))
	}
}
