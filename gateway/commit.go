package gateway

import (
	"time"

	"usher/workgroup"
	"usher/xmpp"
)

// carry is the goroutine that commits what the desk has decided and then
// carries it out: the archive is always ahead of what anybody sees. What has no effect may wait
// for archive.commit, so that many such decisions are one commit.
func (d *desk) carry() {
	defer close(d.done)
	var pending workgroup.Batch
	var due <-chan time.Time
	for open := true; open; {
		var outs []workgroup.Output
		select {
		case out, ok := <-d.outputs:
			if open = ok; ok {
				outs = d.gather(append(outs, out))
			}
		case <-due:
			due = nil
		}
		effects := 0
		for i := range outs {
			d.group(&pending, &outs[i].Batch)
			effects += len(outs[i].Effects)
		}
		if effects == 0 && open && len(outs) > 0 {
			if due == nil && !pending.Empty() {
				due = time.After(d.every)
			}
			continue
		}
		due = nil
		d.commit(&pending)
		for i := range outs {
			for j := range outs[i].Effects {
				d.do(&outs[i].Effects[j])
			}
		}
	}
}

// gather takes what else is there, to be committed together.
func (d *desk) gather(outs []workgroup.Output) []workgroup.Output {
	for len(outs) < deskOutputs {
		select {
		case out, ok := <-d.outputs:
			if !ok {
				return outs // carry will see it too
			}
			outs = append(outs, out)
		default:
			return outs
		}
	}
	return outs
}

// group puts more behind what waits to be committed.
func (d *desk) group(pending, more *workgroup.Batch) {
	if more.Empty() {
		return
	}
	d.waiting.CompareAndSwap(0, d.g.now().UnixNano())
	pending.Conversations = append(pending.Conversations, more.Conversations...)
	pending.Events = append(pending.Events, more.Events...)
	pending.Items = append(pending.Items, more.Items...)
	pending.Notices = append(pending.Notices, more.Notices...)
	pending.Ratings = append(pending.Ratings, more.Ratings...)
}

// commit commits what waits. Chats don't stop for an archive that fails: it says so itself, and goes on trying.
func (d *desk) commit(pending *workgroup.Batch) {
	if pending.Empty() {
		return
	}
	b := *pending
	*pending = workgroup.Batch{}
	if err := d.archive.commit(&b); err != nil {
		d.log.Debug("not committed yet", "err", err)
	}
	d.waiting.Store(0)
}

// do carries one effect out.
func (d *desk) do(e *workgroup.Effect) {
	if d.ctx.Err() != nil {
		return
	}
	switch e.Kind {
	case workgroup.Send:
		d.deliver(e.Stanza)
	case workgroup.OpenRoom:
		if v := d.g.visitors.addressed([]byte(e.Visitor)); v != nil {
			v.openRoom(e.Room, e.Nick)
		}
	case workgroup.CloseRoom:
		if v := d.g.visitors.addressed([]byte(e.Visitor)); v != nil {
			v.closeRoom(e.Room)
		}
	}
}

// deliver takes a stanza of the desk to where it is for. What is for an address of ours never goes upstream.
func (d *desk) deliver(stanza []byte) {
	g := d.g
	s := g.scanners.Get().(*xmpp.Scanner)
	defer g.scanners.Put(s)
	s.ResetInside(xmpp.Limits{}, "stream:stream", xmpp.NSComponent, xmpp.NSStream)
	if _, tok, err := s.Next(stanza); err != nil || tok != xmpp.Stanza {
		d.log.Error("the support desk wrote what is no stanza", "err", err)
		g.count.drop(DropDeskAddress)
		return
	}
	e := s.Element()
	local, domain, _ := xmpp.SplitJID(e.To)
	if !g.ownDomain(domain) {
		d.sendUp(stanza)
		return
	}
	if v := g.visitors.addressed(e.To); v != nil {
		if v.deliver(e, e.From, e.ID) {
			v.stream().Wake()
		}
		return
	}
	switch {
	case d.owns(local, domain):
		d.post(input{kind: fromServer, stanza: stanza})
	case len(local) == 0:
		g.count.drop(DropDeskAddress)
	default:
		g.count.drop(DropDeskVisitor)
		if e.Kind != xmpp.Presence && answerable(e) {
			d.post(input{kind: fromServer, stanza: errGone.AppendReply(nil, e, xmpp.Component, e.To, e.From)})
		}
	}
}
