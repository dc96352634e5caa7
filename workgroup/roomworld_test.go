package workgroup

import (
	"slices"
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// roomWorld is a desk, a MUC service in memory and people, for the tests of rooms: everything that
// is done is a stanza, and everything that is looked at is one, or a row that is kept.
type roomWorld struct {
	t     *testing.T
	d     *Desk
	m     *muc
	now   time.Time
	got   map[string][]*node // what came to each person since it was looked at, by the address it was sent to
	kept  Snapshot           // what is in the archive
	items map[string][]byte
	seen  []Observation
	open  map[string]string // rooms opened to the visitor: nick
	cut   bool              // the desk's link is down: what it sends is lost
	sent  []*node           // everything the desk has sent
	at    string            // the desk's domain; the visitor's is deskAt
}

const (
	deskAt  = "desk.test"
	annBare = "ann@desk.test"
	ann     = annBare + "/w"
	alice   = "alice@test"
	bob     = "bob@test"
	carol   = "carol@test"
)

type roomEdge struct{}

func (roomEdge) Visitors(string, int) []Visitor { return []Visitor{roomVisitor()} }
func (roomEdge) Visitor(bare string) (Visitor, bool) {
	return roomVisitor(), bare == annBare
}

func roomVisitor() Visitor {
	return Visitor{JID: ann, Site: "shop", Language: "en", Since: mucStart}
}

func newRoomWorld(t *testing.T, like mucLike) *roomWorld {
	w := &roomWorld{t: t, m: newMUC(mucAt, like), now: mucStart, got: map[string][]*node{}, items: map[string][]byte{}, open: map[string]string{}, at: deskAt}
	w.start(Snapshot{})
	return w
}

func roomConfig(domain string) Config {
	return Config{Domain: domain, Rooms: mucAt, Edge: roomEdge{}, Groups: []Group{{
		Site: "shop", Name: "support", Language: "en", Strategy: "least-busy", MaxChats: 3, OfferTime: 20 * time.Second, QueueLimit: 10,
		Agents: []Member{{JID: alice}, {JID: bob}}, Supervisors: []string{carol}, SupervisorNotice: true,
		Timers: Timers{Form: 10 * time.Minute, VisitorJoin: 20 * time.Second, Join: 30 * time.Second, Queue: 4 * time.Minute, Net: 45 * time.Second,
			VisitorLost: 2 * time.Minute, AgentLost: time.Minute, First: 90 * time.Second, IdleWarn: time.Hour, IdleClose: 2 * time.Hour,
			Cool: 20 * time.Second, Wrap: 30 * time.Second, Max: 4 * time.Hour, Ready: time.Second},
	}}}
}

// start is a new process with what was kept; people are as they were.
func (w *roomWorld) start(kept Snapshot) {
	w.t.Helper()
	d, err := New(roomConfig(w.at), w.now, kept)
	if err != nil {
		w.t.Fatal(err)
	}
	w.d = d
	w.d.LinkUp(w.now)
	w.run()
	for _, a := range []string{alice, bob, carol} {
		w.server("<presence from='" + a + "/phone' to='support@" + w.at + "'/>")
	}
	w.d.Bound(w.now, roomVisitor())
	w.run()
	w.pass(2 * time.Second)
}

// crash ends the process, and starts the next one with what it had kept.
func (w *roomWorld) crash() {
	w.t.Helper()
	kept := Snapshot{Events: map[string][]Event{}}
	for _, c := range w.kept.Conversations {
		kept.Conversations = append(kept.Conversations, c)
		kept.Events[c.ID] = w.kept.Events[c.ID]
	}
	for k, v := range w.items {
		kept.Items = append(kept.Items, Item{k, v})
	}
	w.start(kept)
}

// server is a stanza that the server delivers to the desk.
func (w *roomWorld) server(stanza string) {
	w.t.Helper()
	w.d.FromServer(w.now, []byte(stanza))
	w.run()
}

// does is a stanza that somebody sends to the MUC service.
func (w *roomWorld) does(stanza []byte) {
	w.t.Helper()
	w.route(w.m.take(w.now, stanza))
	w.run()
}

// visitor is a stanza of the visitor to the workgroup.
func (w *roomWorld) visitor(stanza string) {
	w.t.Helper()
	w.d.FromVisitor(w.now, roomVisitor(), []byte(stanza))
	w.run()
}

// pass lets time go by, with every tick on the way.
func (w *roomWorld) pass(length time.Duration) {
	w.t.Helper()
	end := w.now.Add(length)
	for {
		next := w.d.Next()
		if next.IsZero() || next.After(end) {
			break
		}
		if next.After(w.now) {
			w.now = next
		}
		w.d.Tick(w.now)
		w.run()
	}
	w.now = end
}

// route gives each what is meant for him.
func (w *roomWorld) route(ns []*node) {
	for _, n := range ns {
		to := n.attr("to")
		switch {
		case to == ann || to == annBare || !strings.HasSuffix(mucBare(to), "@"+w.at):
			w.got[to] = append(w.got[to], n)
		case !w.cut:
			w.d.FromServer(w.now, n.append(nil, ""))
		case n.name == "message" && n.attr("type") != "error": // a server bounces what it can't deliver, and the service puts the ghost out
			w.route(w.m.take(w.now, n.refused("recipient-unavailable", "").append(nil, "")))
		}
	}
}

// run carries out what the desk wants, until it wants no more.
func (w *roomWorld) run() {
	w.t.Helper()
	for range 10000 {
		out := w.d.Take()
		if out.Batch.Empty() && len(out.Effects) == 0 && len(out.Observed) == 0 {
			return
		}
		w.keep(&out.Batch)
		w.seen = append(w.seen, out.Observed...)
		for _, e := range out.Effects {
			switch e.Kind {
			case OpenRoom:
				w.open[e.Room] = e.Nick
			case CloseRoom:
				delete(w.open, e.Room)
			case Send:
				n, err := parse(e.Stanza)
				if err != nil {
					w.t.Fatal(err)
				}
				if w.cut {
					continue
				}
				w.sent = append(w.sent, n)
				if _, domain, _ := mucParts(n.attr("to")); domain == mucAt {
					w.route(w.m.take(w.now, e.Stanza))
				} else {
					w.route([]*node{n})
				}
			}
		}
	}
	w.t.Fatal("the desk never comes to rest")
}

func (w *roomWorld) keep(b *Batch) {
	if w.kept.Events == nil {
		w.kept.Events = map[string][]Event{}
	}
	for _, c := range b.Conversations {
		i := slices.IndexFunc(w.kept.Conversations, func(o Conversation) bool { return o.ID == c.ID })
		if i < 0 {
			w.kept.Conversations = append(w.kept.Conversations, c)
		} else {
			w.kept.Conversations[i] = c
		}
	}
	for _, e := range b.Events {
		w.kept.Events[e.Conversation] = append(w.kept.Events[e.Conversation], e)
	}
	for _, i := range b.Items {
		if i.Value == nil {
			delete(w.items, i.Key)
		} else {
			w.items[i.Key] = i.Value
		}
	}
}

// row is the only conversation.
func (w *roomWorld) row() Conversation {
	w.t.Helper()
	if len(w.kept.Conversations) != 1 {
		w.t.Fatalf("%d conversations are kept", len(w.kept.Conversations))
	}
	return w.kept.Conversations[0]
}

// transcript is what is kept of what was said, joins and leaves left out unless all is wanted.
func (w *roomWorld) transcript() string {
	var b strings.Builder
	for _, e := range w.kept.Events[w.row().ID] {
		switch e.Kind {
		case KindMessage:
			b.WriteString(e.Nick + ": " + e.Body + "\n")
		case KindGap:
			b.WriteString("gap " + e.Body + "\n")
		}
	}
	return b.String()
}

// took returns what came to somebody since he was asked last.
func (w *roomWorld) took(address string) []*node {
	ns := w.got[address]
	w.got[address] = nil
	return ns
}

// ask asks for help; accept has alice take it; both enter the room.
func (w *roomWorld) ask() {
	w.t.Helper()
	w.visitor("<iq type='set' id='q' from='" + ann + "' to='support@" + w.at + "'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>")
}

func (w *roomWorld) accept(agent string) {
	w.t.Helper()
	w.server("<message type='chat' from='" + agent + "/phone' to='support@" + w.at + "'><body>1</body></message>")
}

// taker is who has the offer.
func (w *roomWorld) taker() string {
	w.t.Helper()
	for _, a := range []string{alice, bob} {
		for _, n := range w.got[a] {
			if b := n.child("body", ""); b != nil && strings.Contains(b.text, "1 accept") {
				return a
			}
		}
	}
	w.t.Fatal("nobody has an offer")
	return ""
}

// room is the conversation's room; nick is the visitor's.
func (w *roomWorld) room() (jid, nick string) {
	w.t.Helper()
	for jid, nick := range w.open {
		return jid, nick
	}
	w.t.Fatal("no room is open to the visitor")
	return "", ""
}

// talk brings both into the room.
func (w *roomWorld) talk() (room, agent string) {
	w.t.Helper()
	w.ask()
	agent = w.taker()
	w.accept(agent)
	room, nick := w.room()
	w.does(mucJoin(ann, room, nick))
	w.does(mucJoin(agent+"/phone", room, "Helper"))
	if s := w.row().State; s != Active {
		w.t.Fatalf("the conversation is %s", s)
	}
	return room, agent
}

// of picks the desk's stanzas of one kind to the MUC service, without ids.
func (w *roomWorld) of(want func(*node) bool) []*node {
	var ns []*node
	for _, n := range w.sent {
		if want(n) {
			ns = append(ns, n)
		}
	}
	return ns
}

// form is the last form that the desk has submitted, as name=value.
func (w *roomWorld) form() map[string]string {
	w.t.Helper()
	all := w.of(func(n *node) bool {
		q := n.child("query", xmpp.NSMUCOwner)
		return q != nil && q.child("x", nsForm) != nil
	})
	if len(all) == 0 {
		w.t.Fatal("no form was submitted")
	}
	got := map[string]string{}
	for _, f := range all[len(all)-1].child("query", xmpp.NSMUCOwner).child("x", nsForm).kids {
		if v := f.child("value", nsForm); v != nil {
			got[f.attr("var")] = v.text
		}
	}
	return got
}
