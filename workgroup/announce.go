package workgroup

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

// announceEvery paces what the contacts are told of the queue's length; that it opens or closes is told at once.
const announceEvery = time.Second

// face is what the contacts of a workgroup see of it.
type face struct {
	show, status string
	known        bool      // they have been told since the link came up
	next         time.Time // not before
	due          *timer    // the queue's length has changed meanwhile
	turn         *timer    // when the hours change
}

// announce sends the workgroup's own presence where it has changed: open or closed, how many wait. Core calls it after
// every input for the groups that were touched.
func (d *Desk) announce(g *group) {
	g.watchHours()
	if !d.linkUp {
		return
	}
	f := &g.face
	show, status := g.looks()
	if f.known && show == f.show && status == f.status {
		return
	}
	if f.known && show == f.show && d.now.Before(f.next) {
		if f.due == nil {
			f.due = d.at(f.next, func() {
				f.due = nil
				d.announce(g)
			})
		}
		return
	}
	f.renew(g)
	for _, a := range d.agentsByJID() {
		if m := g.members[a.jid]; m != nil && m.sub.From && !slices.Contains(d.toProbe, a) { // he gets it with his probe
			d.send(g.shown(a.jid))
		}
	}
}

// renew notes what the contacts are told now.
func (f *face) renew(g *group) {
	g.d.stop(f.due)
	f.due = nil
	f.show, f.status = g.looks()
	f.known, f.next = true, g.d.now.Add(announceEvery)
}

// shown is the workgroup's presence, for one contact.
func (g *group) shown(to string) *node {
	show, status := g.looks()
	n := el("presence", "", "from", g.jid, "to", to)
	if show != "" {
		n.with(el("show", "").said(show))
	}
	return n.with(el("status", "").said(status))
}

// looks are show and status of the workgroup now, in the site's language.
func (g *group) looks() (show, status string) {
	waiting := ""
	if n := len(g.waiting); n > 0 {
		waiting = " · " + g.text("presence_waiting", g.Language, strconv.Itoa(n))
	}
	var shut *closedError
	if !errors.As(g.d.openFor(g), &shut) {
		return "", g.text("presence_open", g.Language) + waiting
	}
	switch {
	case shut.reason == "full":
		return "dnd", g.text("presence_full", g.Language) + waiting
	case shut.reason == "hours" && !shut.opens.IsZero():
		opens := shut.opens
		if g.Hours != nil {
			opens = opens.In(g.Hours.Zone)
		}
		return "xa", g.text("presence_closed_until", g.Language, opens.Format("2006-01-02 15:04")) + waiting
	case shut.reason == "hours":
		return "xa", g.text("presence_closed", g.Language) + waiting
	}
	return "away", g.text("presence_nobody", g.Language) + waiting
}

// watchHours has the workgroup announced again when its hours change.
func (g *group) watchHours() {
	if g.Hours == nil || g.face.turn != nil {
		return
	}
	if _, changes := g.Hours.open(g.d.now); !changes.IsZero() {
		g.face.turn = g.d.at(changes, func() {
			g.face.turn = nil
			g.d.announce(g)
		})
	}
}
