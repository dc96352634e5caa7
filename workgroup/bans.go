package workgroup

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bans: visitors who are refused, by identity and by network address.

// ban is a visitor who is refused. Which of Visitor, Sub and Address are known decides what it goes by: any one will do.
type ban struct {
	ID, Site, By, Reason string
	Visitor              string // bare JID
	Sub, Address, Name   string
	Until                time.Time // zero: for ever
}

// maxBans is how many there may be; a supervisor is told when there are more.
const maxBans = 10_000

const (
	errNoRight  refusal = "that is for supervisors of this workgroup"
	errManyBans refusal = "there are too many bans: lift some first (bans, unban ID)"
)

// banList holds the bans, found by what they go by.
type banList struct {
	byID  map[string]*ban
	byKey map[banKey][]*ban
	last  int // the highest id given
}

// banKey is what a ban goes by: "jid", "sub" or "address" of one site.
type banKey struct{ site, kind, value string }

func newBanList() banList {
	return banList{byID: map[string]*ban{}, byKey: map[banKey][]*ban{}}
}

func (b *ban) keys() []banKey {
	var keys []banKey
	for _, k := range [...]banKey{{b.Site, "jid", b.Visitor}, {b.Site, "sub", b.Sub}, {b.Site, "address", b.Address}} {
		if k.value != "" {
			keys = append(keys, k)
		}
	}
	return keys
}

func (l *banList) add(b *ban) {
	l.byID[b.ID] = b
	for _, k := range b.keys() {
		l.byKey[k] = append(l.byKey[k], b)
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(b.ID, "b")); err == nil && n > l.last {
		l.last = n
	}
}

func (l *banList) remove(b *ban) {
	delete(l.byID, b.ID)
	for _, k := range b.keys() {
		rest := slices.DeleteFunc(l.byKey[k], func(o *ban) bool { return o == b })
		if l.byKey[k] = rest; len(rest) == 0 {
			delete(l.byKey, k)
		}
	}
}

// restoreBan reads one back; what has run out is forgotten.
func (d *Desk) restoreBan(id string, value []byte) {
	var b ban
	if err := json.Unmarshal(value, &b); err != nil {
		d.cfg.Log.Error("a kept ban can't be read", "ban", id, "error", err)
		return
	}
	b.ID = id
	d.user.bans.add(&b)
	d.expire(&b)
}

// expire has a ban end at its time.
func (d *Desk) expire(b *ban) {
	if b.Until.IsZero() {
		return
	}
	d.at(b.Until, func() {
		if d.user.bans.byID[b.ID] == b {
			d.lift(b)
		}
	})
}

func (d *Desk) lift(b *ban) {
	d.user.bans.remove(b)
	d.out.Batch.Items = append(d.out.Batch.Items, Item{Key: "ban/" + b.ID})
}

// banned tells whether a visitor is refused; sub is his signed customer id or empty. ask asks it, for errBanned.
func (d *Desk) banned(v Visitor, sub string) bool {
	for _, k := range [...]banKey{{v.Site, "jid", v.bare()}, {v.Site, "sub", sub}, {v.Site, "address", v.Address}} {
		if k.value == "" {
			continue
		}
		for _, b := range d.user.bans.byKey[k] {
			if b.Until.IsZero() || b.Until.After(d.now) {
				return true
			}
		}
	}
	return false
}

// ban closes a conversation and refuses its visitor from then on; length 0: for ever. Supervisors of the workgroups
// that have to do with it may.
func (d *Desk) ban(by *agent, c *conversation, length time.Duration, reason string) (id string, err error) {
	if !by.supervises(c.home) && !by.supervises(c.queue) {
		return "", errNoRight
	}
	l := &d.user.bans
	if len(l.byID) >= maxBans {
		return "", errManyBans
	}
	b := &ban{
		ID: "b" + strconv.Itoa(l.last+1), Site: c.Site, By: by.jid, Reason: cut(plain(reason), maxClaim),
		Visitor: c.Visitor.JID, Sub: c.Visitor.Sub, Address: c.Visitor.Address, Name: c.Visitor.Name,
	}
	if length > 0 {
		b.Until = d.now.Add(length)
	}
	value, err := json.Marshal(b)
	if err != nil {
		return "", err
	}
	l.add(b)
	d.expire(b)
	d.out.Batch.Items = append(d.out.Batch.Items, Item{Key: "ban/" + b.ID, Value: value})
	d.cfg.Log.Info("a visitor is banned", "site", b.Site, "conversation", c.ID, "ban", b.ID, "by", b.By, "until", b.Until)
	return b.ID, d.closeBanned(by, c)
}

// unban lifts a ban.
func (d *Desk) unban(by *agent, id string) error {
	b := d.user.bans.byID[strings.ToLower(id)]
	if b == nil || !by.supervisesSite(b.Site) {
		return errNoBan
	}
	d.lift(b)
	d.cfg.Log.Info("a ban is lifted", "site", b.Site, "ban", b.ID, "by", by.jid)
	return nil
}

// bans lists those that a supervisor may lift: of the sites of which he supervises a workgroup, in the order in which
// they were made.
func (d *Desk) bans(by *agent) []ban {
	var all []ban
	for _, b := range d.user.bans.byID {
		if by.supervisesSite(b.Site) && (b.Until.IsZero() || b.Until.After(d.now)) {
			all = append(all, *b)
		}
	}
	slices.SortFunc(all, func(a, b ban) int {
		if n := len(a.ID) - len(b.ID); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}

func (a *agent) supervises(g *group) bool {
	m := g.members[a.jid]
	return m != nil && m.supervisor
}

func (a *agent) supervisesSite(site string) bool {
	return slices.ContainsFunc(a.members, func(m *member) bool { return m.supervisor && m.group.Site == site })
}
