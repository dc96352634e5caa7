package workgroup

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestModel has people, the link, the MUC service and kill -9 do things at random, thousands of them, and looks after each whether
// what must always hold does (research 3.7). In the end all trouble is over, everybody goes home, and nothing may be left.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(rt,
			rapid.SampledFrom([]string{"random", "least-busy", "round-robin", "ring-all"}).Draw(rt, "strategy"),
			rapid.Bool().Draw(rt, "with offer"),
			rapid.Uint64().Draw(rt, "seed"))
		defer m.tell()
		steps := rapid.IntRange(20, 300).Draw(rt, "steps")
		for range steps {
			m.step()
			m.check()
		}
		m.end()
	})
}

// tell has a run that ends in a panic tell its story too.
func (m *model) tell() {
	if m.rt.Failed() {
		return
	}
	if r := recover(); r != nil {
		m.rt.Logf("%s", strings.Join(m.story, "\n"))
		panic(r)
	}
}

type model struct {
	*play
	rt      *rapid.T
	staff   []*clerk
	guests  []*guest
	said    int
	any     *rand.Rand // rapid's own draws favour the first of a list; here every act has its weight
	story   []string   // what was done
	refused bool       // the MUC service has refused something at some time
}

func newModel(rt *rapid.T, strategy string, withOffer bool, seed uint64) *model {
	p := newPlay(rt, playGroup(func(g *Group) {
		g.Agents = append(g.Agents, Member{JID: "dave@" + playHome})
		g.Strategy, g.WithOffer, g.MaxChats, g.Sticky, g.QueueLimit = strategy, withOffer, 2, false, 4
		g.Timers.Max = 20 * time.Minute
	}))
	m := &model{play: p, rt: rt, any: rand.New(rand.NewPCG(seed, 1))}
	p.cfg.Log = slog.New(matches{slog.DiscardHandler, p, m.fatal, func(line string) { m.story = append(m.story, line) }})
	p.d.cfg.Log = p.cfg.Log
	p.any = m.any.IntN
	for _, name := range []string{"alice", "bob", "dave", "carol"} {
		m.staff = append(m.staff, p.agent(name))
	}
	for _, name := range []string{"ann", "ben", "cem", "dan", "eva", "fay"} {
		m.guests = append(m.guests, p.visitor(name))
	}
	return m
}

func (m *model) step() {
	g, a := m.guests[m.any.IntN(len(m.guests))], m.staff[m.any.IntN(3)]
	carol := m.staff[3]
	number := 1 + m.any.IntN(max(1, m.d.order[0].number))
	if open := m.d.open(); len(open) > 0 && m.any.IntN(5) > 0 {
		number = open[m.any.IntN(len(open))].Number
	}
	acts := []act{
		{8, "asks", func() { m.if_(g, g.full != "", func() { g.asks("Hello?") }) }},
		{1, "departs", func() { m.if_(g, g.full != "", g.departs) }},
		{2, "is cut", func() { m.if_(g, g.full != "", g.cut) }},
		{6, "is back", func() { m.if_(g, g.full == "", g.back) }},
		{1, "leaves", func() { m.if_(g, g.full != "" && g.room != "", g.leaves) }},
		{1, "turns down", func() { m.if_(g, g.full != "" && g.invited != "" && g.room == "", g.declines) }},
		{1, "doesn't join", func() { g.autojoin = !g.autojoin }},
		{8, "says", func() { m.if_(g, g.full != "" && g.room != "", func() { g.says(m.words()) }) }},

		{14, "takes", func() { a.types("1") }},
		{2, "declines", func() { a.types("2") }},
		{1, "pauses", func() { a.types("pause 1m") }},
		{3, "resumes", func() { a.types("resume") }},
		{8, "answers", func() { m.answer(a) }},
		{3, "closes", func() { a.types(fmt.Sprint("close ", number)) }},
		{5, "passes on", func() {
			a.types(fmt.Sprintf("transfer %d %s", number, m.one([]string{"alice", "bob", "dave", "support"}...)))
		}},
		{2, "goes offline", func() { a.offline() }},
		{2, "dies", func() { a.clients[0].dies() }},
		{8, "is online", func() { a.online("") }},
		{1, "is away", func() { a.online(m.one([]string{"away", "xa", "dnd"}...)) }},
		{3, "comes in", func() { m.if_(g, a.clients[0].here && a.clients[0].invited != "", a.joins) }},
		{1, "goes out", func() { m.if_(g, a.clients[0].here && a.clients[0].invited != "", a.leaves) }},
		{1, "doesn't come in", func() { a.clients[0].autojoin = !a.clients[0].autojoin }},
		{2, "calls", func() { a.types("who"); a.types("call 1 May I help?") }},
		{2, "supervisor enters", func() { carol.types(fmt.Sprint("enter ", number)) }},
		{1, "supervisor leaves", func() { carol.types(fmt.Sprint("leave ", number)) }},
		{1, "supervisor takes", func() { carol.types(fmt.Sprint("takeover ", number)) }},
		{1, "supervisor ends", func() { carol.types(fmt.Sprint("close ", number)) }},
		{2, "supervisor gives", func() {
			carol.types(fmt.Sprintf("assign %d %s", number, m.one([]string{"alice", "bob", "dave"}...)))
		}},

		{1, "link down", func() { m.link(false) }},
		{4, "link up", func() { m.link(true) }},
		{1, "dropped", func() { m.d.Lost(m.now); m.carryOut() }},
		{1, "MUC restarts", func() { m.fromMUC(m.muc.restart(m.now)); m.carryOut(); m.nowhere() }},
		{1, "MUC crashes", func() { m.muc.forget(); m.nowhere() }},
		{1, "MUC refuses", func() {
			m.muc.fail(m.one([]string{"enter", "form", "submit", "affiliation"}...), "internal-server-error")
		}},
		{4, "MUC is well", func() { clear(m.muc.failed) }},
		{1, "kill", m.kill},
		{1, "kill soon", func() { m.crashAt = m.effects + (1 + m.any.IntN(40)) }},
		{8, "a moment", func() { m.wait(time.Duration((1 + m.any.IntN(15))) * time.Second) }},
		{4, "a while", func() { m.wait(time.Duration((15 + m.any.IntN(60))) * time.Second) }},
		{1, "a long while", func() { m.wait(time.Duration((60 + m.any.IntN(300))) * time.Second) }},
	}
	total := 0
	for _, act := range acts {
		total += act.weight
	}
	n := m.any.IntN(total)
	for _, act := range acts {
		if n -= act.weight; n < 0 {
			m.story = append(m.story, fmt.Sprintf("%s %s/%s/%d: %s", m.now.Format("15:04:05"), g.bare, a.bare, number, act.name))
			act.do()
			break
		}
	}
	if m.dead {
		m.kill()
	}
}

// act is something that may happen, and how often.
type act struct {
	weight int
	name   string
	do     func()
}

func (m *model) one(of ...string) string { return of[m.any.IntN(len(of))] }

// fatal ends a run with its story.
func (m *model) fatal(format string, args ...any) {
	m.rt.Helper()
	m.rt.Fatalf(format+"\n%s", append(args, strings.Join(m.story, "\n"))...)
}

func (m *model) if_(_ *guest, may bool, act func()) {
	if may {
		act()
	}
}

// words are never said twice, so that a line can be counted.
func (m *model) words() string {
	m.said++
	m.story = append(m.story, fmt.Sprintf("\tword %d.", m.said))
	return fmt.Sprintf("word %d.", m.said)
}

func (m *model) answer(a *clerk) {
	if c := a.clients[0]; c.here && c.rooms[c.invited] {
		a.says(m.words())
	}
}

func (m *model) link(up bool) {
	switch {
	case up && !m.linkUp:
		m.up()
	case !up && m.linkUp:
		m.down()
	}
}

// nowhere: what people's clients make of the MUC service's end.
func (m *model) nowhere() {
	for _, g := range m.guests {
		if m.muc.rooms[g.room] == nil {
			g.room = ""
		}
	}
}

// check looks at everything that must always hold.
func (m *model) check() {
	m.rt.Helper()
	d := m.d
	visitors := map[string]int{}
	for id, c := range d.convs {
		visitors[c.Visitor.JID]++
		m.consistent(c)
		if row := m.kept.rows[id]; row.State != c.State || row.Room != c.Room {
			m.fatal("conversation %d is %s in %q, but %s in %q is kept", c.Number, c.State, c.Room, row.State, row.Room)
		}
	}
	for bare, n := range visitors {
		if n > 1 || d.visitor[bare] == nil {
			m.fatal("%s has %d open conversations", bare, n)
		}
	}
	for _, a := range m.d.agents {
		m.within(a)
	}
	g := d.order[0]
	if !slices.IsSortedFunc(g.waiting, before) {
		m.fatal("the queue is out of order")
	}
	for i, c := range g.waiting {
		if c.State != Queued || c.index != i {
			m.fatal("conversation %d is %s at %d, but stands at %d in the queue", c.Number, c.State, c.index, i)
		}
	}
	m.roomsHaveOwners()
	m.nobodyElse()
	m.onceEach(false)
}

// consistent: state, agent, offers and clocks of a conversation agree.
func (m *model) consistent(c *conversation) {
	has := c.State == Connecting || c.State == Active || c.State == AgentLost
	if has != (c.agent != nil) {
		m.fatal("conversation %d is %s and its agent is %v", c.Number, c.State, c.agent)
	}
	if c.agent != nil {
		if _, is := c.agent.chats[c]; !is {
			m.fatal("%s has conversation %d, but not among his chats", c.agent.name, c.Number)
		}
	}
	if c.State == Queued && !slices.Contains(c.queue.waiting, c) {
		m.fatal("conversation %d waits in no queue", c.Number)
	}
	if c.State == Offered && len(c.offers) == 0 || len(c.offers) > 0 && c.State != Offered && c.pass == nil {
		m.fatal("conversation %d is %s with %d offers", c.Number, c.State, len(c.offers))
	}
	for a, o := range c.offers {
		if a.offer != o || o.conv != c {
			m.fatal("the offer of conversation %d to %s is not his", c.Number, a.name)
		}
		if o.until.Before(m.now) || c.clocks[offerOver] == nil {
			m.fatal("the offer of conversation %d to %s never ends", c.Number, a.name)
		}
	}
	var bounded bool
	for _, clock := range c.clocks {
		bounded = bounded || clock != nil
	}
	if !bounded && m.linkUp && c.State != Connecting {
		m.fatal("conversation %d is %s and waits for nothing", c.Number, c.State)
	}
}

// within: reserved and used places of an agent are no more than he has; by force a supervisor may take more.
func (m *model) within(a *agent) {
	used := len(a.chats)
	if a.offer != nil {
		used++
		if a.offer.conv.offers[a] != a.offer {
			m.fatal("%s has an offer that is none", a.name)
		}
	}
	if a.name != "carol" && used > a.capacity() {
		m.fatal("%s has %d chats and offers of %d", a.name, used, a.capacity())
	}
	for c := range a.chats {
		if m.d.convs[c.ID] != c || c.agent != a && (c.pass == nil || c.pass.taker != a) {
			m.fatal("%s has conversation %d among his chats", a.name, c.Number)
		}
	}
}

// matches hears of each match when it is made.
type matches struct {
	slog.Handler
	p    *play
	fail func(format string, args ...any)
	note func(line string)
}

func (h matches) Enabled(context.Context, slog.Level) bool { return true }

// Handle: nobody is asked about a visitor while one stands before him whom the same agent could have had.
func (h matches) Handle(_ context.Context, r slog.Record) error {
	line := "\t" + r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "site" && a.Key != "workgroup" {
			line += " " + a.Value.String()
		}
		return true
	})
	h.note(line)
	if r.Message != "matched" {
		return nil
	}
	var id string
	var agents []string
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "conversation":
			id = a.Value.String()
		case "agents":
			agents = a.Value.Any().([]string)
		}
		return true
	})
	d := h.p.d
	c := d.convs[id]
	for _, w := range c.queue.waiting {
		for _, jid := range agents {
			no := w.refusals[d.agents[jid]]
			earlier := before(w, c) < 0 || !c.ahead && w.Asked.Before(c.Asked)
			if c.State == Queued && earlier && w.visitor != "" && (no == nil || !d.now.Before(no.until)) {
				h.fail("%s is asked about %d, and %d stands before it", jid, c.Number, w.Number)
			}
		}
	}
	return nil
}

// roomsHaveOwners: no room outlives its conversation, but for the time it takes to destroy it.
func (m *model) roomsHaveOwners() {
	if !m.linkUp || len(m.muc.failed) > 0 {
		return
	}
	mine := map[string]bool{}
	for _, c := range m.d.convs {
		mine[c.Room] = true
	}
	for jid := range m.muc.rooms {
		if !mine[jid] && m.d.rooms.endings[jid] == nil {
			m.fatal("room %s belongs to no conversation", jid)
		}
	}
}

// nobodyElse: in a conversation's room are only those who have to do with it now.
func (m *model) nobodyElse() {
	if m.refused = m.refused || len(m.muc.failed) > 0; !m.linkUp || m.refused {
		return
	}
	for _, c := range m.d.convs {
		r := m.muc.rooms[c.Room]
		if r == nil || !c.built || c.State == Wrapup {
			continue
		}
		for _, o := range r.occupants {
			bare := mucBare(o.sessions[0])
			a := m.d.agents[bare]
			_, watching := c.watchers[bare]
			switch {
			case bare == c.owner, bare == c.Visitor.JID, watching:
			case a != nil && (a == c.agent || c.offers[a] != nil || c.pass != nil && c.pass.taker == a):
			default:
				m.fatal("%s is in the room of conversation %d (%s)", bare, c.Number, c.State)
			}
		}
	}
}

// onceEach: what the MUC service has accepted is in the transcript once, at last, or a gap tells that something is missing.
func (m *model) onceEach(last bool) {
	lines, gaps := map[string]int{}, 0
	for _, id := range m.kept.events {
		for i, e := range id {
			if e.Seq != i+1 {
				m.fatal("event %d of a conversation has number %d", i+1, e.Seq)
			}
			switch {
			case e.Kind == KindMessage && strings.HasPrefix(e.Body, "word "):
				lines[e.Body]++
			case e.Kind == KindGap:
				gaps++
			}
		}
	}
	for said := range m.accepted {
		_, body, _ := strings.Cut(said, ": ")
		if !strings.HasPrefix(body, "word ") {
			continue
		}
		if n := lines[body]; n > 1 || n == 0 && last && gaps == 0 {
			m.fatal("%q is %d times in the transcripts, with %d gaps", body, n, gaps)
		}
	}
}

// end: all is well again, and everybody goes home.
func (m *model) end() {
	clear(m.muc.failed)
	if m.dead {
		m.kill()
	}
	m.crashAt = 0
	m.link(true)
	m.wait(time.Minute)
	m.check()
	for _, g := range m.guests {
		if g.full != "" {
			g.cut()
		}
	}
	for _, a := range m.staff {
		a.offline()
	}
	m.wait(30 * time.Minute)
	m.check()
	for _, c := range m.d.convs {
		m.fatal("conversation %d is still %s", c.Number, c.State)
	}
	for jid := range m.muc.rooms {
		m.fatal("room %s is still there", jid)
	}
	for _, a := range m.d.agents {
		if len(a.chats) > 0 || a.offer != nil {
			m.fatal("%s still has %d chats", a.name, len(a.chats))
		}
	}
	for _, c := range m.kept.rows {
		if c.State != Closed || c.Closed.IsZero() || c.Reason == "" || len(c.Resume) > 0 {
			m.fatal("conversation %d is kept as %s (%s)", c.Number, c.State, c.Reason)
		}
	}
	if n := len(m.d.requests); n > 0 {
		m.fatal("%d requests wait for an answer", n)
	}
	m.onceEach(true)
}
