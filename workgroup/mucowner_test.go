package workgroup

import (
	"slices"

	"usher/xmpp"
)

// owner is §10.1-10.2 and §10.9.
func (r *mucRoom) owner(n, q *node) {
	switch destroy, form := q.child("destroy", xmpp.NSMUCOwner), q.child("x", "jabber:x:data"); {
	case destroy != nil:
		if !r.m.failing("destroy", n) {
			r.destroy(n, destroy)
		}
	case n.attr("type") == "get":
		if !r.m.failing("form", n) {
			r.m.result(n, el("query", xmpp.NSMUCOwner).with(r.form()))
		}
	case form == nil:
		r.m.refuse(n, "bad-request")
	case form.attr("type") == "cancel":
		if r.locked {
			delete(r.m.rooms, r.jid)
		}
		r.m.result(n, nil)
	case !r.m.failing("submit", n):
		r.submit(n, form)
	}
}

func (r *mucRoom) form() *node {
	x := el("x", "jabber:x:data", "type", "form").with(el("title", "").said("Configuration"),
		el("field", "", "type", "hidden", "var", "FORM_TYPE").with(el("value", "").said("http://jabber.org/protocol/muc#roomconfig")))
	for _, f := range r.m.like.fields {
		x.with(el("field", "", "type", f.typ, "var", f.name, "label", f.name).with(el("value", "").said(r.config[f.name])))
	}
	return x
}

func (r *mucRoom) submit(n, form *node) {
	set := map[string]string{}
	for _, f := range form.kids {
		name, value := f.attr("var"), ""
		if v := f.child("value", "jabber:x:data"); v != nil {
			value = v.text
		}
		offered := slices.ContainsFunc(r.m.like.fields, func(o mucField) bool { return o.name == name })
		switch {
		case offered && name == r.m.like.stuck:
		case offered:
			set[name] = value
		case r.m.like.strict && name != "FORM_TYPE":
			r.m.refuse(n, "bad-request")
			return
		}
	}
	for name, value := range set {
		r.config[name] = value
	}
	r.locked = false
	if r.config["muc#roomconfig_membersonly"] == "1" { // §9.4: those who aren't members are removed
		for _, o := range slices.Clone(r.occupants) {
			if r.affiliation(o.sessions[0]) == "none" {
				for _, s := range slices.Clone(o.sessions) {
					r.remove(o, s, "322")
				}
			}
		}
	}
	r.m.result(n, nil)
	for _, o := range r.occupants { // §10.2.1
		for _, s := range o.sessions {
			r.m.send(el("message", "", "from", r.jid, "type", "groupchat").with(
				el("x", xmpp.NSMUCUser).with(el("status", "", "code", "104"))), s)
		}
	}
}

func (r *mucRoom) destroy(n, destroy *node) {
	for _, o := range r.occupants {
		for _, s := range o.sessions {
			p := el("presence", "", "from", r.jid+"/"+o.nick, "type", "unavailable").with(
				el("x", xmpp.NSMUCUser).with(el("item", "", "affiliation", "none", "role", "none"), destroy))
			r.m.send(p, s)
		}
	}
	delete(r.m.rooms, r.jid)
	r.m.result(n, nil)
}

// admin is §9: affiliations by JID, roles by nick.
func (r *mucRoom) admin(n, q *node) {
	if n.attr("type") == "get" {
		list := el("query", xmpp.NSMUCAdmin)
		want := q.child("item", xmpp.NSMUCAdmin)
		for jid, a := range r.affil {
			if want != nil && a == want.attr("affiliation") {
				list.with(el("item", "", "affiliation", a, "jid", jid))
			}
		}
		r.m.result(n, list)
		return
	}
	if r.m.failing("affiliation", n) {
		return
	}
	r.m.result(n, nil)
	for _, item := range q.kids {
		switch {
		case item.attr("affiliation") != "":
			r.setAffiliation(mucBare(item.attr("jid")), item.attr("affiliation"))
		case item.attr("role") == "none": // §8.2
			if o := r.nick(item.attr("nick")); o != nil {
				for _, s := range slices.Clone(o.sessions) {
					r.remove(o, s, "307")
				}
			}
		}
	}
}

func (r *mucRoom) setAffiliation(jid, affil string) {
	before := r.affiliation(jid)
	if affil == "none" {
		delete(r.affil, jid)
	} else {
		r.affil[jid] = affil
	}
	membersOnly := r.config["muc#roomconfig_membersonly"] == "1"
	for _, o := range slices.Clone(r.occupants) {
		if mucBare(o.sessions[0]) != jid {
			continue
		}
		status := ""
		switch {
		case affil == "outcast":
			status = "301"
		case affil == "none" && membersOnly: // §9.4
			status = r.m.like.removed
		}
		if status == "" {
			r.broadcast(o)
			continue
		}
		for _, s := range slices.Clone(o.sessions) {
			r.remove(o, s, status)
		}
	}
	if r.m.like.inviting && membersOnly && before == "none" && affil == "member" {
		r.m.send(el("message", "", "from", r.jid).with(el("x", xmpp.NSMUCUser).with(el("invite", "", "from", r.jid))), jid)
	}
}
