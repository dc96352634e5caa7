package gateway

import (
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/workgroup"
)

// reading is a scripted edge with an archive of two conversations of the shop's workgroup and one of the club's.
type reading struct {
	*script
	t *testing.T
	g *Gateway
	n int
}

var readingStart = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func newReading(t *testing.T) *reading {
	t.Helper()
	s := newScript(t)
	g := startEdge(t, deskConfig(s.u.Addr(), filepath.Join(t.TempDir(), "usher.db")))
	r := &reading{script: s, t: t, g: g}
	b, shop := &workgroup.Batch{}, g.cfg.Sites[0].Name
	for i, c := range []struct{ id, site, visitor, agent, room string }{
		{"01A", shop, "ann", "alice", "c-one"}, {"01B", shop, "ben", "dora", "c-two"}, {"01C", "club", "cat", "bob", "c-three"},
	} {
		at := readingStart.Add(time.Duration(i) * time.Hour)
		b.Conversations = append(b.Conversations, workgroup.Conversation{ID: c.id, Number: i + 1, Site: c.site, Workgroup: "support", State: workgroup.Closed,
			Asked: at, Closed: at.Add(time.Minute), Agents: []string{c.agent + "@localhost"}, Room: c.room + "@conference.localhost",
			Visitor: workgroup.Person{JID: c.visitor + "@" + testComponent}})
		for j, who := range []string{c.visitor + "@" + testComponent, c.agent + "@localhost", c.visitor + "@" + testComponent} {
			b.Events = append(b.Events, workgroup.Event{Conversation: c.id, Seq: 2*j + 1, Time: at.Add(time.Duration(j) * time.Second), Kind: workgroup.KindJoin, From: who},
				workgroup.Event{Conversation: c.id, Seq: 2*j + 2, Time: at.Add(time.Duration(j) * time.Second), Kind: workgroup.KindMessage, From: who,
					Nick: "n" + who[:3], Body: fmt.Sprintf("%s <%d> & so on", c.id, j)})
		}
	}
	if err := g.desk.archive.commit(b); err != nil {
		t.Fatal(err)
	}
	return r
}

// asks sends a request to a workgroup and returns the results that come, each as UID, and the answer.
func (r *reading) asks(who, group, typ, payload string) (uids []string, messages []string, answer string) {
	r.t.Helper()
	r.n++
	id := fmt.Sprintf("q%d", r.n)
	stanza := fmt.Sprintf("<iq type='%s' from='%s' to='%s' id='%s'>%s</iq>", typ, who, group, id, payload)
	if err := r.u.Send(testComponent, []byte(stanza)); err != nil {
		r.t.Fatal(err)
	}
	for {
		got := r.until("to='"+who+"'", "from='"+group+"'")
		if strings.HasPrefix(got, "<iq") {
			if !strings.Contains(got, "id='"+id+"'") {
				r.t.Fatalf("the answer to another: %s", got)
			}
			return uids, messages, got
		}
		var m struct {
			Result struct {
				QueryID string `xml:"queryid,attr"`
				ID      string `xml:"id,attr"`
			} `xml:"urn:xmpp:mam:2 result"`
		}
		if err := xml.Unmarshal([]byte(got), &m); err != nil || m.Result.ID == "" || m.Result.QueryID != "f27" {
			continue // presence, or no result of this query
		}
		uids, messages = append(uids, m.Result.ID), append(messages, got)
	}
}

func mam(fields map[string]string, set string) string {
	q := "<query xmlns='urn:xmpp:mam:2' queryid='f27'>"
	if fields != nil {
		q += "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
		for name, value := range fields {
			q += "<field var='" + name + "'><value>" + value + "</value></field>"
		}
		q += "</x>"
	}
	return q + set + "</query>"
}

func rsm(inner string) string {
	return "<set xmlns='http://jabber.org/protocol/rsm'>" + inner + "</set>"
}

const carol = "carol@localhost/desk"

func TestHistory(t *testing.T) {
	r := newReading(t)
	for _, c := range []struct {
		name    string
		payload string
		uids    string
		fin     []string // of the answer
	}{
		{"all", mam(nil, ""), "01A-2 01A-4 01A-6 01B-2 01B-4 01B-6", []string{"complete='true'", "<first index='0'>01A-2</first><last>01B-6</last><count>6</count>"}},
		{"with the visitor", mam(map[string]string{"with": "ann@" + testComponent + "/web"}, ""), "01A-2 01A-4 01A-6", []string{"<count>3</count>"}},
		{"with the agent", mam(map[string]string{"with": "Dora@localhost"}, ""), "01B-2 01B-4 01B-6", []string{"<count>3</count>"}},
		{"with the room", mam(map[string]string{"with": "c-two@conference.localhost"}, ""), "01B-2 01B-4 01B-6", nil},
		{"with somebody else", mam(map[string]string{"with": "eve@localhost"}, ""), "", []string{"complete='true'", "<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set>"}},
		{"from a time on", mam(map[string]string{"start": "2026-11-23T10:00:01Z"}, ""), "01B-4 01B-6", nil},
		{"up to a time", mam(map[string]string{"end": "2026-11-23T10:00:00+01:00"}, ""), "01A-2", nil},
		{"between", mam(map[string]string{"start": "2026-11-23T09:00:01Z", "end": "2026-11-23T10:00:00Z"}, ""), "01A-4 01A-6 01B-2", nil},
		{"the first two", mam(nil, rsm("<max>2</max>")), "01A-2 01A-4", []string{"<first index='0'>01A-2</first><last>01A-4</last><count>6</count>"}},
		{"the next two", mam(nil, rsm("<max>2</max><after>01A-4</after>")), "01A-6 01B-2", []string{"<first index='2'>", "<count>6</count>"}},
		{"the last two", mam(nil, rsm("<max>2</max><before/>")), "01B-4 01B-6", []string{"<first index='4'>01B-4</first>"}},
		{"the two before", mam(nil, rsm("<max>2</max><before>01B-4</before>")), "01A-6 01B-2", []string{"<first index='2'>"}},
		{"after the last", mam(nil, rsm("<after>01B-6</after>")), "", []string{"complete='true'", "<count>6</count>"}},
		{"only the count", mam(nil, rsm("<max>0</max>")), "", []string{"<count>6</count>"}},
		{"flipped", mam(nil, rsm("<max>2</max>")+"<flip-page/>"), "01A-4 01A-2", []string{"<first index='0'>01A-2</first><last>01A-4</last>"}},
		{"by id", mam(map[string]string{"ids": "01B-2"}, ""), "01B-2", nil},
		{"after an id", mam(map[string]string{"after-id": "01B-2"}, ""), "01B-4 01B-6", []string{"<count>2</count>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			uids, _, answer := r.asks(carol, shopDesk, "set", c.payload)
			if got := strings.Join(uids, " "); got != c.uids {
				t.Errorf("results %s, want %s", got, c.uids)
			}
			partial := strings.Contains(c.payload, "<max>") // less than there is
			if strings.Contains(answer, "complete=") == partial {
				t.Errorf("complete is wrong: %s", answer)
			}
			for _, part := range append(c.fin, "type='result'", "<fin xmlns='urn:xmpp:mam:2'") {
				if !strings.Contains(answer, part) {
					t.Errorf("no %s in %s", part, answer)
				}
			}
		})
	}
}

// A result is the room's message, whole, with its time, its speaker and its conversation.
func TestHistoryResult(t *testing.T) {
	r := newReading(t)
	_, messages, _ := r.asks(carol, shopDesk, "set", mam(map[string]string{"ids": "01A-4"}, ""))
	want := "<message from='" + shopDesk + "' to='" + carol + "'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='01A-4'>" +
		"<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-23T09:00:01.000000Z'/>" +
		"<message xmlns='jabber:client' type='groupchat' from='c-one@conference.localhost/nali'><body>01A &lt;1&gt; &amp; so on</body><thread>01A</thread>" +
		"<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant' jid='alice@localhost'/></x>" +
		"</message></forwarded></result></message>"
	if len(messages) != 1 || messages[0] != want {
		t.Errorf("result\n%s\nwant\n%s", strings.Join(messages, "\n"), want)
	}
}

func TestHistoryForm(t *testing.T) {
	r := newReading(t)
	_, _, answer := r.asks(carol, shopDesk, "get", "<query xmlns='urn:xmpp:mam:2'/>")
	for _, part := range []string{"type='result'", "type='hidden' var='FORM_TYPE'><value>urn:xmpp:mam:2</value>", "type='jid-single' var='with'", "type='text-single' var='start'", "type='text-single' var='end'"} {
		if !strings.Contains(answer, part) {
			t.Errorf("no %s in %s", part, answer)
		}
	}
	_, _, answer = r.asks(carol, shopDesk, "get", "<metadata xmlns='urn:xmpp:mam:2'/>")
	if want := "<start id='01A-2' timestamp='2026-11-23T09:00:00.000000Z'/><end id='01B-6' timestamp='2026-11-23T10:00:02.000000Z'/>"; !strings.Contains(answer, want) {
		t.Errorf("no %s in %s", want, answer)
	}
	_, _, answer = r.asks(carol, shopDesk, "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
	for _, part := range []string{"<feature var='urn:xmpp:mam:2'/>", "<feature var='urn:xmpp:mam:2#extended'/>"} {
		if !strings.Contains(answer, part) {
			t.Errorf("no %s in %s", part, answer)
		}
	}
}

func TestHistoryRefused(t *testing.T) {
	r := newReading(t)
	for _, c := range []struct{ name, who, group, typ, payload, want string }{
		{"an agent", "alice@localhost/desk", shopDesk, "set", mam(nil, ""), "<forbidden"},
		{"a stranger", "eve@localhost/x", shopDesk, "set", mam(nil, ""), "<forbidden"},
		{"the other site's supervisor", carol, clubDesk, "set", mam(nil, ""), "<forbidden"},
		{"a stranger asks for the form", "eve@localhost/x", shopDesk, "get", "<query xmlns='urn:xmpp:mam:2'/>", "<forbidden"},
		{"no such message", carol, shopDesk, "set", mam(nil, rsm("<after>01A-99</after>")), "<item-not-found"},
		{"a message of the other site", carol, shopDesk, "set", mam(nil, rsm("<after>01C-2</after>")), "<item-not-found"},
		{"no such id", carol, shopDesk, "set", mam(map[string]string{"ids": "x"}, ""), "<item-not-found"},
		{"a field that nobody knows", carol, shopDesk, "set", mam(map[string]string{"urn:x": "1"}, ""), "<feature-not-implemented"},
		{"a page by number", carol, shopDesk, "set", mam(nil, rsm("<index>2</index>")), "<feature-not-implemented"},
		{"no time", carol, shopDesk, "set", mam(map[string]string{"start": "yesterday"}, ""), "<bad-request"},
		{"no JID", carol, shopDesk, "set", mam(map[string]string{"with": "@"}, ""), "<bad-request"},
		{"no number", carol, shopDesk, "set", mam(nil, rsm("<max>many</max>")), "<bad-request"},
		{"a node", carol, shopDesk, "set", "<query xmlns='urn:xmpp:mam:2' node='x'/>", "<item-not-found"},
		{"preferences", carol, shopDesk, "get", "<prefs xmlns='urn:xmpp:mam:2'/>", "<feature-not-implemented"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			uids, _, answer := r.asks(c.who, c.group, c.typ, c.payload)
			if len(uids) != 0 || !strings.Contains(answer, "type='error'") || !strings.Contains(answer, c.want) {
				t.Errorf("%v, %s; want %s", uids, answer, c.want)
			}
		})
	}
}

// A visitor doesn't get at what others have said.
func TestHistoryIsNotForVisitors(t *testing.T) {
	r := newReading(t)
	v := newGuest(t, r.g, testComponent)
	v.sendf("<iq xmlns='jabber:client' type='set' id='h' to='%s'>%s</iq>", shopDesk, mam(nil, ""))
	v.expect("iq", "id='h'", "type='error'", "<forbidden")
}

// Of more queries than may run at a time each is answered: with results, or to be asked again.
func TestHistoryIsBounded(t *testing.T) {
	r := newReading(t)
	const many = 50
	for i := range many {
		stanza := fmt.Sprintf("<iq type='set' from='%s' to='%s' id='m%d'>%s</iq>", carol, shopDesk, i, mam(nil, rsm("<max>1</max>")))
		if err := r.u.Send(testComponent, []byte(stanza)); err != nil {
			t.Fatal(err)
		}
	}
	answers := make(map[string]bool)
	for len(answers) < many {
		got := r.until("to='"+carol+"'", "<iq")
		var iq struct {
			ID   string `xml:"id,attr"`
			Type string `xml:"type,attr"`
		}
		if err := xml.Unmarshal([]byte(got), &iq); err != nil {
			t.Fatal(err)
		}
		if iq.Type == "error" && !strings.Contains(got, "<resource-constraint") {
			t.Fatalf("an answer of another kind: %s", got)
		}
		answers[iq.ID] = true
	}
}
