package workgroup

import (
	"slices"
	"strconv"

	"usher/xmpp"
)

// Who is in a room of the muc, by nick or address, and what the others are told of him.

func (r *mucRoom) nick(nick string) *mucOccupant {
	for _, o := range r.occupants {
		if o.nick == nick {
			return o
		}
	}
	return nil
}

func (r *mucRoom) session(full string) *mucOccupant {
	for _, o := range r.occupants {
		if slices.Contains(o.sessions, full) {
			return o
		}
	}
	return nil
}

func (r *mucRoom) affiliation(jid string) string {
	if a := r.affil[mucBare(jid)]; a != "" {
		return a
	}
	return "none"
}

func (r *mucRoom) role(o *mucOccupant) string {
	switch a := r.affiliation(o.sessions[0]); {
	case a == "owner" || a == "admin":
		return "moderator"
	case a == "none" && r.config["muc#roomconfig_moderatedroom"] == "1":
		return "visitor"
	}
	return "participant"
}

// full counts sessions, as ejabberd, MongooseIM and Openfire do.
func (r *mucRoom) full(affil string) bool {
	limit, err := strconv.Atoi(r.config["muc#roomconfig_maxusers"])
	if err != nil || r.m.like.adminFull && (affil == "owner" || affil == "admin") {
		return false
	}
	count := 0
	for _, o := range r.occupants {
		count += len(o.sessions)
	}
	return count >= limit
}

// item shows an occupant to one session: his JID to moderators, or to everybody where whois says so, or to himself.
func (r *mucRoom) item(o *mucOccupant, to, affil, role string) *node {
	item := el("item", "", "affiliation", affil, "role", role)
	viewer := r.session(to)
	if viewer == o || viewer != nil && r.role(viewer) == "moderator" || r.config["muc#roomconfig_whois"] == "anyone" {
		item.attrs = append(item.attrs, attr{"jid", o.sessions[len(o.sessions)-1]})
	}
	return item
}

func (r *mucRoom) available(o *mucOccupant, to string, statuses ...string) *node {
	p := el("presence", "", "from", r.jid+"/"+o.nick, "id", o.presence.attr("id"))
	x := el("x", xmpp.NSMUCUser).with(r.item(o, to, r.affiliation(o.sessions[0]), r.role(o)))
	for _, s := range statuses {
		x.with(el("status", "", "code", s))
	}
	p.with(x)
	for _, k := range o.presence.kids {
		if k.name == "show" || k.name == "status" || k.name == "priority" {
			p.with(k)
		}
	}
	return p
}

func (r *mucRoom) unavailable(o *mucOccupant, to string, self bool, statuses ...string) *node {
	x := el("x", xmpp.NSMUCUser).with(r.item(o, to, r.affiliation(o.sessions[0]), "none"))
	if self {
		statuses = append([]string{"110"}, statuses...)
	}
	for _, s := range statuses {
		x.with(el("status", "", "code", s))
	}
	return el("presence", "", "from", r.jid+"/"+o.nick, "type", "unavailable").with(x)
}

// broadcast tells everybody how an occupant is now.
func (r *mucRoom) broadcast(o *mucOccupant) {
	for _, other := range r.occupants {
		for _, s := range other.sessions {
			if other == o {
				r.m.send(r.available(o, s, "110"), s)
			} else {
				r.m.send(r.available(o, s), s)
			}
		}
	}
}

// leave is §7.14; remove ends one session for a reason. Others hear of it when the nick's last session goes; an empty room
// that isn't persistent is forgotten.
func (r *mucRoom) leave(o *mucOccupant, full string, n *node) {
	r.drop(o, full, n.child("status", ""))
}

func (r *mucRoom) remove(o *mucOccupant, full string, statuses ...string) {
	r.drop(o, full, nil, statuses...)
}

func (r *mucRoom) drop(o *mucOccupant, full string, text *node, statuses ...string) {
	if text != nil {
		text = el("status", "").said(text.text)
	}
	o.sessions = append(slices.DeleteFunc(o.sessions, func(s string) bool { return s == full }), full) // he is the one that items name
	r.m.send(r.unavailable(o, full, true, statuses...).with(text), full)
	if len(o.sessions) == 1 {
		for _, other := range r.occupants {
			for _, s := range other.sessions {
				if other != o {
					r.m.send(r.unavailable(o, s, false, statuses...).with(text), s)
				}
			}
		}
		r.occupants = slices.DeleteFunc(r.occupants, func(x *mucOccupant) bool { return x == o })
	} else {
		o.sessions = slices.DeleteFunc(o.sessions, func(s string) bool { return s == full })
	}
	if len(r.occupants) == 0 && r.config["muc#roomconfig_persistentroom"] != "1" {
		delete(r.m.rooms, r.jid)
	}
}
