package gateway

import (
	"time"

	"usher/workgroup"
	"usher/xmpp"
)

// Bounds of what an archive that fails leaves to be tried again.
const (
	maxBacklog   = 20000           // rows
	backlogAge   = 2 * time.Minute // how long they are tried
	backlogPause = 2 * time.Second // between two tries without anything new
)

// backlog is what is decided and not committed: carry's own.
type backlog struct {
	batch workgroup.Batch
	since time.Time // of the oldest; zero: nothing is there
	fails bool      // the last commit has failed
	again time.Time // not to be tried before; zero: at once
}

func (b *backlog) add(more *workgroup.Batch, now time.Time) {
	if more.Empty() {
		return
	}
	if b.batch.Empty() {
		b.since = now
	}
	b.batch.Conversations = append(b.batch.Conversations, more.Conversations...)
	b.batch.Events = append(b.batch.Events, more.Events...)
	b.batch.Items = append(b.batch.Items, more.Items...)
	b.batch.Notices = append(b.batch.Notices, more.Notices...)
}

func (b *backlog) rows() int {
	return len(b.batch.Conversations) + len(b.batch.Events) + len(b.batch.Items) + len(b.batch.Notices)
}

// carry is the goroutine that commits what the desk has decided and then
// carries it out: the archive is always ahead of what anybody sees. What has no effect may wait
// for archive.commit, so that many such decisions are one commit.
func (d *desk) carry() {
	defer close(d.done)
	var rest backlog
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
			rest.add(&outs[i].Batch, d.g.now())
			effects += len(outs[i].Effects)
		}
		d.lagging(&rest)
		if wait := d.every; effects == 0 && open && len(outs) > 0 {
			if due == nil && !rest.batch.Empty() {
				due = time.After(wait)
			}
			continue
		}
		if due = nil; !d.commit(&rest) {
			due = time.After(backlogPause)
		}
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

// commit commits the backlog; false: it stays, to be tried again with what comes next. Chats
// don't stop for an archive that fails. It is told once in the log when that begins, and once when it is over.
func (d *desk) commit(rest *backlog) bool {
	if rest.batch.Empty() {
		return true
	}
	if rest.fails && d.g.now().Before(rest.again) {
		return false // nobody shall wait for each failure
	}
	err := d.archive.commit(&rest.batch)
	if err == nil {
		if rest.fails {
			d.log.Info("the archive takes what it is given again")
		}
		*rest = backlog{}
		d.lagging(rest)
		return true
	}
	d.failures.Add(1)
	if !rest.fails {
		d.log.Error("the archive fails; chats go on, and what they say is tried again", "err", err)
	}
	rest.fails, rest.again = true, d.g.now().Add(backlogPause)
	if rest.rows() > maxBacklog || d.g.now().Sub(rest.since) > backlogAge {
		d.log.Error("given up what the archive did not take", "rows", rest.rows(), "err", err)
		*rest = backlog{fails: true, again: rest.again}
		d.lagging(rest)
	}
	return false
}

func (d *desk) lagging(rest *backlog) {
	if rest.batch.Empty() {
		d.lag.Store(0)
		return
	}
	d.lag.Store(rest.since.UnixNano())
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
			v.stream.Wake()
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
