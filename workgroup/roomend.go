package workgroup

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"usher/xmpp"
)

// roomBooks are what the desk knows of all its rooms together.
type roomBooks struct {
	serial  int                 // of ids
	endings map[string]*ending  // rooms to be destroyed, by JID
	kept    map[string]roomItem // rooms of a former life that nobody has claimed yet
}

// roomItem is what is kept of a room from before it is made until it is destroyed, so that a crash leaves none behind: the item `room/JID`.
type roomItem struct {
	Owner   string          `json:"owner"`
	Members map[string]role `json:"members,omitempty"`
}

const roomKey = "room/"

func (r *room) keep() {
	if r.phase == phaseOver {
		return
	}
	value, _ := json.Marshal(roomItem{r.owner, r.members}) // strings and numbers: it can't fail
	r.d.out.Batch.Items = append(r.d.out.Batch.Items, Item{roomKey + r.jid, value})
}

// restoreKeptRoom reads what was kept of a room; restoreRoom takes it from there.
func (d *Desk) restoreKeptRoom(jid string, value []byte) {
	var kept roomItem
	if json.Unmarshal(value, &kept) != nil || kept.Owner == "" {
		return
	}
	if d.rooms.kept == nil {
		d.rooms.kept = map[string]roomItem{}
	}
	d.rooms.kept[jid] = kept
}

// endRooms: the link is up, and every conversation has its room. Those that nobody has claimed, of conversations that were closed
// or had none yet when an earlier process ended, are destroyed, and so are those that wait for it.
func (d *Desk) endRooms() {
	for _, jid := range slices.Sorted(maps.Keys(d.rooms.kept)) {
		d.destroy(jid, d.rooms.kept[jid].Owner, "")
	}
	d.rooms.kept = nil
	for _, jid := range slices.Sorted(maps.Keys(d.rooms.endings)) {
		d.hasten(jid)
	}
}

// restored takes over the members of a room that was kept.
func (r *room) restored() {
	maps.Copy(r.members, r.d.rooms.kept[r.jid].Members)
	delete(r.d.rooms.kept, r.jid)
}

// ending is a room that is being destroyed. It is tried until the service says that it is gone, or that it isn't ours.
type ending struct {
	d                  *Desk
	jid, owner, reason string
	pause              time.Duration
	until              time.Time
	again              *timer
}

// The tries of destroying a room.
const (
	endPause    = 2 * time.Second // the first; each is twice as long
	endPauseMax = time.Minute
	endTime     = 24 * time.Hour // then it is given up, and logged
)

func (d *Desk) destroy(jid, owner, reason string) {
	if d.rooms.endings == nil {
		d.rooms.endings = map[string]*ending{}
	}
	if d.rooms.endings[jid] != nil {
		return
	}
	e := &ending{d: d, jid: jid, owner: owner, reason: reason, pause: endPause, until: d.now.Add(endTime)}
	d.rooms.endings[jid] = e
	e.try()
}

// hasten tries at once to destroy a room, if that waits for its next try.
func (d *Desk) hasten(jid string) {
	if e := d.rooms.endings[jid]; e != nil && e.again != nil {
		d.stop(e.again)
		e.try()
	}
}

func (e *ending) try() {
	e.again = nil
	if !e.d.linkUp {
		e.later()
		return
	}
	destroy := el("destroy", "")
	if e.reason != "" {
		destroy.with(el("reason", "").said(e.reason))
	}
	e.d.request(e.owner+"/usher", e.jid, "set", el("query", xmpp.NSMUCOwner).with(destroy), func(answer *node) { // XEP-0045 §10.9
		switch {
		case answer == nil, answer.attr("type") == "error" && mayPass[errorOf(answer)]:
			e.later()
		case answer.attr("type") == "error" && errorOf(answer) != "item-not-found":
			e.d.cfg.Log.Warn("a support room can't be destroyed", "room", e.jid, "condition", errorOf(answer))
			e.over()
		default:
			e.over()
		}
	})
}

func (e *ending) later() {
	if e.d.now.After(e.until) {
		e.d.cfg.Log.Error("a support room could not be destroyed", "room", e.jid)
		e.over()
		return
	}
	e.again = e.d.at(e.d.now.Add(e.pause), e.try)
	e.pause = min(2*e.pause, endPauseMax)
}

func (e *ending) over() {
	delete(e.d.rooms.endings, e.jid)
	e.d.out.Batch.Items = append(e.d.out.Batch.Items, Item{Key: roomKey + e.jid})
}
