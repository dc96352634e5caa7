package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// While the server takes nothing, what comes over BOSH, whose reader can't wait, is taken beyond the mark at which others wait, up to the end of the
// link's reserve; it all goes out in order when the server is back at work, and what was too much has been answered.
func TestBusyLink(t *testing.T) {
	s, g, _ := scripted(t, "")
	v := openedOver(t, g, testComponent, "bosh")
	v.login(testComponent)
	link := g.homes[testComponent]
	s.u.Peer(testComponent).Pause()
	const most = 900 // messages: more than the link and the kernel hold
	n, body := 0, strings.Repeat("x", 50_000)
	say := func() {
		v.sendf("<message xmlns='jabber:client' type='chat' to='alice@localhost' id='m%d'><body>%s</body></message>", n, body)
		n++
	}
	for n < most && link.SendRaw(g.atOnce, nil) == nil { // the mark is not reached
		say()
	}
	mark := n
	refused := &g.count.drops[DropLinkBusy]
	for n < most && refused.Load() == 0 {
		say()
	}
	if taken := (n - 1 - mark) * len(body); refused.Load() != 1 || taken < reserve-2*len(body) {
		t.Fatalf("after the mark %d bytes were taken, and %d of %d messages refused", taken, refused.Load(), n)
	}
	v.expect("message", "type='error'", "type='wait'", "resource-constraint", "from='alice@localhost'", fmt.Sprintf("id='m%d'", n-1))
	s.u.Peer(testComponent).Resume()
	for i := range n - 1 {
		s.expect("alice@localhost", fmt.Sprintf("id='m%d'", i))
	}
}
