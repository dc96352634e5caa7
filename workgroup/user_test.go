package workgroup

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A wire is a transcript of what goes between a visitor and the workgroup, line by line:
//
//	> what he sends; to='support@desk.test' is added
//	< what he is sent, exactly; a conversation's id reads ULID, its room ROOM
//	@alice words of an agent
//	+ 15s time passes
//	cut, back: his stream
//
// Everything that he is sent must stand there, but what his room says.
func (p *play) wire(g *guest, script string) {
	p.t.Helper()
	var sent []string
	read := func() {
		for _, n := range g.got {
			if from := n.attr("from"); !strings.HasPrefix(from, "c-") {
				s := conversationID.ReplaceAllString(string(n.append(nil, "")), "ULID")
				sent = append(sent, supportRoom.ReplaceAllString(s, "ROOM"))
			}
		}
		g.got = nil
	}
	quiet := func(at int) {
		p.t.Helper()
		if read(); len(sent) > 0 {
			p.t.Errorf("line %d: he is also sent\n\t%s", at, strings.Join(sent, "\n\t"))
			sent = nil
		}
	}
	for i, line := range strings.Split(script, "\n") {
		line = strings.TrimSpace(line)
		at := i + 1
		switch {
		case line == "":
		case line == "cut":
			quiet(at)
			g.cut()
		case line == "back":
			g.back()
		case line[0] == '>':
			quiet(at)
			n, err := parse([]byte(line[1:]))
			if err != nil {
				p.t.Fatalf("line %d: %v", at, err)
			}
			if n.attr("to") == "" {
				n.attrs = append(n.attrs, attr{"to", g.group})
			}
			g.sends(n)
		case line[0] == '<':
			read()
			want := strings.TrimSpace(line[1:])
			if len(sent) == 0 {
				p.t.Errorf("line %d: he is sent nothing, want\n\t%s", at, want)
				continue
			}
			if sent[0] != want {
				p.t.Errorf("line %d: he is sent\n\t%s\nwant\n\t%s", at, sent[0], want)
			}
			sent = sent[1:]
		case line[0] == '+':
			quiet(at)
			length, err := time.ParseDuration(strings.TrimSpace(line[1:]))
			if err != nil {
				p.t.Fatalf("line %d: %v", at, err)
			}
			p.wait(length)
		case line[0] == '@':
			quiet(at)
			name, words, _ := strings.Cut(line[1:], " ")
			p.agents[name+"@"+playHome].types(words)
		default:
			p.t.Fatalf("line %d: %q is no line of a transcript", at, line)
		}
	}
	quiet(strings.Count(script, "\n") + 1)
}

var (
	conversationID = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{26}\b`)
	supportRoom    = regexp.MustCompile(`\bc-[a-z2-7]{26}@rooms\.test`)
)

// row is what was kept of the conversation with this number last.
func (p *play) row(number int) Conversation {
	for _, c := range p.kept.all() {
		if c.Number == number {
			return c
		}
	}
	return Conversation{}
}

// allBusy is an agent who has all that she takes, one chat: who asks now has to wait.
func (p *play) allBusy() {
	alice, bea := p.agent("alice"), p.visitor("bea")
	alice.types("max 1")
	bea.asks("first")
	alice.types("1")
	alice.says("Good morning")
}

// TestJoinWire is XEP-0142's user protocol from join to depart, as it goes over the wire.
func TestJoinWire(t *testing.T) {
	p := newPlay(t)
	p.allBusy()
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='set' id='id1'><join-queue xmlns='http://jabber.org/protocol/workgroup'><queue-notifications/></join-queue></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='id1'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>1</position><time>15</time></queue-status></message>
		> <iq type='get' id='id2'><queue-status xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='id2'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>1</position><time>15</time></queue-status></iq>
		+ 14s
		+ 1s
		< <message from='support@desk.test' to='ann@desk.test/web1'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>1</position><time>15</time></queue-status></message>
		> <iq type='set' id='id3'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='id3'><error type='cancel' code='409'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		> <iq type='set' id='id4'><depart-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='id4'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='closed' reason='visitor'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><depart-queue xmlns='http://jabber.org/protocol/workgroup'><reason xmlns='urn:usher:desk:0'>visitor</reason></depart-queue></message>
		> <iq type='get' id='id5'><queue-status xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='id5'><error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		> <iq type='set' id='id6'><depart-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='id6'><error type='cancel' code='404'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		+ 1m`)
}

// TestChatWire goes on to the chat and its end. What the room itself sends (the invitation, words) isn't listed here.
func TestChatWire(t *testing.T) {
	p := newPlay(t)
	p.agent("alice")
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='set' id='id1'><join-queue xmlns='http://jabber.org/protocol/workgroup'><queue-notifications/></join-queue></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='id1'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='queued'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>1</position><time>15</time></queue-status></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='offered'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>0</position><time>0</time></queue-status></message>
		@alice 1
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='connecting' agent='alice'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='connecting' agent='alice' room='ROOM'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='active' agent='alice' room='ROOM'/></message>
		> <iq type='get' id='id2'><queue-status xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='id2'><error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		> <iq type='set' id='id3'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='id3'><error type='cancel' code='409'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		+ 1m
		@alice close
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='wrapup' room='ROOM' reason='agent'/></message>
		+ 30s
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='closed' reason='agent'/></message>`)
}

// TestEndOfTheQueueWire: who is taken out of the queue hears it as XEP-0142 has it, with the reason.
func TestEndOfTheQueueWire(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.Agents = g.Agents[:1] }))
	p.allBusy()
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='set' id='id1'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='id1'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		+ 3m59s
		+ 1s
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='closed' reason='timeout'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><depart-queue xmlns='http://jabber.org/protocol/workgroup'><reason xmlns='urn:usher:desk:0'>timeout</reason></depart-queue></message>`)
}

// TestComingBackWire: on his next stream a visitor is told where he is, and his place is pushed again.
func TestComingBackWire(t *testing.T) {
	p := newPlay(t)
	p.allBusy()
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='set' id='id1'><join-queue xmlns='http://jabber.org/protocol/workgroup'><queue-notifications/></join-queue></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='id1'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>1</position><time>15</time></queue-status></message>
		cut
		+ 40s
		back
		< <message from='support@desk.test' to='ann@desk.test/web2'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web2'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>1</position><time>15</time></queue-status></message>`)
}

// TestPlacesWire: a place that changes is pushed at once, one that doesn't every 15 s.
func TestPlacesWire(t *testing.T) {
	p := newPlay(t)
	p.allBusy()
	dan := p.visitor("dan")
	dan.asks("second")
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='set' id='id1'><join-queue xmlns='http://jabber.org/protocol/workgroup'><queue-notifications/></join-queue></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='id1'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='3' state='queued'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>2</position><time>30</time></queue-status></message>
		+ 5s`)
	dan.departs()
	p.wire(ann, `
		< <message from='support@desk.test' to='ann@desk.test/web1'><queue-status xmlns='http://jabber.org/protocol/workgroup'><position>1</position><time>15</time></queue-status></message>
		+ 14s`)
}

// requestCases are IQs of a visitor to a workgroup with a form, one each, and their answers' insides.
var requestCases = []struct{ name, typ, send, want string }{
	{"the form", "get", `<join-queue xmlns='http://jabber.org/protocol/workgroup'/>`,
		`<join-queue xmlns='http://jabber.org/protocol/workgroup'><x xmlns='jabber:x:data' type='form'><title>Ask us</title><instructions>Please tell us what it is about.</instructions>` +
			`<field type='text-single' var='name' label='Your name'/><field type='text-multi' var='question' label='Question'><required/></field></x></join-queue>`},
	{"no form", "set", `<join-queue xmlns='http://jabber.org/protocol/workgroup'><queue-notifications/></join-queue>`,
		`<error type='modify' code='406'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>Please fill in: Question</text></error>`},
	{"no form, in German", "set", `<join-queue xmlns='http://jabber.org/protocol/workgroup'><visitor xmlns='urn:usher:desk:0' language='de-AT'/></join-queue>`,
		`<error type='modify' code='406'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='de-AT'>Bitte ausfüllen: Frage</text></error>`},
	{"the form of the XEP's examples", "set", `<join-queue xmlns='http://jabber.org/protocol/workgroup'><x xmlns='jabber:iq:data' type='submit'><field var='question'><value>q</value></field></x></join-queue>`,
		`<error type='modify' code='406'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>Please fill in: Question</text></error>`},
	{"the form, wrong", "set", `<join-queue xmlns='http://jabber.org/protocol/workgroup'><x xmlns='jabber:x:data' type='submit'><field var='question'><value>q</value></field><field var='email'><value>nowhere</value></field></x></join-queue>`,
		`<error type='modify' code='406'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>Please check: Mail address</text></error>`},
	{"a token where no key is", "set", `<join-queue xmlns='http://jabber.org/protocol/workgroup'><visitor xmlns='urn:usher:desk:0' token='a.b.c'/></join-queue>`,
		`<error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><invalid-token xmlns='urn:usher:desk:0' reason='signature'/></error>`},
	{"the form, with foreign metadata", "set", `<join-queue xmlns='http://jabber.org/protocol/workgroup'><crm xmlns='http://www.example.com/xmpp/workgroup'><customer-id>x</customer-id></crm><x xmlns='jabber:x:data' type='submit'><field var='question'><value>q</value></field></x></join-queue>`, ``},
	{"not in the queue", "get", `<queue-status xmlns='http://jabber.org/protocol/workgroup'/>`, `<error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`},
	{"status set", "set", `<queue-status xmlns='http://jabber.org/protocol/workgroup'/>`, `<error type='cancel' code='501'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`},
	{"nothing to depart from", "set", `<depart-queue xmlns='http://jabber.org/protocol/workgroup'/>`, `<error type='cancel' code='404'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`},
	{"departing somebody else", "set", `<depart-queue xmlns='http://jabber.org/protocol/workgroup'><jid>bea@desk.test/web1</jid></depart-queue>`, `<error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`},
	{"an agent's request", "get", `<agent-status-request xmlns='http://jabber.org/protocol/workgroup'/>`,
		`<error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>that is for agents</text></error>`},
	{"an agent's answer", "set", `<offer-accept xmlns='http://jabber.org/protocol/workgroup' jid='bea@desk.test'/>`,
		`<error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>that is for agents</text></error>`},
	{"ping", "get", `<ping xmlns='urn:xmpp:ping'/>`, ``},
	{"items", "get", `<query xmlns='http://jabber.org/protocol/disco#items'/>`, `<query xmlns='http://jabber.org/protocol/disco#items'/>`},
	{"info", "get", `<query xmlns='http://jabber.org/protocol/disco#info'/>`, discoInfo("ready")},
	{"info of a node", "get", `<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>`, `<error type='cancel' code='404'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`},
	{"something else", "get", `<query xmlns='jabber:iq:version'/>`, `<error type='cancel' code='503'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`},
	{"nothing", "get", ``, `<error type='modify' code='400'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>an IQ has one child</text></error>`},
	{"a rating of nothing", "set", `<rating xmlns='urn:usher:desk:0' conversation='x' value='5'/>`,
		`<error type='cancel' code='404'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>there is no such conversation of yours</text></error>`},
	{"a rating beyond", "set", `<rating xmlns='urn:usher:desk:0' conversation='x' value='6'/>`,
		`<error type='modify' code='400'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>a rating is a number from 1 to 5, with a text of 4096 bytes at most</text></error>`},
	{"a transcript of nothing", "set", `<transcript xmlns='urn:usher:desk:0' conversation='x' mail='a@b'/>`,
		`<error type='cancel' code='404'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>there is no such conversation of yours</text></error>`},
}

func discoInfo(online string) string {
	s := `<query xmlns='http://jabber.org/protocol/disco#info'><identity category='collaboration' type='workgroup' name='Support'/>`
	for _, f := range []string{"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items", "http://jabber.org/protocol/commands",
		"http://jabber.org/protocol/workgroup", "jabber:x:data", "urn:usher:desk:0", "urn:xmpp:ping",
		"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended"} {
		s += `<feature var='` + f + `'/>`
	}
	return s + `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/workgroup#workgroupinfo</value></field>` +
		`<field var='workgroup#description' label='Description'><value>Support</value></field><field var='workgroup#online' label='Status'><value>` + online + `</value></field></x></query>`
}

// wantsQuestion is a workgroup that wants a question.
func wantsQuestion(g *Group) {
	g.Form = []Field{
		{Var: "name", Type: "text-single", Label: map[string]string{"en": "Your name"}},
		{Var: "question", Type: "text-multi", Required: true},
	}
}

func TestVisitorRequests(t *testing.T) {
	for _, tc := range requestCases {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlay(t, playGroup(wantsQuestion))
			p.allBusy()
			ann := p.visitor("ann")
			n, err := parse([]byte(`<iq type='` + tc.typ + `' id='i' to='support@desk.test'>` + tc.send + `</iq>`))
			if err != nil {
				t.Fatal(err)
			}
			ann.sends(n)
			if len(ann.got) == 0 {
				t.Fatal("no answer")
			}
			typ := "result"
			if strings.HasPrefix(tc.want, "<error") {
				typ = "error"
			}
			want := `<iq type='` + typ + `' from='support@desk.test' to='ann@desk.test/web1' id='i'>` + tc.want + `</iq>`
			if tc.want == "" {
				want = `<iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='i'/>`
			}
			if got := string(ann.got[0].append(nil, "")); got != want {
				t.Errorf("answered with\n%s\nwant\n%s", got, want)
			}
			if queued := p.state(2) != "none"; queued != (tc.name == "the form, with foreign metadata") {
				t.Errorf("the conversation is %s", p.state(2))
			}
		})
	}
}

// TestVisitorElsewhere: addresses that are no workgroup of his site, and a second queue of the same site.
func TestVisitorElsewhere(t *testing.T) {
	sales := playGroup(func(g *Group) { g.Name, g.Address, g.Title = "sales", "sales", "Sales" })
	forum := playGroup(func(g *Group) { g.Site, g.Name, g.Address = "forum", "help", "help" })
	p := newPlay(t, playGroup(), sales, forum)
	p.allBusy()
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='set' id='1' to='nobody@desk.test'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='nobody@desk.test' to='ann@desk.test/web1' id='1'><error type='cancel' code='404'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		> <iq type='set' id='2' to='help@desk.test'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='help@desk.test' to='ann@desk.test/web1' id='2'><error type='auth' code='403'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		> <iq type='set' id='3' to='support@desk.test'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='3'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		> <iq type='set' id='4' to='sales@desk.test'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='sales@desk.test' to='ann@desk.test/web1' id='4'><error type='cancel' code='409'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		> <iq type='get' id='5' to='sales@desk.test'><queue-status xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='sales@desk.test' to='ann@desk.test/web1' id='5'><error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		> <iq type='set' id='6' to='sales@desk.test'><depart-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='error' from='sales@desk.test' to='ann@desk.test/web1' id='6'><error type='cancel' code='404'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
		> <message type='chat' to='sales@desk.test'><body>Hello?</body></message>
		< <message type='chat' from='sales@desk.test' to='ann@desk.test/web1'><body>You are waiting at Support already. This message was not passed on.</body></message>
		> <presence type='subscribe' to='support@desk.test' id='p'/>
		< <presence type='unsubscribed' from='support@desk.test' to='ann@desk.test' id='p'><status>open</status></presence>
		> <presence to='support@desk.test'/>
		> <message type='error' to='support@desk.test'><body>x</body></message>
		> <iq type='result' id='9' to='support@desk.test'/>`)
}

// TestClosed: each way to be closed, as an error of join-queue, in disco, and in words.
func TestClosed(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	week := [7][]Span{time.Monday: {{9 * 60, 12 * 60}}, time.Tuesday: {{10 * 60, 12 * 60}}}
	for _, tc := range []struct {
		name   string
		change func(*Group)
		do     func(p *play)
		closed string // <closed/>'s attributes
		words  string
		german string
	}{
		{"nobody there", func(*Group) {}, func(*play) {}, `reason='no-agents'`, "Sorry, nobody is here right now.", "Leider ist gerade niemand da."},
		{"a break", func(*Group) {}, func(p *play) { p.agent("alice").types("pause") }, `reason='paused'`, "Sorry, everybody is on a break right now.", "Leider machen gerade alle eine Pause."},
		{"full", func(g *Group) { g.QueueLimit = 1 }, func(p *play) {
			p.allBusy()
			p.visitor("dan").asks("?")
		}, `reason='full'`, "Sorry, too many people are waiting right now.", "Leider warten gerade zu viele."},
		{"the hours", func(g *Group) { g.Hours = &Hours{Zone: zone, Week: week} }, func(p *play) {
			p.agent("alice")
			p.wait(2 * time.Hour) // 9:00 UTC is 10:00 there
		}, `reason='hours' opens='2026-03-03T09:00:00Z'`, "We are closed now and open again on 2026-03-03 10:00.", "Wir haben gerade geschlossen und sind ab 2026-03-03 10:00 wieder da."},
		{"never open", func(g *Group) { g.Hours = &Hours{Zone: zone} }, func(p *play) { p.agent("alice") }, `reason='hours'`, "We are closed now.", "Wir haben gerade geschlossen."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlay(t, playGroup(tc.change, wantsQuestion, func(g *Group) { g.OfflineStore = false }))
			tc.do(p)
			ann := p.visitor("ann")
			p.wire(ann, `
				> <iq type='set' id='1'><join-queue xmlns='http://jabber.org/protocol/workgroup'><visitor xmlns='urn:usher:desk:0' language='de'/></join-queue></iq>
				< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='1'><error type='cancel' code='503'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='de'>`+tc.german+`</text><closed xmlns='urn:usher:desk:0' `+tc.closed+`/></error></iq>
				> <iq type='get' id='2'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>
				< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='2'>`+discoInfo("closed")+`</iq>
				> <presence type='subscribe' id='p'/>
				< <presence type='unsubscribed' from='support@desk.test' to='ann@desk.test' id='p'><status>`+tc.words+`</status></presence>
				> <iq type='get' id='3'><leave-message xmlns='urn:usher:desk:0'/></iq>
				< <iq type='error' from='support@desk.test' to='ann@desk.test/web1' id='3'><error type='cancel' code='503'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>no messages are taken</text></error></iq>
				> <message type='chat'><body>Hello?</body></message>
				< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>No messages are taken now; this one was not kept. Please try again later.</body></message>`)
		})
	}
}

// TestOverflowIsOpen: where another workgroup takes what this one can't, a visitor isn't turned away.
func TestOverflowIsOpen(t *testing.T) {
	sales := playGroup(func(g *Group) { g.Name, g.Address, g.Agents = "sales", "sales", []Member{{JID: "bob@" + playHome}} })
	p := newPlay(t, playGroup(func(g *Group) { g.Overflow, g.Agents = "sales", g.Agents[:1] }), sales)
	p.agent("bob")
	ann := p.visitor("ann")
	p.wire(ann, `
		> <iq type='set' id='1'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>
		< <iq type='result' from='support@desk.test' to='ann@desk.test/web1' id='1'/>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='queued'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='offered'/></message>`)
}

// TestSignedVisitor: what the site has signed, what the visitor says himself, and what of it is kept.
func TestSignedVisitor(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	token := func(c jwt.MapClaims) string { return signedBy(t, jwt.SigningMethodHS256, secret, c) }
	exp := playStart.Add(time.Hour).Unix()
	for _, tc := range []struct {
		name   string
		token  string
		reason string // of a refusal
		want   Person
	}{
		{"unsigned", "", "", Person{Name: "Ann", Email: "ann@example.org"}},
		{"signed", token(jwt.MapClaims{"sub": "7", "aud": "shop", "exp": exp, "name": "Ann Lee", "email": "lee@example.org", "phone": "1", "groups": []string{"gold"}}), "",
			Person{Name: "Ann Lee", Email: "lee@example.org", Phone: "1", Groups: []string{"gold"}, Sub: "7", Verified: true}},
		{"signed, without a name", token(jwt.MapClaims{"sub": "7", "aud": "shop", "exp": exp}), "", Person{Sub: "7", Verified: true}},
		{"expired", token(jwt.MapClaims{"sub": "7", "aud": "shop", "exp": playStart.Add(-time.Minute).Unix()}), "expired", Person{}},
		{"another site's", token(jwt.MapClaims{"sub": "7", "aud": "forum", "exp": exp}), "audience", Person{}},
		{"without sub", token(jwt.MapClaims{"aud": "shop", "exp": exp}), "claims", Person{}},
		{"not signed", signedBy(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, jwt.MapClaims{"sub": "7", "aud": "shop", "exp": exp}), "signature", Person{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPlay(t, playGroup(func(g *Group) { g.Identity = Identity{HMACKey: secret, Audience: "shop"} }))
			p.allBusy()
			ann := p.visitor("ann")
			ann.request("set", el("join-queue", nsWorkgroup).with(
				el("visitor", nsDesk, "token", tc.token, "page", "https://shop.example/cart", "referrer", "https://search.example/", "title", "Cart\u202e", "language", "es"),
				el("x", nsForm, "type", "submit").with(
					el("field", "", "var", "name").with(el("value", "").said("Ann")),
					el("field", "", "var", "email").with(el("value", "").said("ann@example.org")),
					el("field", "", "var", "question").with(el("value", "").said("Why?")))))
			if tc.reason != "" {
				got := string(ann.got[0].append(nil, ""))
				if len(ann.got) != 1 || !strings.Contains(got, `<error type='auth' code='401'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><invalid-token xmlns='urn:usher:desk:0' reason='`+tc.reason+`'/></error>`) {
					t.Errorf("answered with %s", got)
				}
				p.is("refused", 2, "none")
				return
			}
			tc.want.JID, tc.want.Language = ann.bare, "es"
			tc.want.Page, tc.want.Referrer, tc.want.Title = "https://shop.example/cart", "https://search.example/", "Cart"
			if row := p.row(2); !reflect.DeepEqual(row.Visitor, tc.want) || row.Question != "Why?" || row.Form["name"] != "Ann" {
				t.Errorf("kept %+v\nwant %+v", row, tc.want)
			}
		})
	}
}
