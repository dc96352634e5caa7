package workgroup

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// lookout drives a desk that has agents and no visitors, and watches what it sends.
type lookout struct {
	t    *testing.T
	d    *Desk
	now  time.Time
	kept map[string][]byte // items
}

const supportJID = "support@desk.example"

// supportGroup has two agents and a supervisor.
func supportGroup() Group {
	return Group{Site: "shop", Name: "support", Language: "en", Strategy: "least-busy", Reserve: true, MaxChats: 3, OfferTime: 20 * time.Second,
		QueueLimit: 100, Agents: []Member{{JID: "alice@example"}, {JID: "bob@example"}}, Supervisors: []string{"carol@example"},
		Timers: Timers{Ready: 5 * time.Second, Cool: 20 * time.Second, Queue: 4 * time.Minute, Net: 45 * time.Second, Join: 30 * time.Second,
			VisitorJoin: 20 * time.Second, VisitorLost: 2 * time.Minute, AgentLost: time.Minute, First: 90 * time.Second,
			IdleWarn: 3 * time.Minute, IdleClose: 6 * time.Minute, Wrap: 30 * time.Second, Max: 4 * time.Hour, Form: 10 * time.Minute}}
}

func lookOut(t *testing.T, groups ...Group) *lookout {
	t.Helper()
	l := &lookout{t: t, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), kept: map[string][]byte{}}
	l.begin(groups...)
	return l
}

// begin starts a desk from what was kept so far.
func (l *lookout) begin(groups ...Group) {
	l.t.Helper()
	var snap Snapshot
	for _, key := range slices.Sorted(maps.Keys(l.kept)) {
		snap.Items = append(snap.Items, Item{Key: key, Value: l.kept[key]})
	}
	d, err := New(Config{Domain: "desk.example", Rooms: "rooms.example", Groups: groups, Edge: nobody{}}, l.now, snap)
	if err != nil {
		l.t.Fatal(err)
	}
	l.d = d
}

// nobody is an edge without visitors.
type nobody struct{}

func (nobody) Visitors(string, int) []Visitor { return nil }
func (nobody) Visitor(string) (Visitor, bool) { return Visitor{}, false }

// sent takes what has been sent since the last call, one stanza a line; what is to be kept is.
func (l *lookout) sent() []string {
	l.t.Helper()
	out := l.d.Take()
	for _, i := range out.Batch.Items {
		if l.kept[i.Key] = i.Value; i.Value == nil {
			delete(l.kept, i.Key)
		}
	}
	var all []string
	for _, e := range out.Effects {
		if e.Kind == Send {
			all = append(all, strings.ReplaceAll(string(e.Stanza), "'", `"`))
		}
	}
	return all
}

// say gives the desk a stanza from the server, and wants these sent for it, in this order and no others.
func (l *lookout) say(stanza string, want ...string) {
	l.t.Helper()
	l.d.FromServer(l.now, []byte(stanza))
	l.want(want...)
}

func (l *lookout) want(want ...string) {
	l.t.Helper()
	if got := l.sent(); !slices.Equal(got, want) {
		l.t.Errorf("sent\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// pass lets time go by, with all that falls due in it, and wants these sent meanwhile.
func (l *lookout) pass(length time.Duration, want ...string) {
	l.t.Helper()
	l.wait(length)
	l.want(want...)
}

func (l *lookout) wait(length time.Duration) {
	end := l.now.Add(length)
	for next := l.d.Next(); !next.IsZero() && !next.After(end); next = l.d.Next() {
		l.now = next
		l.d.Tick(l.now)
	}
	l.now = end
	l.d.Tick(l.now)
}

// are wants the agents of the first workgroup to stand so.
func (l *lookout) are(want string) {
	l.t.Helper()
	agents := l.d.Gauges()[0].Agents
	var got []string
	for _, name := range slices.Sorted(maps.Keys(agents)) {
		if agents[name] > 0 {
			got = append(got, fmt.Sprintf("%s %d", name, agents[name]))
		}
	}
	if s := strings.Join(got, ", "); s != want {
		l.t.Errorf("the agents are %s, want %s", s, want)
	}
}

func presence(attrs string, inside ...string) string {
	return "<presence to='" + supportJID + "' " + attrs + ">" + strings.Join(inside, "") + "</presence>"
}

func from(who string) string { return "from='" + who + "@example/phone'" }

const (
	closedToAlice = `<presence from="support@desk.example" to="alice@example"><show>away</show><status>nobody is here</status></presence>`
	openToAlice   = `<presence from="support@desk.example" to="alice@example"><status>open</status></presence>`
)

// agreed has alice's subscriptions kept as both ways, and everybody heard of.
func (l *lookout) agreed(groups ...Group) {
	l.t.Helper()
	both, _ := json.Marshal(map[string]any{"subs": map[string]any{supportJID: subscription{To: true, From: true}}})
	for _, who := range []string{"alice", "bob", "carol"} {
		l.kept["agent/"+who+"@example"] = both
	}
	l.begin(groups...)
	l.d.LinkUp(l.now)
	l.wait(probeAnswers)
	l.sent()
}

func TestAgentsAreAskedForTheirPresence(t *testing.T) {
	l := lookOut(t, supportGroup())
	l.are("unknown 2")
	l.d.LinkUp(l.now)
	l.want(`<presence from="support@desk.example" to="alice@example" type="subscribe"/>`,
		`<presence from="support@desk.example" to="bob@example" type="subscribe"/>`,
		`<presence from="support@desk.example" to="carol@example" type="subscribe"/>`)
	l.are("unknown 2")

	// RFC 6121 §3.1: alice agrees and asks too.
	l.say(presence("from='alice@example' type='subscribed'"), `<presence from="support@desk.example" to="alice@example" type="probe"/>`)
	l.say(presence("from='alice@example' type='subscribe'"),
		`<presence from="support@desk.example" to="alice@example" type="subscribed"/>`, openToAlice)
	l.say(presence(from("alice"))) // open it was already: nobody has said that he isn't there
	l.are("ready 1, unknown 1")
	// bob refuses: he isn't asked again.
	l.say(presence("from='bob@example' type='unsubscribed'"))
	l.are("off 1, ready 1")
	// carol says nothing: she is asked again, at growing intervals, four times.
	ask := `<presence from="support@desk.example" to="carol@example" type="subscribe"/>`
	l.pass(59 * time.Minute)
	l.pass(time.Minute, ask)
	l.pass(24*time.Hour, ask)
	l.pass(3*24*time.Hour, ask)
	l.pass(7*24*time.Hour, ask)
	l.pass(365 * 24 * time.Hour)
	// A restart changes nothing about that.
	l.begin(supportGroup())
	l.d.LinkUp(l.now)
	l.want(`<presence from="support@desk.example" to="alice@example" type="probe"/>`, openToAlice)
	// bob thinks better of it: who subscribes to us is asked anew.
	l.say(presence("from='bob@example' type='subscribe'"),
		`<presence from="support@desk.example" to="bob@example" type="subscribed"/>`,
		`<presence from="support@desk.example" to="bob@example"><status>open</status></presence>`,
		`<presence from="support@desk.example" to="bob@example" type="subscribe"/>`)
}

func TestAgentTakesSubscriptionBack(t *testing.T) {
	l := lookOut(t, supportGroup())
	l.agreed(supportGroup())
	l.say(presence(from("alice")), openToAlice,
		strings.ReplaceAll(openToAlice, "alice", "bob"), strings.ReplaceAll(openToAlice, "alice", "carol"))
	l.are("off 1, ready 1")
	l.say(presence("from='alice@example' type='unsubscribe'"), `<presence from="support@desk.example" to="alice@example" type="unavailable"/>`)
	l.are("off 1, ready 1")
	l.say(presence("from='alice@example' type='unsubscribed'"),
		strings.ReplaceAll(closedToAlice, "alice", "bob"), strings.ReplaceAll(closedToAlice, "alice", "carol"))
	l.are("off 2")
}

func TestStrangersGetNoPresence(t *testing.T) {
	l := lookOut(t, supportGroup())
	l.agreed(supportGroup())
	l.say(presence("from='eve@example' type='subscribe'"), `<presence from="support@desk.example" to="eve@example" type="unsubscribed"/>`)
	l.say(presence("from='eve@example' type='probe'"), `<presence from="support@desk.example" to="eve@example" type="unsubscribed"/>`)
	l.say(presence("from='eve@example/x'"))
	l.say(presence("from='eve@example/x' type='unavailable'"))
	l.say(presence("from='eve@example' type='error'"))
	l.are("off 2")
}

// RFC 6121 §4.3: the answer to a probe goes to whoever asked.
func TestWorkgroupAnswersProbes(t *testing.T) {
	l := lookOut(t, supportGroup())
	l.agreed(supportGroup())
	l.say(presence("from='alice@example' type='probe'"), closedToAlice)
	l.say(presence("from='alice@example/phone' type='probe'"), strings.ReplaceAll(closedToAlice, "alice@example", "alice@example/phone"))
}

// Research 3.8: which of the agent's clients count, and what he is by them.
func TestAgentStandsByAllHisClients(t *testing.T) {
	show := func(s string) string { return "<show>" + s + "</show>" }
	prio := func(n int) string { return fmt.Sprintf("<priority>%d</priority>", n) }
	phone, desktop := "from='alice@example/phone'", "from='alice@example/desktop'"
	never := supportGroup()
	never.Reserve = false
	for _, c := range []struct {
		name  string
		group Group
		said  []string
		want  string
	}{
		{"nothing", supportGroup(), nil, "off"},
		{"plain", supportGroup(), []string{presence(phone)}, "ready"},
		{"chat", supportGroup(), []string{presence(phone, show("chat"))}, "ready"},
		{"away", supportGroup(), []string{presence(phone, show("away"))}, "reserve"},
		{"away where that is no reserve", never, []string{presence(phone, show("away"))}, "off"},
		{"xa", supportGroup(), []string{presence(phone, show("xa"))}, "off"},
		{"dnd", supportGroup(), []string{presence(phone, show("dnd"))}, "off"},
		{"something unheard of", supportGroup(), []string{presence(phone, show("lunch"))}, "ready"},
		{"negative priority", supportGroup(), []string{presence(phone, prio(-1))}, "off"},
		{"priority 0", supportGroup(), []string{presence(phone, prio(0))}, "ready"},
		{"one client dnd, the other there", supportGroup(), []string{presence(phone, show("dnd")), presence(desktop)}, "ready"},
		{"one away, the other xa", supportGroup(), []string{presence(phone, show("away")), presence(desktop, show("xa"))}, "reserve"},
		{"the one that is there doesn't count", supportGroup(), []string{presence(phone, show("away")), presence(desktop, prio(-5))}, "reserve"},
		{"one has left", supportGroup(), []string{presence(phone, show("away")), presence(desktop), presence(desktop + " type='unavailable'")}, "reserve"},
		{"both have left", supportGroup(), []string{presence(phone), presence(desktop), presence(desktop + " type='unavailable'"), presence(phone + " type='unavailable'")}, "off"},
		{"the server says that there is none", supportGroup(), []string{presence(phone), presence(desktop), presence("from='alice@example' type='unavailable'")}, "off"},
		{"one can't be reached", supportGroup(), []string{presence(phone), presence(phone+" type='error'", "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")}, "off"},
		{"directed, with XEP-0142's agent-status", supportGroup(), []string{presence(phone, show("chat"), "<agent-status xmlns='http://jabber.org/protocol/workgroup'><max-chats>2</max-chats></agent-status>")}, "ready"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.group.Agents = c.group.Agents[:1]
			l := lookOut(t, c.group)
			l.agreed(c.group)
			for _, s := range c.said {
				l.d.FromServer(l.now, []byte(s))
			}
			l.are(c.want + " 1")
		})
	}
}

// Left at once, entered again after 5 s without a change.
func TestAgentWhoFlaps(t *testing.T) {
	g := supportGroup()
	g.Agents = g.Agents[:1]
	l := lookOut(t, g)
	l.agreed(g)
	here, away, gone := presence(from("alice")), presence(from("alice"), "<show>xa</show>"), presence(from("alice")+" type='unavailable'")
	hear := func(s string) { l.d.FromServer(l.now, []byte(s)) }
	hear(here) // the first time at once
	l.are("ready 1")
	hear(gone)
	l.are("off 1")
	hear(here)
	l.are("busy 1")
	l.wait(4 * time.Second)
	l.are("busy 1")
	hear(away)
	l.are("off 1")
	hear(here)
	l.wait(4999 * time.Millisecond)
	l.are("busy 1")
	hear(here) // the same again changes nothing
	l.wait(time.Millisecond)
	l.are("ready 1")
}

func TestAgentsWhenTheLinkComesUp(t *testing.T) {
	l := lookOut(t, supportGroup())
	l.agreed(supportGroup())
	hear := func(s string) { l.d.FromServer(l.now, []byte(s)) }
	hear(presence(from("alice")))
	hear(presence(from("bob")))
	l.are("ready 2")

	// A loss alone changes nobody's state for 30 s.
	l.d.LinkDown(l.now)
	l.wait(29 * time.Second)
	l.are("ready 2")
	l.d.LinkUp(l.now)
	l.sent()
	l.are("unknown 2")
	hear(presence(from("alice")))
	l.are("ready 1, unknown 1")
	l.wait(10*time.Second - time.Millisecond)
	l.are("ready 1, unknown 1")
	l.wait(time.Millisecond)
	l.are("off 1, ready 1") // bob's client was not heard of again

	hear(presence("from='bob@example/tablet'"))
	l.wait(5 * time.Second)
	l.are("ready 2")
	l.d.LinkDown(l.now)
	l.wait(30 * time.Second)
	l.are("off 2")
	l.d.LinkUp(l.now)
	l.are("unknown 2")
	hear(presence("from='alice@example' type='unavailable'"))
	l.are("off 1, unknown 1")
}

// With many agents the probes are spread.
func TestProbesArePaced(t *testing.T) {
	g := supportGroup()
	g.Agents = nil
	for i := range 50 {
		g.Agents = append(g.Agents, Member{JID: fmt.Sprintf("agent%02d@example", i)})
	}
	g.Supervisors = nil
	l := lookOut(t, g)
	l.d.LinkUp(l.now)
	var at []string
	start := l.now
	count := func() {
		if n := len(l.sent()); n > 0 {
			at = append(at, fmt.Sprintf("%d at %v", n, l.now.Sub(start)))
		}
	}
	for count(); l.now.Before(start.Add(time.Second)); count() {
		l.wait(100 * time.Millisecond)
	}
	if got, want := strings.Join(at, ", "), "20 at 0s, 20 at 200ms, 10 at 400ms"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	// The link goes in the middle of it: no more is sent until it is back, and then everybody's turn comes.
	l.d.LinkDown(l.now)
	l.d.LinkUp(l.now)
	l.d.LinkDown(l.now)
	l.sent()
	l.pass(time.Minute)
}

func TestWorkgroupShowsItsHours(t *testing.T) {
	g := supportGroup()
	g.Hours = week(t, "Europe/Berlin")
	l := lookOut(t, g)
	l.now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) // 11:00 there
	l.agreed(g)
	l.say(presence(from("alice")), openToAlice, strings.ReplaceAll(openToAlice, "alice", "bob"), strings.ReplaceAll(openToAlice, "alice", "carol"))
	l.wait(59*time.Minute + 49*time.Second)
	l.want()
	shut := `<presence from="support@desk.example" to="alice@example"><show>xa</show><status>closed until 2026-11-23 13:00</status></presence>`
	l.pass(time.Second, shut, strings.ReplaceAll(shut, "alice", "bob"), strings.ReplaceAll(shut, "alice", "carol"))
	l.pass(time.Hour, openToAlice, strings.ReplaceAll(openToAlice, "alice", "bob"), strings.ReplaceAll(openToAlice, "alice", "carol"))
}

// What is kept of an agent is there after a restart, and what was kept of one who is none any more goes.
func TestAgentIsRestored(t *testing.T) {
	l := lookOut(t, supportGroup())
	l.kept["agent/mallory@example"] = []byte(`{"paused":true}`)
	l.kept["agent/bob@example"] = []byte(`not JSON`)
	l.kept["agent/alice@example"] = []byte(`{"paused":true,"paused_to":"2026-11-23T09:10:00Z","max":2,"subs":{"support@desk.example":{"To":true,"From":true}}}`)
	l.begin(supportGroup())
	l.sent()
	if _, ok := l.kept["agent/mallory@example"]; ok {
		t.Error("mallory is kept")
	}
	l.d.LinkUp(l.now)
	l.sent()
	l.say(presence(from("alice")))
	l.are("paused 1, unknown 1")
	l.wait(10*time.Minute - time.Millisecond)
	l.are("off 1, paused 1")
	l.wait(time.Millisecond)
	l.are("off 1, ready 1")
}
