package c2s

import (
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// words are what a fuzzed client can say with one byte.
var words = []string{
	`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`,
	`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>`,
	`<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`,
	`<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`,
	`<iq xmlns='jabber:client' type='set' id='2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>taken</resource></bind></iq>`,
	`<iq xmlns='jabber:client' type='set' id='3'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>ends</resource></bind></iq>`,
	`<iq xmlns='jabber:client' type='set' id='4'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>`,
	`<iq xmlns='jabber:client' type='result'/>`,
	`<message xmlns='jabber:client' id='echo'><body>hi</body></message>`,
	`<presence xmlns='jabber:client' from='abc@visitors.example/web'/>`,
	`<enable xmlns='urn:xmpp:sm:3'/>`,
	`<r xmlns='urn:xmpp:sm:3'/>`,
	`<a xmlns='urn:xmpp:sm:3' h='1'/>`,
	`<resume xmlns='urn:xmpp:sm:3' h='1' previd='x'/>`,
	`<inactive xmlns='urn:xmpp:csi:0'/>`,
}

// FuzzStream feeds a stream with lines: "o" and a header's `to`, one byte that stands for one
// of the words, an element, or what others do to the stream meanwhile.
func FuzzStream(f *testing.F) {
	const hello = "osite.example\nA\nosite.example\n"
	f.Add("")
	f.Add(hello + "D\nI\nK\nL\nI\nM\nd")
	f.Add(hello + "E\nE\nG\nD\ns\ns\nd\nx")
	f.Add(hello + "F\nI")
	f.Add("obroken.example")
	f.Add("ogone.example\nA")
	f.Add("osite.example\nB\nB\nC\nC\nB\nA")
	f.Add(hello + "t\nt\nt\nI")
	f.Add(hello + "<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>&#x10FFFD;</resource></bind></iq>\nI\nJ")
	f.Add(hello + "D\n<a xmlns='urn:xmpp:sm:3' h='99999999999'/>\n<iq xmlns='jabber:client'/>\n<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>")
	f.Fuzz(func(t *testing.T, script string) {
		for _, transport := range []string{"ws", "bosh"} {
			r := newRig(t, transport)
			for line := range strings.Lines(script) {
				r.fuzz(strings.TrimSuffix(line, "\n"))
			}
			r.stream.End(Ending{Reason: Shutdown})
			r.drain()
			r.check()
		}
	})
}

func (r *rig) fuzz(line string) {
	s := r.stream
	switch {
	case line == "":
	case line[0] == 'o':
		s.Open(Header{To: line[1:], Version: "1.0", Lang: line[1:], From: line[1:]})
	case len(line) == 1 && line[0] >= 'A' && int(line[0]-'A') < len(words):
		s.Receive(r.element(words[line[0]-'A']))
	case line == "d":
		r.drain()
	case line == "s":
		s.SendRaw([]byte("<message xmlns='jabber:client'/>"))
	case line == "t":
		r.clock.pass(4 * time.Second)
		s.Expire()
	case line == "x":
		s.End(Ending{Reason: ConnectionLost})
	default:
		if e, err := r.scan.One([]byte(line)); err == nil {
			s.Receive(e)
		} else {
			s.Fail(err.(*xmpp.StreamError))
		}
	}
	if room := r.cfg.Outbox + 64; s.Pending() > room { // the last <a/>
		r.t.Fatalf("%d bytes queued", s.Pending())
	}
}

// check looks at what the Handler was told over the stream's whole life.
func (r *rig) check() {
	var opened, bound, closed int
	for i, line := range r.gate.told {
		what, arg, _ := strings.Cut(line, " ")
		if closed > 0 {
			r.t.Errorf("after Closed: %q", line)
		}
		switch what {
		case "open":
			if opened++; i > 0 {
				r.t.Errorf("opened late: %q", r.gate.told)
			}
		case "bind":
			if bound > 0 || opened == 0 {
				r.t.Errorf("bound at the wrong time: %q", r.gate.told)
			}
			if arg != `"taken"` && arg != `"broken"` {
				bound++
			}
		case "closed":
			closed++
		default:
			if bound == 0 {
				r.t.Errorf("a stanza before bind: %q", r.gate.told)
			}
		}
	}
	if closed != 1 || r.gate.closed[r.stream] != 1 {
		r.t.Errorf("closed %d times", closed)
	}
	if (r.stream.Bound() != "") != (bound > 0) {
		r.t.Errorf("bound %q after %q", r.stream.Bound(), r.gate.told)
	}
	var asked, offered int
	for _, e := range r.got {
		asked += strings.Count(e, "<success")
		offered += strings.Count(e, "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
	}
	if offered > asked {
		r.t.Errorf("bind was offered without a login: %q", r.got)
	}
}
