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

// FuzzResume has three clients want one session in any way. A line begins with the client's number; then comes "b" (bind with the visitor's
// token), "x" (its connection is lost), "e" (somebody ends it), "s" (it's sent something), "d" (it reads), "t" (time passes), "r" with an h (it
// resumes), or an element, in which $id is the session's.
func FuzzResume(f *testing.F) {
	f.Add("1s\n1d\n1x\n2r0\n2d\n3r1\n3d")
	f.Add("1s\n1x\n1s\n2b\n2d\n2x\n3b\n3d\n1s")
	f.Add("1x\n1t\n2r0\n2b\n2x\n2t\n3b")
	f.Add("1s\n1d\n1<a xmlns='urn:xmpp:sm:3' h='1'/>\n1s\n1d\n2r4294967295\n3r1\n3e")
	f.Add("2<resume xmlns='urn:xmpp:sm:3' previd='$id' h='x'/>\n2<resume xmlns='urn:xmpp:sm:3' previd='$id$id' h='0'/>\n2<resume xmlns='urn:xmpp:sm:3'/>")
	f.Add("2b\n2<enable xmlns='urn:xmpp:sm:3' resume='1' max='1'/>\n2s\n2d\n2<a xmlns='urn:xmpp:sm:3' h='0'/>\n2x\n2t\n3r0")
	f.Fuzz(func(t *testing.T, script string) {
		r := resumable(t, "ws")
		r.play(promised)
		r.gate.old = r.stream
		all := []*rig{r, r.other("2"), r.other("3")}
		for _, o := range all[1:] {
			for _, text := range strings.Split(strings.TrimSpace(loggedIn), "\n") {
				if _, said, ok := strings.Cut(text, "C: "); ok {
					o.say(said)
				}
			}
		}
		for line := range strings.Lines(script) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > 1 && line[0] >= '1' && line[0] <= '3' {
				all[line[0]-'1'].fuzzResume(line[1:])
			}
		}
		for _, o := range all {
			o.stream.End(Ending{Reason: Terminated})
		}
		for i, o := range all {
			if o.stream.Ended() == nil || r.gate.closed[o.stream] != 1 {
				t.Errorf("client %d: ended %v, Closed %d times", i+1, o.stream.Ended(), r.gate.closed[o.stream])
			}
		}
		if n := r.cfg.sessions.len(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

func (r *rig) fuzzResume(what string) {
	s := r.stream
	switch what[0] {
	case 'b':
		r.say(`<iq ` + jc + ` type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>again</resource></bind></iq>`)
		if s.Bound() != "" {
			r.gate.old = s
		}
	case 'x':
		s.Lose(Ending{Reason: ConnectionLost})
	case 'e':
		s.End(Ending{Reason: Terminated})
	case 's':
		s.SendRaw(chat)
	case 'd':
		s.Drain(nil, 1<<20, appendFrame)
	case 't':
		r.clock.pass(time.Minute)
		r.wheel.turn(r.clock.Now())
		s.Expire()
	case 'r':
		what = `<resume ` + smns + ` previd='$id' h='` + what[1:] + `'/>`
		fallthrough
	default:
		if e, err := r.scan.One([]byte(r.fill(what))); err == nil {
			s.Receive(e)
		}
	}
	if n, most := s.Pending(), 2*(r.cfg.outbox()+r.cfg.queue()); n > most {
		r.t.Fatalf("%d bytes queued", n)
	}
}
