package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/upstream"
	"usher/workgroup"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// Support rooms on real servers: the desk speaks over a real component link, and so do the people, over another
// one: what is looked at is what a server sends to each of them, and what the desk wants to be kept.

const (
	roomDesk   = "desk.localhost"
	roomPeople = "people.localhost"
	roomAnn    = "ann@" + roomDesk + "/w"
	roomAlice  = "alice@" + roomPeople
	roomCarol  = "carol@" + roomPeople
	roomEve    = "eve@" + roomPeople + "/1"
)

// roomRig is the desk with the goroutine of the test as its own.
type roomRig struct {
	t      *testing.T
	s      *xmpptest.Server
	d      *workgroup.Desk
	in     chan []byte // from both links
	desk   *upstream.Link
	people *upstream.Link
	got    map[string][]string // by the address that it was sent to
	events []workgroup.Event
	row    workgroup.Conversation
	items  map[string][]byte
	room   string // open to the visitor
	nick   string
	errors []string
	serial int
}

type rigEdge struct{}

func (rigEdge) Visitors(string, int) []workgroup.Visitor      { return nil }
func (rigEdge) Visitor(bare string) (workgroup.Visitor, bool) { return rigVisitor(), true }

func rigVisitor() workgroup.Visitor {
	return workgroup.Visitor{JID: roomAnn, Site: "shop", Language: "en"}
}

// rigReceiver hands on what comes over a link.
type rigReceiver chan []byte

func (r rigReceiver) Stanza(_ *upstream.Link, e *xmpp.Element) {
	r <- e.Append(nil, xmpp.Component, &xmpp.Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang})
}
func (rigReceiver) Flush(*upstream.Link) {}

func newRoomRig(t *testing.T, s *xmpptest.Server) *roomRig {
	r := &roomRig{t: t, s: s, in: make(chan []byte, 10000), got: map[string][]string{}, items: map[string][]byte{}}
	r.people = r.link(roomPeople)
	r.desk = r.link(roomDesk)
	r.begin(workgroup.Snapshot{})
	return r
}

// begin is a process of Usher, with what the one before has kept.
func (r *roomRig) begin(kept workgroup.Snapshot) {
	r.t.Helper()
	d, err := workgroup.New(workgroup.Config{Domain: roomDesk, Rooms: r.s.Rooms(), Edge: rigEdge{}, Groups: []workgroup.Group{{
		Site: "shop", Name: "support", Language: "en", Strategy: "least-busy", MaxChats: 3, OfferTime: 20 * time.Second, QueueLimit: 10,
		Agents: []workgroup.Member{{JID: roomAlice}}, Supervisors: []string{roomCarol},
		Timers: workgroup.Timers{Form: time.Hour, VisitorJoin: time.Minute, Join: time.Minute, Queue: time.Hour, Net: time.Hour, VisitorLost: time.Hour,
			AgentLost: time.Hour, First: time.Hour, IdleWarn: time.Hour, IdleClose: 2 * time.Hour, Cool: time.Second, Wrap: time.Second,
			Max: 4 * time.Hour, Ready: time.Millisecond},
	}}}, time.Now(), kept)
	if err != nil {
		r.t.Fatal(err)
	}
	r.d = d
	r.d.LinkUp(time.Now())
	r.d.Bound(time.Now(), rigVisitor())
	for _, who := range []string{roomAlice, roomCarol} {
		r.does("<presence from='" + who + "/phone' to='support@" + roomDesk + "'/>")
	}
}

// link dials and serves until it is closed, at the end of the test at the latest.
func (r *roomRig) link(domain string) *upstream.Link {
	r.t.Helper()
	l, err := upstream.Dial(r.t.Context(), upstream.Config{Domain: domain, Secret: "s3cret", Address: r.s.ComponentAddr(), Limits: xmpp.Limits{Bytes: 1 << 20}})
	if err != nil {
		r.t.Fatal(err)
	}
	go l.Serve(context.Background(), rigReceiver(r.in)) // ended by Close
	r.t.Cleanup(func() { l.Close(context.Background()) })
	return l
}

// does is what somebody of the other component sends.
func (r *roomRig) does(stanza string) {
	r.t.Helper()
	if err := r.people.WriteRaw(r.t.Context(), []byte(stanza)); err != nil {
		r.t.Fatal(err)
	}
}

// ann is what the visitor sends to the server; asks, to the workgroup.
func (r *roomRig) ann(stanza string) {
	r.t.Helper()
	if err := r.desk.WriteRaw(r.t.Context(), []byte(stanza)); err != nil {
		r.t.Fatal(err)
	}
}

// carry does what the desk wants.
func (r *roomRig) carry() {
	for {
		out := r.d.Take()
		if out.Batch.Empty() && len(out.Effects) == 0 && len(out.Observed) == 0 {
			return
		}
		for _, c := range out.Batch.Conversations {
			r.row = c
		}
		r.events = append(r.events, out.Batch.Events...)
		for _, i := range out.Batch.Items {
			if r.items[i.Key] = i.Value; i.Value == nil {
				delete(r.items, i.Key)
			}
		}
		for _, o := range out.Observed {
			if o.Kind == "room-error" {
				r.errors = append(r.errors, o.Label+" "+o.Detail)
			}
		}
		for _, e := range out.Effects {
			switch e.Kind {
			case workgroup.OpenRoom:
				r.room, r.nick = e.Room, e.Nick
			case workgroup.Send:
				if to := rigAttr(string(e.Stanza), "to"); strings.HasPrefix(to, "ann@") {
					r.got["ann"] = append(r.got["ann"], string(e.Stanza))
				} else if r.desk != nil {
					r.desk.WriteRaw(r.t.Context(), e.Stanza) // a link that has ended loses it
				}
			}
		}
	}
}

// rigAttr reads an attribute of a start tag.
func rigAttr(stanza, name string) string {
	tag, _, _ := strings.Cut(stanza, ">")
	_, v, is := strings.Cut(tag, " "+name+"=")
	if !is {
		return ""
	}
	v, _, _ = strings.Cut(v[1:], v[:1])
	return v
}

// until goes on until something is so.
func (r *roomRig) until(what string, so func() bool) {
	r.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		r.carry()
		if so() {
			return
		}
		wait := time.Hour
		if next := r.d.Next(); !next.IsZero() {
			wait = max(0, time.Until(next))
		}
		select {
		case b := <-r.in:
			switch to := rigAttr(string(b), "to"); {
			case strings.HasPrefix(to, "ann@"):
				r.got["ann"] = append(r.got["ann"], string(b))
			case strings.Contains(to, "@"+roomDesk):
				r.d.FromServer(time.Now(), b)
			default:
				r.got[to] = append(r.got[to], string(b))
			}
		case <-time.After(wait):
			r.d.Tick(time.Now())
		case <-limit:
			r.t.Fatalf("%s: it never is\nthe conversation is %s in %q, room errors %q\nothers got %q", what, r.row.State, r.row.Room, r.errors, r.got)
		}
	}
}

// gets waits for a stanza to somebody that has all these in it, and forgets it and what came before.
func (r *roomRig) gets(who string, parts ...string) (stanza string) {
	r.t.Helper()
	r.until(who+" gets "+strings.Join(parts, " "), func() bool {
		for i, s := range r.got[who] {
			has := func(p string) bool { return strings.Contains(strings.ReplaceAll(s, "\"", "'"), p) }
			if !slices.ContainsFunc(parts, func(p string) bool { return !has(p) }) {
				stanza, r.got[who] = s, r.got[who][i+1:]
				return true
			}
		}
		return false
	})
	return stanza
}

func (r *roomRig) state(s workgroup.State) {
	r.t.Helper()
	r.until("the conversation is "+string(s), func() bool { return r.row.State == s })
}

func rigJoin(full, room, nick string) string {
	return "<presence from='" + full + "' to='" + room + "/" + nick + "'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
}

func (r *roomRig) say(full, body string) {
	r.t.Helper()
	r.serial++
	s := fmt.Sprintf("<message from='%s' to='%s' type='groupchat' id='m%d'><body>%s</body></message>", full, r.room, r.serial, body)
	if full == roomAnn {
		r.ann(s)
	} else {
		r.does(s)
	}
}

// said is what the transcript has of what was said.
func (r *roomRig) said() string {
	var lines []string
	for _, e := range r.events {
		if e.Kind == workgroup.KindMessage || e.Kind == workgroup.KindGap {
			lines = append(lines, e.Body)
		}
	}
	return strings.Join(lines, "|")
}

// talk is the way from asking to both being in the room.
func (r *roomRig) talk() {
	r.t.Helper()
	r.d.FromVisitor(time.Now(), rigVisitor(), []byte("<iq type='set' id='q' from='"+roomAnn+"' to='support@"+roomDesk+
		"'><join-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>"))
	r.gets(roomAlice, "1 accept")
	r.does("<message type='chat' from='" + roomAlice + "/phone' to='support@" + roomDesk + "'><body>1</body></message>")
	r.meet()
}

// meet: both are invited, and come.
func (r *roomRig) meet() {
	r.t.Helper()
	r.gets("ann", "<invite", "from='"+r.room)
	r.ann(rigJoin(roomAnn, r.room, r.nick))
	r.gets("ann", "<subject")
	r.gets(roomAlice, "jabber:x:conference", "jid='"+r.room, "<offer")
	r.does(rigJoin(roomAlice+"/phone", r.room, "Alice"))
	r.gets(roomAlice+"/phone", "<subject")
	r.state(workgroup.Active)
}

func TestRoomsOnRealServers(t *testing.T) {
	for name, start := range map[string]func(testing.TB, xmpptest.ServerOptions) *xmpptest.Server{
		"prosody": xmpptest.RunProsody, "ejabberd": xmpptest.RunEjabberd,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each mostly waits for its server
			s := start(t, xmpptest.ServerOptions{Archive: true, Components: []xmpptest.Component{{Domain: roomDesk, Secret: "s3cret"}, {Domain: roomPeople, Secret: "s3cret"}}})
			r := newRoomRig(t, s)
			r.talk()
			room := r.room
			r.looked(room)
			r.supervised(room)
			r.spoken(room)
			r.reentered(room)
			r.crashed(room)
			r.restarted(room)
			r.ended()
		})
	}
}

// looked: hidden, members-only, and a stranger who knows the name doesn't get in.
func (r *roomRig) looked(room string) {
	t := r.t
	t.Helper()
	r.does("<iq type='get' id='i1' from='" + roomEve + "' to='" + r.s.Rooms() + "'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>")
	if list := r.gets(roomEve, "id='i1'"); strings.Contains(list, room) {
		t.Errorf("the room is listed: %s", list)
	}
	r.does("<message from='" + roomEve + "' to='" + room + "' type='groupchat'><body>let me in</body></message>")
	r.gets(roomEve, "type='error'")
	r.does("<iq type='get' id='i2' from='" + roomAlice + "/phone' to='" + room + "'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
	info := r.gets(roomAlice+"/phone", "id='i2'")
	for _, feature := range []string{"muc_membersonly", "muc_hidden", "muc_semianonymous", "muc_unmoderated"} {
		if !strings.Contains(info, feature) {
			t.Errorf("the room isn't %s: %s", feature, info)
		}
	}
	// The agent's second client.
	r.does(rigJoin(roomAlice+"/laptop", room, "Alice"))
	if r.s.Name() == "ejabberd" { // counts clients, and is full: research §2.2
		r.gets(roomAlice+"/laptop", "type='error'", "resource-constraint")
	} else {
		r.gets(roomAlice+"/laptop", "<subject")
		r.does("<presence type='unavailable' from='" + roomAlice + "/laptop' to='" + room + "/Alice'/>")
		r.gets(roomAlice+"/laptop", "unavailable")
	}
}

// supervised: in and out on the fly.
func (r *roomRig) supervised(room string) {
	r.t.Helper()
	r.does("<message type='chat' from='" + roomCarol + "/phone' to='support@" + roomDesk + "'><body>enter 1</body></message>")
	r.gets(roomCarol, "jabber:x:conference", room)
	r.does(rigJoin(roomEve, room, "Eve")) // there is a place, but not for her
	r.gets(roomEve, "type='error'", "registration-required")
	r.does(rigJoin(roomCarol+"/phone", room, "Carol"))
	r.gets(roomCarol+"/phone", "<subject")
	r.gets("ann", room+"/Carol")
	r.does("<message type='chat' from='" + roomCarol + "/phone' to='support@" + roomDesk + "'><body>leave 1</body></message>")
	r.gets(roomCarol+"/phone", "unavailable", "'321'")
	r.does(rigJoin(roomCarol+"/phone", room, "Carol"))
	r.gets(roomCarol+"/phone", "type='error'")
	r.state(workgroup.Active)
}

// spoken: each line once, in order.
func (r *roomRig) spoken(room string) {
	r.t.Helper()
	r.say(roomAlice+"/phone", "Hello")
	r.gets("ann", "<body>Hello<")
	r.say(roomAnn, "Hi")
	r.until("both lines are kept", func() bool { return r.said() == "Hello|Hi" })
}

// reentered: the link is lost and comes back; what was said meanwhile is there.
func (r *roomRig) reentered(room string) {
	r.t.Helper()
	r.desk.Close(context.Background())
	r.desk = nil
	r.d.LinkDown(time.Now())
	r.say(roomAlice+"/phone", "Are you there?")
	r.gets(roomAlice+"/phone", "<body>Are you there?")
	r.desk = r.link(roomDesk)
	r.d.LinkUp(time.Now())
	r.until("the line is kept", func() bool { return r.said() == "Hello|Hi|Are you there?" })
	r.gets("ann", "<invite", "from='"+r.room)
	if r.room != room {
		r.t.Fatalf("a new room %s, though %s is still there", r.room, room)
	}
	r.ann(rigJoin(roomAnn, r.room, r.nick))
	r.gets("ann", "<subject")
	r.state(workgroup.Active)
	r.say(roomAnn, "I am")
	r.until("it goes on", func() bool { return r.said() == "Hello|Hi|Are you there?|I am" })
}

// crashed: Usher ends and starts anew, with what it has kept.
func (r *roomRig) crashed(room string) {
	r.t.Helper()
	r.carry()
	r.desk.Close(context.Background())
	kept := workgroup.Snapshot{Conversations: []workgroup.Conversation{r.row}, Events: map[string][]workgroup.Event{r.row.ID: r.events}}
	for k, v := range r.items {
		kept.Items = append(kept.Items, workgroup.Item{Key: k, Value: v})
	}
	r.say(roomAlice+"/phone", "Again?")
	r.gets(roomAlice+"/phone", "<body>Again?")
	r.desk = r.link(roomDesk)
	r.begin(kept)
	r.until("the line is kept", func() bool { return r.said() == "Hello|Hi|Are you there?|I am|Again?" })
	r.gets("ann", "<invite", "from='"+room)
	r.ann(rigJoin(roomAnn, r.room, r.nick))
	r.gets("ann", "<subject")
}

// restarted: the server goes and comes back; the room is gone, and there is a new one with the same people.
func (r *roomRig) restarted(room string) {
	r.t.Helper()
	r.s.Kill()
	r.d.LinkDown(time.Now())
	if err := r.s.Start(); err != nil {
		r.t.Fatal(err)
	}
	clear(r.got)
	r.people, r.desk = r.link(roomPeople), r.link(roomDesk)
	r.d.LinkUp(time.Now())
	for _, who := range []string{roomAlice, roomCarol} {
		r.does("<presence from='" + who + "/phone' to='support@" + roomDesk + "'/>")
	}
	r.until("there is a new room", func() bool { return r.row.Room != room && r.row.Room != "" && r.room == r.row.Room })
	r.meet()
	r.gets(roomAlice+"/phone", r.room+"/Support", "Alice: Hello", "<delay") // what was said before
}

// ended: the room goes with the conversation.
func (r *roomRig) ended() {
	r.t.Helper()
	r.does("<message type='chat' from='" + roomAlice + "/phone' to='support@" + roomDesk + "'><body>close</body></message>")
	r.state(workgroup.Closed)
	r.gets("ann", r.room, "<destroy")
	r.until("nothing is kept of the room", func() bool {
		for k := range r.items {
			if strings.HasPrefix(k, "room/") {
				return false
			}
		}
		return true
	})
	r.does(rigJoin(roomEve, r.room, "Eve")) // it isn't there any more: whoever comes makes a new one
	r.gets(roomEve, "'201'")
	if len(r.errors) > 0 {
		r.t.Errorf("room errors: %q", r.errors)
	}
}
