package workgroup

import (
	"strings"
	"testing"
	"time"
)

// TestPlainVisitor: a visitor with an ordinary client, from his first word to the end.
func TestPlainVisitor(t *testing.T) {
	p := newPlay(t)
	p.allBusy()
	ann := p.visitor("ann")
	p.wire(ann, `
		> <message type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>
		> <message type='chat'><body>Where is my parcel?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Thank you. You are number 1 in the queue; the wait is about 1 min.</body></message>
		> <message type='chat' id='m2'><body>It was sent on Monday.</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Thank you, that will be passed on.</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Thank you. You are number 1 in the queue; the wait is about 1 min.</body></message>
		> <message type='chat'><body> </body></message>
		> <message type='chat'><body>`+strings.Repeat("x", maxMulti+1)+`</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>This message is too long and was not passed on. Please shorten it.</body></message>
		+ 1m
		@alice close
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='offered'/></message>
		@alice 1
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='connecting' agent='alice'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>alice will help you. You are being invited to a chat room; please join it.</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='connecting' agent='alice' room='ROOM'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='active' agent='alice' room='ROOM'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>alice is here.</body></message>
		> <message type='chat'><body>Are you there?</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Your chat is in the room ROOM. Please write there; this message was not passed on.</body></message>
		@alice close
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='wrapup' room='ROOM' reason='agent'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>The chat is closed. Thank you and goodbye.</body></message>
		+ 30s
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='closed' reason='agent'/></message>`)
	// What she wrote while she waited reached the agent, and the archive.
	alice := p.agents["alice@"+playHome]
	aside := ""
	for _, n := range alice.clients[0].got {
		if b := n.child("body", ""); b != nil && strings.HasPrefix(n.attr("from"), "c-") && n.attr("type") == "chat" {
			aside += b.text + "\n"
		}
	}
	if !strings.Contains(aside, "Visitor 2: It was sent on Monday.") {
		t.Errorf("in the room the agent was told %q", aside)
	}
	p.says(2, `
		1 message visitor Visitor 2 «It was sent on Monday.»
		2 join visitor Visitor 2
		3 join agent alice`)
}

// TestPlainVisitorMeanwhile: in his own language, what becomes of his place and of his agents.
func TestPlainVisitorMeanwhile(t *testing.T) {
	p := newPlay(t)
	p.allBusy()
	dan, ann := p.visitor("dan"), p.visitor("ann")
	dan.asks("second")
	ann.language = "de"
	p.wire(ann, `
		> <message type='chat'><body>Wo ist mein Paket?</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='3' state='queued'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Vielen Dank. Sie sind Nummer 2 in der Warteschlange, die Wartezeit beträgt etwa 1 Min.</body></message>
		+ 20s`)
	dan.departs()
	p.wire(ann, `
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Sie sind jetzt Nummer 1 in der Warteschlange.</body></message>
		+ 20s
		@alice max 2
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='3' state='offered'/></message>
		@alice 1
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='3' state='connecting' agent='alice'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>alice hilft Ihnen. Sie werden gleich in einen Chatraum eingeladen; bitte betreten Sie ihn.</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='3' state='connecting' agent='alice' room='ROOM'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='3' state='active' agent='alice' room='ROOM'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>alice ist da.</body></message>`)
	p.agents["alice@"+playHome].clients[0].dies()
	p.wire(ann, `
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='3' state='agent-lost' agent='alice' room='ROOM'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Die Verbindung zu alice ist abgebrochen. Bitte bleiben Sie, es ist gleich wieder jemand da.</body></message>
		+ 1m
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='3' state='queued' room='ROOM'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Wir suchen jemand anderen, der Ihnen hilft. Sie sind als Nächstes an der Reihe.</body></message>
		> <message type='chat'><body>Hallo?</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Ihr Gespräch findet im Raum ROOM statt. Bitte schreiben Sie dort; diese Nachricht wurde nicht weitergegeben.</body></message>`)
}

// TestPlainVisitorsLanguage: that of his words comes before that of his stream, and both before the site's.
func TestPlainVisitorsLanguage(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.Language = "fr" }))
	ann := p.visitor("ann")
	p.wire(ann, `
		> <presence type='subscribe' id='p'/>
		< <presence type='unsubscribed' from='support@desk.test' to='ann@desk.test' id='p'><status>Désolé, il n’y a personne pour le moment.</status></presence>`)
	ann.language = "de"
	p.wire(ann, `
		> <presence type='subscribe' id='p'/>
		< <presence type='unsubscribed' from='support@desk.test' to='ann@desk.test' id='p'><status>Leider ist gerade niemand da.</status></presence>
		> <presence type='subscribe' id='p' xml:lang='es-MX'/>
		< <presence type='unsubscribed' from='support@desk.test' to='ann@desk.test' id='p'><status>Lo sentimos, ahora mismo no hay nadie.</status></presence>`)
}

// TestInterview: what a form requires is asked for in words, one field after the other.
func TestInterview(t *testing.T) {
	form := func(g *Group) {
		g.Form = []Field{
			{Var: "name", Type: "text-single"},
			{Var: "email", Type: "text-single", Required: true},
			{Var: "question", Type: "text-multi", Required: true},
			{Var: "terms", Type: "boolean", Required: true, Label: map[string]string{"en": "Do you accept our terms"}},
		}
	}
	p := newPlay(t, playGroup(form))
	p.agent("alice")
	dan := p.visitor("dan")
	p.wire(dan, `
		> <message type='chat'><body>And mine?</body></message>
		< <message type='chat' from='support@desk.test' to='dan@desk.test/web1'><body>Mail address?</body></message>
		+ 10m
		< <message type='chat' from='support@desk.test' to='dan@desk.test/web1'><body>We have not heard from you, so your question was not passed on. Please write again when you like.</body></message>
		> <message type='chat'><body>dan@example.org</body></message>
		< <message type='chat' from='support@desk.test' to='dan@desk.test/web1'><body>Mail address?</body></message>`)
	p.is("of one who doesn't answer", 1, "none")
	ann := p.visitor("ann")
	p.wire(ann, `
		> <message type='chat'><body>Where is my parcel?</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Mail address?</body></message>
		> <message type='chat'><body>at home</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Please check: Mail address</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Mail address?</body></message>
		+ 9m59s
		cut
		back
		> <message type='chat'><body>ann@example.org</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web2'><body>Do you accept our terms? (yes or no)</body></message>
		> <message type='chat'><body>perhaps</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web2'><body>Do you accept our terms? (yes or no)</body></message>
		> <message type='chat'><body>Yes.</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web2'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='queued'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web2'><body>Thank you. You are number 1 in the queue; the wait is about 1 min.</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web2'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='offered'/></message>`)
	if row := p.row(1); row.Question != "Where is my parcel?" || row.Form["terms"] != "1" || row.Visitor.Email != "ann@example.org" || row.Visitor.Verified {
		t.Errorf("kept %+v", row)
	}
}

// TestInterviewElsewhere: who turns to another workgroup of the site meanwhile is asked there, and told what becomes of the first question.
func TestInterviewElsewhere(t *testing.T) {
	form := func(g *Group) { g.Form = []Field{{Var: "email", Type: "text-single", Required: true}} }
	sales := playGroup(form, func(g *Group) { g.Name, g.Address = "sales", "sales" })
	p := newPlay(t, playGroup(form), sales)
	p.agent("alice")
	ann := p.visitor("ann")
	p.wire(ann, `
		> <message type='chat'><body>Where is my parcel?</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Mail address?</body></message>
		+ 5m
		> <message type='chat' to='sales@desk.test'><body>What does it cost?</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>We have not heard from you, so your question was not passed on. Please write again when you like.</body></message>
		< <message type='chat' from='sales@desk.test' to='ann@desk.test/web1'><body>Mail address?</body></message>
		+ 9m
		> <message type='chat' to='sales@desk.test'><body>ann@example.org</body></message>
		< <message from='sales@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='queued'/></message>
		< <message type='chat' from='sales@desk.test' to='ann@desk.test/web1'><body>Thank you. You are number 1 in the queue; the wait is about 1 min.</body></message>
		< <message from='sales@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='offered'/></message>`)
	if row := p.row(1); row.Question != "What does it cost?" || row.Workgroup != "sales" {
		t.Errorf("kept %+v", row)
	}
}

// TestPlainVisitorOnTheWay: what he writes between an agent's word and his own coming into the room reaches the agent.
func TestPlainVisitorOnTheWay(t *testing.T) {
	p := newPlay(t)
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.autojoin = false
	p.wire(ann, `
		> <message type='chat'><body>Hello</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='queued'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Thank you. You are number 1 in the queue; the wait is about 1 min.</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='offered'/></message>
		@alice 1
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='connecting' agent='alice'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>alice will help you. You are being invited to a chat room; please join it.</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='1' state='connecting' agent='alice' room='ROOM'/></message>
		> <message type='chat'><body>It is about my parcel</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Thank you, that will be passed on.</body></message>`)
	ann.joins()
	aside := ""
	for _, n := range alice.clients[0].got {
		if b := n.child("body", ""); b != nil && strings.HasPrefix(n.attr("from"), "c-") && n.attr("type") == "chat" {
			aside += b.text
		}
	}
	if !strings.HasSuffix(aside, "Visitor 1: It is about my parcel") {
		t.Errorf("in the room the agent was told %q", aside)
	}
}

// TestPlainVisitorWhileClosed: his words are kept as a message, and a mail address that follows is the one to answer to.
func TestPlainVisitorWhileClosed(t *testing.T) {
	p := newPlay(t)
	ann := p.visitor("ann")
	p.wire(ann, `
		> <message type='chat'><body>Where is my parcel?</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Sorry, nobody is here right now. Your message is kept and will be read by the next colleague who comes in. If you would like an answer by mail, please write your mail address now.</body></message>
		> <message type='chat'><body>ann@example.org</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Thank you. The answer will go to ann@example.org.</body></message>
		> <message type='chat'><body>It is urgent</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Sorry, nobody is here right now. Your message is kept and will be read by the next colleague who comes in. If you would like an answer by mail, please write your mail address now.</body></message>
		+ 10m`)
	p.is("the first", 1, "offline")
	p.is("the second", 2, "offline")
	alice := p.agent("alice")
	alice.sees("comes in", `
		«[#1] message left 2026-03-02 09:00 UTC by Visitor 1 · ann@example.org»
		«[#2] message left 2026-03-02 09:00 UTC by Visitor 2»
		presence open`)
	p.wait(answerTime)
	p.is("the first", 1, "closed delivered")
	p.is("the second", 2, "closed delivered")
}

// TestPlainVisitorAddressLate: where nothing can be added to the message any more he isn't asked for an address, and one that he
// sends all the same is a message of its own.
func TestPlainVisitorAddressLate(t *testing.T) {
	shut := func(g *Group) { g.Hours = &Hours{Zone: time.UTC} }
	p := newPlay(t, playGroup(shut))
	alice, ann := p.agent("alice"), p.visitor("ann")
	alice.clients[0].got = nil
	p.wire(ann, `
		> <message type='chat'><body>Hello</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>We are closed now. Your message is kept and will be read by the next colleague who comes in.</body></message>
		> <message type='chat'><body>ann@example.org</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>We are closed now. Your message is kept and will be read by the next colleague who comes in. If you would like an answer by mail, please write your mail address now.</body></message>
		+ 10s`)
	alice.sees("out of hours", `
		«[#1] message left 2026-03-02 09:00 UTC by Visitor 1»
		«[#2] message left 2026-03-02 09:00 UTC by Visitor 2»`)

	p = newPlay(t, playGroup(shut, func(g *Group) { g.OfflineStore, g.Webhook = false, map[string]bool{"offline": true} }))
	p.wire(p.visitor("ann"), `
		> <message type='chat'><body>Hello</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>We are closed now. Your message is kept and will be read by the next colleague who comes in.</body></message>`)
}

// TestInterviewWhileClosed: what the offline form requires is asked for too; if it opens meanwhile he is asked what the other form wants.
func TestInterviewWhileClosed(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) {
		g.OfflineForm = []Field{{Var: "email", Type: "text-single", Required: true}, {Var: "question", Type: "text-multi", Required: true}}
		g.Form = []Field{{Var: "order", Type: "text-single", Required: true, Label: map[string]string{"": "Order"}}}
	}))
	ann := p.visitor("ann")
	p.wire(ann, `
		> <message type='chat'><body>Where is my parcel?</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Mail address?</body></message>
		> <message type='chat'><body>ann@example.org</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Sorry, nobody is here right now. Your message is kept and will be read by the next colleague who comes in.</body></message>
		> <message type='chat'><body>One more thing</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Mail address?</body></message>`)
	p.agent("alice")
	p.wire(ann, `
		> <message type='chat'><body>ann@example.org</body></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Order?</body></message>
		> <message type='chat'><body>4711</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Thank you. You are number 1 in the queue; the wait is about 1 min.</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='offered'/></message>`)
	if row := p.row(2); row.Question != "One more thing" || row.Form["order"] != "4711" || row.Visitor.Email != "ann@example.org" {
		t.Errorf("kept %+v", row)
	}
}

// TestPlainVisitorLeftAlone: nobody takes him in time.
func TestPlainVisitorLeftAlone(t *testing.T) {
	p := newPlay(t, playGroup(func(g *Group) { g.Timers.Queue = 30 * time.Second }))
	p.allBusy()
	ann := p.visitor("ann")
	p.wire(ann, `
		> <message type='chat'><body>Hello</body></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='queued'/></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Thank you. You are number 1 in the queue; the wait is about 1 min.</body></message>
		+ 30s
		< <message from='support@desk.test' to='ann@desk.test/web1'><conversation xmlns='urn:usher:desk:0' id='ULID' number='2' state='closed' reason='timeout'/></message>
		< <message from='support@desk.test' to='ann@desk.test/web1'><depart-queue xmlns='http://jabber.org/protocol/workgroup'><reason xmlns='urn:usher:desk:0'>timeout</reason></depart-queue></message>
		< <message type='chat' from='support@desk.test' to='ann@desk.test/web1'><body>Sorry, nobody could take your question in time. Please try again later or leave a message.</body></message>`)
}
