package gateway

import (
	"cmp"

	"usher/c2s"
	"usher/xmpp"
)

// site is one website, as compiled from the config; fixed.
type site struct {
	cfg         *Site
	name        string
	domain      string
	allow       allowList
	createRooms bool
	rooms       int // limits.visitor.rooms
	messages    c2s.Rate
	joins       c2s.Rate
	count       *siteCounters
	workgroups  string // as items of XEP-0030 §4
}

func newSite(cfg *Site, desk string, count *siteCounters) *site {
	return &site{
		workgroups: workgroupItems(cfg, desk),
		cfg:        cfg, name: cfg.Name, domain: cfg.Domain, allow: newAllowList(cfg.Allow),
		createRooms: cfg.CreateRooms, rooms: cfg.Limits.Visitor.Rooms,
		messages: c2s.Rate(cfg.Limits.Visitor.Messages), joins: c2s.Rate(cfg.Limits.Visitor.Joins),
		count: count,
	}
}

// workgroupItems writes the site's workgroups as disco items.
func workgroupItems(cfg *Site, desk string) string {
	var b []byte
	for i := range cfg.Workgroups {
		w := &cfg.Workgroups[i]
		b = xmpp.AppendAttr(append(b, "<item"...), "jid", []byte(w.Address+"@"+desk))
		b = append(xmpp.AppendAttr(b, "name", []byte(cmp.Or(w.Title, w.Name))), "/>"...)
	}
	return string(b)
}

// origin tells whether pages of this origin may use the site. A client that
// sends none is no browser, and the check is no protection against it.
func (s *site) origin(origin string) bool { return admits(s.cfg.Origins, origin) }

func admits(list []Origin, origin string) bool {
	if origin == "" {
		return true
	}
	for _, o := range list {
		if o.Match(origin) {
			return true
		}
	}
	return false
}

func (s *site) transport(name string) bool {
	for _, t := range s.cfg.Transports {
		if t == name {
			return true
		}
	}
	return false
}

// allowList is a site's `allow`: whom its visitors may reach, and who may reach
// them. Looking up doesn't allocate.
type allowList struct {
	visitors bool
	domains  map[string]*allowed
}

type allowed struct {
	domain bool // the domain itself
	all    bool // it and every JID in it
	locals map[string]bool
}

func newAllowList(entries []Allow) allowList {
	l := allowList{domains: make(map[string]*allowed)}
	for _, e := range entries {
		if e.Visitors {
			l.visitors = true
			continue
		}
		d := l.domains[e.Domain]
		if d == nil {
			d = &allowed{locals: make(map[string]bool)}
			l.domains[e.Domain] = d
		}
		switch e.Local {
		case "":
			d.domain = true
		case "*":
			d.all = true
		default:
			d.locals[e.Local] = true
		}
	}
	return l
}

// covers tells whether the canonical address is in the list; resources always match.
func (l *allowList) covers(local, domain []byte) bool {
	d := l.domains[string(domain)]
	switch {
	case d == nil:
		return false
	case d.all:
		return true
	case len(local) == 0:
		return d.domain
	}
	return d.locals[string(local)]
}
