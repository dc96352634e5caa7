package workgroup

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// What the desk keeps over a crash, and how it goes on from it.

// resume is what a conversation needs beyond its row.
type resume struct {
	Queue    string               `json:"queue"`             // JID of the workgroup where it is
	Since    time.Time            `json:"since,omitzero"`    // in that queue
	Ahead    bool                 `json:"ahead,omitempty"`   //
	Tried    []string             `json:"tried,omitempty"`   // JIDs of workgroups
	Agent    string               `json:"agent,omitempty"`   // who has it
	Coming   string               `json:"coming,omitempty"`  // who took a transfer and wasn't there yet
	Owner    string               `json:"owner,omitempty"`   // of the room
	Inside   map[string]bool      `json:"inside,omitempty"`  // supervisors who were let in
	Out      []string             `json:"out,omitempty"`     // who is to be put out of the room
	Missed   int                  `json:"missed,omitempty"`  //
	Deserted bool                 `json:"left,omitempty"`    //
	Replied  bool                 `json:"replied,omitempty"` //
	Nudged   bool                 `json:"nudged,omitempty"`  //
	Met      bool                 `json:"met,omitempty"`     //
	Reinvite bool                 `json:"again,omitempty"`   //
	Call     string               `json:"call,omitempty"`    //
	Side     side                 `json:"side"`
	Clocks   map[string]time.Time `json:"clocks,omitempty"`
}

// clockNames are the clocks by their names in the kept state.
var clockNames = map[event]string{
	waitOver: "queue", visitorLate: "visitor_join", visitorLost: "visitor_lost", agentLate: "join", agentOut: "agent_lost",
	agentSilent: "first", idleSoon: "idle_warn", idle: "idle_close", tooLong: "max", wrapped: "wrap",
}

// row is the conversation as it is kept.
func (c *conversation) row() Conversation {
	row := c.Conversation
	row.Agents = slices.Clone(c.Agents)
	if c.State == Closed {
		row.Resume, row.Room = nil, ""
		return row
	}
	r := resume{
		Queue: c.queue.jid, Since: c.since, Ahead: c.ahead, Tried: c.tried, Owner: c.owner, Inside: c.watchers,
		Out: sorted(c.out), Missed: c.missed, Deserted: c.deserted, Replied: c.replied, Nudged: c.nudged, Met: c.met,
		Reinvite: c.reinvite, Call: c.call, Side: c.side, Clocks: map[string]time.Time{},
	}
	if c.agent != nil {
		r.Agent = c.agent.jid
	}
	if c.pass != nil && c.pass.taker != nil {
		r.Coming = c.pass.taker.jid
	}
	if c.Room != "" {
		for _, o := range c.openOffers() {
			r.Out = append(r.Out, o.agent.jid) // an offer ends with this life, and so does a right that it gave
		}
	}
	for e, name := range clockNames {
		if t := c.clocks[e]; t != nil {
			r.Clocks[name] = t.when
		}
	}
	var err error
	if row.Resume, err = json.Marshal(r); err != nil { // a year beyond 9999, which no clock shows
		c.d.cfg.Log.Error("a conversation's state can't be kept", "conversation", c.ID, "error", err)
	}
	return row
}

// keepSide has what the visitor's side has changed kept.
func (c *conversation) keepSide() { c.touch() }

// rated notes the visitor's rating while the conversation is open.
func (c *conversation) rated(value int, text string) {
	c.Rating, c.RatingText = value, text
	c.keepLine(Event{Kind: KindRating, From: c.Visitor.JID, Role: RoleVisitor, Body: text})
	c.touch()
}

// sorted are the keys of a set, in order.
func sorted(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// restore takes up what was kept.
func (d *Desk) restore(kept Snapshot) {
	for _, i := range kept.Items {
		kind, name, _ := strings.Cut(i.Key, "/")
		switch kind {
		case "agent":
			d.restoreAgent(name, i.Value)
		case "group":
			d.restoreGroup(name, i.Value)
		case "visitor":
			d.past.restore(i.Key, i.Value)
		case "room":
			d.restoreKeptRoom(name, i.Value)
		}
	}
	d.restoreUser(kept)
	rows := slices.Clone(kept.Conversations)
	slices.SortFunc(rows, func(a, b Conversation) int { return strings.Compare(a.ID, b.ID) })
	for _, row := range rows {
		if row.State != Closed && row.State != Offline {
			d.takeUp(row, kept.Events[row.ID])
		}
	}

}

// takeUp goes on with a conversation of an earlier life. Its visitor counts as lost until he is bound again; nothing of it ends
// before the link had its chance to come up.
func (d *Desk) takeUp(row Conversation, lines []Event) {
	var r resume
	if err := json.Unmarshal(row.Resume, &r); err != nil {
		d.cfg.Log.Error("a conversation's kept state can't be read", "site", row.Site, "conversation", row.ID, "error", err)
	}
	c := &conversation{
		Conversation: row, d: d, home: d.groupNamed(row.Site, row.Workgroup), queue: d.groups[r.Queue], side: r.Side,
		since: r.Since, ahead: r.Ahead, tried: r.Tried, missed: r.Missed, owner: r.Owner,
		deserted: r.Deserted, replied: r.Replied, nudged: r.Nudged, met: r.Met, reinvite: r.Reinvite, call: r.Call,
	}
	c.make()
	c.returning = true
	c.was = map[string]string{}
	if c.home == nil {
		d.cfg.Log.Warn("a conversation's workgroup is configured no more", "site", row.Site, "workgroup", row.Workgroup, "conversation", row.ID)
		row.State, row.Reason, row.Closed, row.Resume = Closed, ReasonFailed, d.now, nil
		d.out.Batch.Conversations = append(d.out.Batch.Conversations, row)
		return
	}
	if c.queue == nil || c.queue.Site != c.Site {
		c.queue = c.home
	}
	c.home.number = max(c.home.number, c.Number)
	for _, e := range lines {
		c.seq = max(c.seq, e.Seq)
		c.remember(e)
		switch e.Kind {
		case KindJoin:
			c.was[e.From] = e.Nick
		case KindLeave:
			delete(c.was, e.From)
		}
	}
	for jid, seen := range r.Inside {
		if d.agents[jid] == nil { // he is a supervisor no more
			c.out[jid] = true
			continue
		}
		c.watchers[jid] = seen
	}
	for _, jid := range r.Out {
		c.out[jid] = true
	}
	if r.Coming != "" {
		c.out[r.Coming] = true
	}
	if r.Agent != "" && d.agents[r.Agent] == nil {
		c.out[r.Agent] = true
	}
	d.convs[c.ID], d.visitor[c.Visitor.JID] = c, c
	if c.Room != "" {
		c.unseen = c.lastLine()
		c.room = d.restoreRoom(c, c.Room, c.owner, lines)
		d.owner[c.owner] = c
	}
	c.goOn(d.agents[r.Agent], r.Clocks)
}

// goOn enters the state that was kept.
func (c *conversation) goOn(a *agent, clocks map[string]time.Time) {
	switch c.State {
	case Connecting, Active, AgentLost:
		if a == nil { // he is an agent no more
			c.headOfQueue()
			break
		}
		c.agent = a
		a.chats[c] = struct{}{}
	case Wrapup:
	default: // those who were asked are asked anew
		c.enqueue()
	}
	soonest := c.d.now.Add(unsureTime)
	for e, name := range clockNames {
		t, set := clocks[name]
		switch {
		case c.d.moves[c.State][e] == nil, c.State == Active && (e == waitOver || e == agentLate): // a transfer ends with this life
			continue
		case e == visitorLost:
			t, set = c.d.now.Add(c.queue.Timers.VisitorLost), c.State != Wrapup
			if c.State == Queued {
				t = c.d.now.Add(c.queue.Timers.Net)
			}
		case e == idle || e == idleSoon:
			length := c.queue.Timers.IdleClose
			if e == idleSoon {
				length = c.queue.Timers.IdleWarn
			}
			if t = c.lastWord().Add(length); length <= 0 {
				set = false
			}
		}
		if set {
			if t.Before(soonest) {
				t = soonest
			}
			c.armAt(e, t)
		}
	}
	c.touch()
}

// lastLine is when anything of it was kept last.
func (c *conversation) lastLine() time.Time {
	if len(c.lines) > 0 {
		return c.lines[len(c.lines)-1].Time
	}
	return c.Asked
}

// lastWord is when somebody said something last.
func (c *conversation) lastWord() time.Time {
	for _, e := range slices.Backward(c.lines) {
		if e.Kind == KindMessage {
			return e.Time
		}
	}
	return c.Accepted
}

// groupState are what is kept of a workgroup.
type groupState struct {
	Number int           `json:"number"`
	Pace   time.Duration `json:"pace,omitempty"` // ns
}

// nextNumber is the number of the next conversation; none is given twice.
func (g *group) nextNumber() int {
	g.number++
	g.keep()
	return g.number
}

func (g *group) keep() {
	value, err := json.Marshal(groupState{g.number, g.pace})
	if err != nil { // two numbers can always be written
		g.d.cfg.Log.Error("a workgroup's groupState can't be kept", "workgroup", g.jid, "error", err)
		return
	}
	g.d.out.Batch.Items = append(g.d.out.Batch.Items, Item{Key: "group/" + g.jid, Value: value})
}

func (d *Desk) restoreGroup(jid string, value []byte) {
	g := d.groups[jid]
	if g == nil {
		return
	}
	var f groupState
	if err := json.Unmarshal(value, &f); err != nil {
		d.cfg.Log.Error("a workgroup's groupState can't be read", "workgroup", jid, "error", err)
		return
	}
	g.number, g.pace = f.Number, f.Pace
}

// maxPast is how many visitors are known who were here before; the one who was here longest ago is forgotten first.
const maxPast = 20_000

// past knows who had which visitor.
type past struct {
	d    *Desk
	seen *simplelru.LRU[string, former] // by the key of the kept item
}

// former is what is kept of a visitor who was here before.
type former struct {
	Agent  string    `json:"agent"` // bare JID
	Chats  int       `json:"chats"`
	Last   time.Time `json:"last"`
	Called time.Time `json:"called,omitzero"` // when an agent called him last; he may have had no chat
}

func newPast(d *Desk) (*past, error) {
	p := &past{d: d}
	var err error
	p.seen, err = simplelru.NewLRU(maxPast, func(key string, _ former) {
		d.out.Batch.Items = append(d.out.Batch.Items, Item{Key: key})
	})
	return p, err
}

// pastKey is a visitor's: his signed customer id, else his bare JID.
func pastKey(site string, p *Person) string {
	if p.Verified && p.Sub != "" {
		return "visitor/" + site + "/" + p.Sub
	}
	return "visitor/" + site + "/" + p.JID
}

// of is what is known of a visitor who has had a chat.
func (p *past) of(site string, who *Person) (former, bool) {
	f, _ := p.seen.Get(pastKey(site, who))
	return f, f.Chats > 0
}

// note keeps who had a conversation last.
func (p *past) note(c *Conversation) {
	if len(c.Agents) == 0 {
		return
	}
	key := pastKey(c.Site, &c.Visitor)
	f, _ := p.seen.Get(key)
	f.Agent, f.Chats, f.Last = c.Agents[len(c.Agents)-1], f.Chats+1, p.d.now
	p.keep(key, f)
}

// call keeps that an agent calls a visitor; false: one did so less than callAgain ago.
func (p *past) call(site, bare string) bool {
	key := pastKey(site, &Person{JID: bare})
	f, _ := p.seen.Get(key)
	if !f.Called.IsZero() && p.d.now.Sub(f.Called) < callAgain {
		return false
	}
	f.Called = p.d.now
	p.keep(key, f)
	return true
}

func (p *past) keep(key string, f former) {
	p.seen.Add(key, f)
	value, err := json.Marshal(f)
	if err != nil { // a year beyond 9999, which no clock shows
		p.d.cfg.Log.Error("a visitor can't be kept", "error", err)
		return
	}
	p.d.out.Batch.Items = append(p.d.out.Batch.Items, Item{Key: key, Value: value})
}

func (p *past) restore(key string, value []byte) {
	var f former
	if json.Unmarshal(value, &f) == nil {
		p.seen.Add(key, f)
	}
}
