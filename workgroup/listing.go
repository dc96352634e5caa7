package workgroup

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// What list, who and bans show: rows, which text shows as lines and a form as a table.

// table is rows of named columns.
type table struct {
	title   string
	columns []column
	rows    [][]string
	more    int // rows that were left out
}

// column is one: its name in a form, and what it's called.
type column struct{ name, label string }

// mostRows bounds each list.
const mostRows = 50

// add appends a row, as long as there is room.
func (t *table) add(cells ...string) {
	if len(t.rows) == mostRows {
		t.more++
		return
	}
	t.rows = append(t.rows, cells)
}

// said is the table as an answer; none is the text without any row.
func (t *table) said(none string) (said, error) {
	if len(t.rows) == 0 {
		return said{text: none, rows: t}, nil
	}
	lines := make([]string, 0, len(t.rows)+1)
	for _, r := range t.rows {
		r = slices.DeleteFunc(slices.Clone(r), func(cell string) bool { return cell == "" })
		lines = append(lines, strings.Join(r, " · "))
	}
	if t.more > 0 {
		lines = append(lines, "and "+strconv.Itoa(t.more)+" more")
	}
	return said{text: strings.Join(lines, "\n"), rows: t}, nil
}

// list shows the own chats; to a supervisor all that wait or run in this workgroup.
func (c *command) list() (said, error) {
	t := &table{title: "Chats", columns: []column{{"conversation", "Number"}, {"name", "Visitor"}, {"state", "State"},
		{"page", "Page"}, {"wait", "Since"}, {"agent", "Agent"}}}
	for _, conv := range c.m.visible() {
		name, agent := conv.label(), ""
		if conv.Visitor.Verified {
			name += " (verified)"
		} else {
			name = unmarked(name)
		}
		switch {
		case conv.agent != nil:
			agent = conv.agent.name
		case len(conv.offers) > 0:
			var asked []string
			for a := range conv.offers {
				asked = append(asked, a.name)
			}
			slices.Sort(asked)
			agent = strings.Join(asked, ", ") + "?"
		}
		t.add("#"+strconv.Itoa(conv.Number), name, string(conv.State), page(conv.Visitor.Page), c.d.since(conv.Asked), agent)
	}
	s, err := t.said("you have no chat")
	if c.m.supervisor && len(t.rows) == 0 {
		s.text = "nobody waits, nobody chats"
	}
	s.buttons = c.m.doors()
	if n := len(c.m.group.waiting); !c.m.supervisor && n > 0 {
		s.text += "\n" + plural(n, "visitor") + " waiting"
	}
	return s, err
}

// mostDoors bounds the buttons below a list.
const mostDoors = 8

// doors are the buttons for a supervisor to enter and to leave the chats of a list.
func (m *member) doors() []*node {
	var all []*node
	for _, conv := range m.visible() {
		if !m.supervisor || len(all) == mostDoors {
			break
		}
		word := "enter"
		if _, watching := conv.watchers[m.agent.jid]; watching {
			word = "leave"
		} else if conv.agent == m.agent || conv.room == nil || !conv.built {
			continue
		}
		n := strconv.Itoa(conv.Number)
		all = append(all, quickResponse(word+" "+n, strings.ToUpper(word[:1])+word[1:]+" #"+n))
	}
	return all
}

// visible lists the conversations that list shows to a member, the oldest first.
func (m *member) visible() []*conversation {
	var found []*conversation
	for _, conv := range m.group.d.convs {
		_, own := m.agent.chats[conv]
		if own || m.supervisor && conv.seenFrom(m.group) && conv.State != Closed && conv.State != Offline {
			found = append(found, conv)
		}
	}
	slices.SortFunc(found, func(a, b *conversation) int {
		return cmp.Or(a.Asked.Compare(b.Asked), cmp.Compare(a.Number, b.Number), strings.Compare(a.ID, b.ID))
	})
	return found
}

// who shows the visitors on the workgroup's site, and keeps the list for call.
func (c *command) who() (said, error) {
	t := &table{title: "Visitors", columns: []column{{"conversation", "Number"}, {"name", "Visitor"}, {"language", "Language"},
		{"since", "Since"}, {"state", "Chat"}}}
	c.m.seen = c.m.seen[:0]
	for _, v := range c.d.cfg.Edge.Visitors(c.m.group.Site, mostRows) {
		bare, _, _ := strings.Cut(v.JID, "/")
		c.m.seen = append(c.m.seen, bare)
		name, state := nameless(bare), ""
		if conv := c.d.visitor[bare]; conv != nil && conv.home.Site == c.m.group.Site {
			name = unmarked(conv.label())
			state = "#" + strconv.Itoa(conv.Number) + " " + string(conv.State)
		}
		t.add(strconv.Itoa(len(c.m.seen)), name, oneLine(v.Language, 35), c.d.since(v.Since), state)
	}
	return t.said("nobody is on the site")
}

// nameless is what a visitor without a name is called: by the first letters of his address, which tell him from others.
func nameless(bare string) string {
	local, _, _ := strings.Cut(bare, "@")
	return "visitor " + cut(local, 6)
}

// bans shows those that this supervisor may lift.
func (c *command) bans() (said, error) {
	t := &table{title: "Bans", columns: []column{{"id", "ID"}, {"name", "Visitor"}, {"until", "Until"}, {"by", "By"}, {"reason", "Reason"}}}
	for _, b := range c.d.bans(c.m.agent) {
		until := "for ever"
		if !b.Until.IsZero() {
			until = "for " + span(b.Until.Sub(c.d.now))
		}
		t.add(b.ID, cmp.Or(oneLine(b.Name, 60), nameless(b.Visitor)), until, b.By, oneLine(b.Reason, mostReason))
	}
	return t.said("nobody is banned")
}
