package gateway

import (
	"cmp"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"usher/workgroup"
)

// config makes the desk's configuration of ours.
func (d *desk) config() workgroup.Config {
	cfg := d.g.cfg
	c := workgroup.Config{Domain: cfg.Upstream.Desk, Rooms: cfg.Upstream.Rooms, Edge: d, Log: d.log}
	for i := range cfg.Sites {
		for j := range cfg.Sites[i].Workgroups {
			c.Groups = append(c.Groups, groupOf(cfg, &cfg.Sites[i], &cfg.Sites[i].Workgroups[j]))
		}
	}
	return c
}

func groupOf(cfg *Config, s *Site, w *Workgroup) workgroup.Group {
	g := workgroup.Group{
		Site: s.Name, Name: w.Name, Address: w.Address, Title: cmp.Or(w.Title, w.Name),
		Language: s.Language, Languages: s.Languages,
		Strategy: w.Strategy, ByLanguage: slices.Contains(w.Filters, "language"),
		BySkills: slices.Contains(w.Filters, "skills"), Sticky: slices.Contains(w.Filters, "sticky"),
		Reserve: w.Away == "reserve", MaxChats: w.MaxChats, WithOffer: w.Invite == "with-offer",
		OfferTime: w.OfferTimeout, Timers: workgroup.Timers(w.Timers),
		QueueLimit: w.Queue.Limit, Overflow: w.Queue.Overflow, Hours: hoursOf(w.Hours), Form: fieldsOf(w.Form),
		OfflineStore: w.Offline.Store, OfflineMail: w.Offline.Mail, OfflineForm: fieldsOf(w.Offline.Form),
		TranscriptMail: w.TranscriptMail, SupervisorNotice: w.SupervisorNotice, Replies: w.Replies,
		Texts:    make(map[string]map[string]string, len(s.Texts)),
		Identity: workgroup.Identity{HMACKey: []byte(s.Identity.HMACKey.Value()), Audience: s.Identity.Audience},
		Mail:     cfg.SMTP.Address != "",
	}
	for _, a := range w.Agents {
		g.Agents = append(g.Agents, workgroup.Member{JID: string(a.JID), Skills: a.Skills, Languages: a.Languages, MaxChats: a.MaxChats})
	}
	for _, jid := range w.Supervisors {
		g.Supervisors = append(g.Supervisors, string(jid))
	}
	for key, text := range s.Texts {
		g.Texts[key] = text
	}
	for _, k := range s.Identity.Ed25519Keys {
		g.Identity.Ed25519 = append(g.Identity.Ed25519, ed25519.PublicKey(k))
	}
	if s.Webhook.URL != "" {
		g.Webhook = make(map[string]bool, len(s.Webhook.Events))
		for _, e := range s.Webhook.Events {
			g.Webhook[e] = true
		}
	}
	return g
}

func fieldsOf(form []FormField) (fields []workgroup.Field) {
	for _, f := range form {
		fields = append(fields, workgroup.Field{Var: f.Var, Type: f.Type, Label: f.Label, Required: f.Required})
	}
	return fields
}

// hoursOf makes opening hours of checked ones.
func hoursOf(h *HoursConfig) *workgroup.Hours {
	if h == nil {
		return nil
	}
	zone, err := time.LoadLocation(h.Zone)
	if err != nil {
		zone = time.UTC // Load lets only zones through that are there
	}
	hours := &workgroup.Hours{Zone: zone, Holidays: make(map[string]bool, len(h.Holidays))}
	for name, spans := range h.Week {
		from, to, err := weekdayRange(name)
		if err != nil {
			continue // Load lets none through
		}
		for day := from; day <= to; day++ {
			at := (day + 1) % 7 // ours begins with Monday, time.Weekday with Sunday
			for _, s := range spans {
				hours.Week[at] = append(hours.Week[at], workgroup.Span(s))
			}
		}
	}
	for _, date := range h.Holidays {
		hours.Holidays[fmt.Sprintf("%04d-%02d-%02d", date.Year, date.Month, date.Day)] = true
	}
	return hours
}

// card is what the desk is told of a visitor; nil without a desk.
func (d *desk) card(v *visitor) *workgroup.Visitor {
	if d == nil {
		return nil
	}
	return &workgroup.Visitor{
		JID: v.full(), Site: v.site.name, Language: v.language, Since: d.g.now(),
		Address: d.storedAddress(v.site, v.stream().Info().Remote),
	}
}

// storedAddress is a network address as the site wants it stored. Hashed, an IPv6
// address counts as its network: within that it changes at its owner's will.
func (d *desk) storedAddress(s *site, a netip.Addr) string {
	switch a = a.Unmap(); s.cfg.StoreAddress {
	case "full":
		return a.WithZone("").String()
	case "hash":
		mac := hmac.New(sha256.New, d.hash)
		mac.Write([]byte(s.name + " " + d.g.gate.network(a).String()))
		return hex.EncodeToString(mac.Sum(nil)[:16])
	}
	return ""
}

// Visitors implements workgroup.Edge.
func (d *desk) Visitors(site string, limit int) []workgroup.Visitor {
	var all []workgroup.Visitor
	d.g.visitors.each(func(v *visitor) {
		if card := v.card.Load(); v.site.name == site && card != nil && !v.isWithdrawn() {
			all = append(all, *card)
		}
	})
	slices.SortFunc(all, func(a, b workgroup.Visitor) int { return b.Since.Compare(a.Since) })
	return all[:min(len(all), max(limit, 0))]
}

// Visitor implements workgroup.Edge.
func (d *desk) Visitor(bare string) (workgroup.Visitor, bool) {
	v := d.g.visitors.addressed([]byte(bare))
	if v == nil || v.isWithdrawn() {
		return workgroup.Visitor{}, false
	}
	card := v.card.Load()
	if card == nil {
		return workgroup.Visitor{}, false
	}
	return *card, true
}
