package workgroup

import (
	"container/heap"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDay is a day of a large desk: 200 agents in shifts, 2,000 visitors, twice as many around noon as there are agents for, once
// with each strategy. It prints the waits and how the chats spread over the agents (go test -v -run TestDay ./workgroup), and holds
// that nobody starves: each visitor is served, whoever is free gets the one who has waited longest, and each agent gets somebody, but for ring-all, where the quickest have them all.
// Under the race detector, which makes it ten times as slow, a fifth of the agents have an easier day.
func TestDay(t *testing.T) {
	agents, visitors := 200, 2000
	if raceDetector || testing.Short() {
		agents, visitors = 40, 200
	}
	for _, strategy := range []string{"random", "least-busy", "round-robin", "ring-all"} {
		t.Run(strategy, func(t *testing.T) {
			began := time.Now()
			d := newDay(t, strategy, agents, visitors)
			d.run()
			d.report(time.Since(began))
		})
	}
}

// raceDetector is set where these tests run under it.
var raceDetector bool

const (
	dayLength   = 10 * time.Hour
	shiftLength = 150 * time.Minute
	chatLength  = 8 * time.Minute // in the mean
)

type day struct {
	*play
	t      *testing.T
	rand   *rand.Rand
	plan   dayPlan
	agents []*shift
	asked  []string         // visitors in the order of asking
	begun  []string         // in the order in which agents had them
	from   map[string]int64 // when they asked, by visitor, ns
	waits  []time.Duration
}

// shift is an agent on his day.
type shift struct {
	*clerk
	taken  int
	minded int // the number of the offer that he is about to take
}

func newDay(t *testing.T, strategy string, agents, visitors int) *day {
	group := playGroup(func(g *Group) {
		g.Agents = nil
		for i := range agents {
			g.Agents = append(g.Agents, Member{JID: fmt.Sprintf("agent%03d@%s", i, playHome)})
		}
		g.Strategy, g.MaxChats, g.QueueLimit, g.Sticky = strategy, 1, visitors, false
		g.Timers.Queue, g.Timers.First, g.Timers.IdleWarn, g.Timers.IdleClose, g.Timers.Wrap = dayLength, 0, 0, 0, 0
	})
	d := &day{play: newPlay(t, group), t: t, rand: rand.New(rand.NewPCG(1, 2)), from: map[string]int64{}}
	d.d.any, d.d.cfg.Log = d.rand.IntN, slog.New(matches{slog.DiscardHandler, d.play, t.Errorf, func(string) {}})
	for i := range agents {
		d.hire(fmt.Sprintf("agent%03d", i), time.Duration(i)*(dayLength-shiftLength)/time.Duration(agents))
	}
	// Arrivals: a base, and a hill around noon.
	for i := range visitors {
		at := time.Duration(d.rand.Float64() * float64(dayLength-90*time.Minute))
		if i%3 == 0 {
			at = 4*time.Hour + time.Duration(d.rand.NormFloat64()*float64(35*time.Minute))
		}
		d.plan.at(playStart.Add(20*time.Minute+max(at, 0)), func() { d.arrives(fmt.Sprintf("visitor%04d", i)) })
	}
	return d
}

// hire has an agent come at some time and go home after his shift, once his chat is over.
func (d *day) hire(name string, from time.Duration) {
	s := &shift{clerk: &clerk{p: d.play, bare: name + "@" + playHome, group: support}}
	d.play.agents[s.bare] = s.clerk
	d.agents = append(d.agents, s)
	d.carry(el("presence", "", "type", "subscribed", "from", s.bare, "to", support))
	s.friends = []string{support}
	c := s.client("desk")
	c.heeds = func(n *node) { d.reads(s, n) }
	d.plan.at(playStart.Add(from), func() { c.online("") })
	d.plan.at(playStart.Add(from+shiftLength), func() { c.online("dnd") })
}

// reads: an offer is taken after some seconds, one in fifty is missed. Who is paused for that goes on soon.
func (d *day) reads(s *shift, n *node) {
	b := n.child("body", "")
	var number int
	if b == nil || n.child("replace", nsCorrect) != nil {
		return
	}
	if strings.Contains(b.text, "resume") { // he is paused, since he has missed two
		d.plan.at(d.now.Add(time.Minute), func() { s.types("resume") })
		return
	}
	if _, err := fmt.Sscanf(b.text, "[#%d]", &number); err != nil || d.rand.IntN(50) == 0 {
		return
	}
	s.minded = number
	d.plan.at(d.now.Add(time.Duration(2+d.rand.IntN(8))*time.Second), func() {
		if s.minded == number {
			s.types("1")
		}
	})
}

// arrives: a visitor asks, follows the invitation, says a word, and has what he wanted after a while.
func (d *day) arrives(name string) {
	g := d.visitor(name)
	d.asked = append(d.asked, name)
	d.from[name] = d.now.UnixNano()
	g.heeds = func(n *node) {
		if c := n.child("conversation", nsDesk); c != nil && c.attr("state") == "active" {
			d.talks(name, g, c.attr("agent"), c.attr("number"))
		}
	}
	g.asks("How much is it?")
}

func (d *day) talks(name string, g *guest, agent, number string) {
	d.begun = append(d.begun, name)
	wait := time.Duration(d.now.UnixNano() - d.from[name])
	d.waits = append(d.waits, wait)
	s := d.agents[slices.IndexFunc(d.agents, func(s *shift) bool { return strings.HasPrefix(s.bare, agent+"@") })]
	s.taken++
	d.plan.at(d.now.Add(10*time.Second), func() { s.says("Ten") })
	d.plan.at(d.now.Add(20*time.Second), func() { g.says("Thank you") })
	d.plan.at(d.now.Add(time.Minute+time.Duration(d.rand.ExpFloat64()*float64(chatLength-time.Minute))), func() {
		s.types("close " + number)
		g.cut()
		delete(d.visitors, g.bare)
	})
}

func (d *day) run() {
	for end := playStart.Add(dayLength + 6*time.Hour); d.now.Before(end) && len(d.plan) > 0; {
		e := heap.Pop(&d.plan).(dayEvent)
		if e.when.After(d.now) {
			d.wait(e.when.Sub(d.now))
		}
		e.do()
	}
	d.wait(10 * time.Minute)
}

func (d *day) report(took time.Duration) {
	t := d.t
	reasons := map[Reason]int{}
	for _, c := range d.kept.rows {
		reasons[c.Reason]++
	}
	if reasons[ReasonAgent] != len(d.asked) || len(d.begun) != len(d.asked) {
		t.Errorf("of %d visitors %d talked; ends: %v", len(d.asked), len(d.begun), reasons)
	}
	slices.Sort(d.waits)
	var taken []int
	for _, s := range d.agents {
		taken = append(taken, s.taken)
	}
	slices.Sort(taken)
	share := func(list []int, part float64) int { return list[int(part*float64(len(list)-1))] }
	wait := func(part float64) time.Duration { return d.waits[int(part*float64(len(d.waits)-1))].Round(time.Second) }
	offers := map[string]int{}
	for _, o := range d.observed {
		if o.Kind == "offer" {
			offers[o.Label]++
		}
	}
	t.Logf("%d visitors, %d agents: waits p50 %v, p90 %v, p99 %v, max %v; chats per agent min %d, p50 %d, max %d; offers %v; played in %v",
		len(d.asked), len(d.agents), wait(0.5), wait(0.9), wait(0.99), wait(1), taken[0], share(taken, 0.5), taken[len(taken)-1], offers, took.Round(10*time.Millisecond))
	if turns := d.d.groups[support].Strategy; taken[0] == 0 && turns != "ring-all" { // there the quickest have them
		t.Error("an agent got nobody all day")
	}
	if len(d.muc.rooms) != 0 {
		t.Errorf("%d rooms are left", len(d.muc.rooms))
	}
}

// dayPlan is what people will do, the next first.
type dayPlan []dayEvent

type dayEvent struct {
	when time.Time
	turn int
	do   func()
}

func (p *dayPlan) at(when time.Time, do func()) { heap.Push(p, dayEvent{when, len(*p), do}) }

func (p dayPlan) Len() int { return len(p) }
func (p dayPlan) Less(i, j int) bool {
	return p[i].when.Before(p[j].when) || p[i].when.Equal(p[j].when) && p[i].turn < p[j].turn
}
func (p dayPlan) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *dayPlan) Push(x any)   { *p = append(*p, x.(dayEvent)) }
func (p *dayPlan) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}
