package workgroup

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The offer as an agent sees it: docs/interface.md B.6, and XEP-0142 §4.2.5 for clients that know it.

// newID makes an id for a stanza or an ad-hoc session: 128 random bits.
func newID() string { return strings.ToLower(rand.Text()) }

const (
	nsCorrect       = "urn:xmpp:message-correct:0"
	nsQuickResponse = "urn:xmpp:tmp:quick-response"
)

// What an offer shows of what the visitor wrote, in bytes.
const (
	mostQuestion = 1500
	mostExtra    = 200 // a form's other field
	mostExtras   = 6   // such fields
)

// offered shows an offer to the agent. The message goes to his bare JID, so that all his devices ring, and is an ordinary one:
// no headline, no hint against storing, else phones never show it.
func (o *offer) offered() {
	if o.id == "" {
		o.id = newID()
	}
	m := o.group.message(o.agent.jid, o.text())
	m.set("id", o.id)
	n := strconv.Itoa(o.conv.Number)
	o.group.d.send(m.with(quickResponse("accept "+n, "Accept"), quickResponse("decline "+n, "Decline")))
	o.offerNatively()
}

// quickResponse is a button that says a word, for clients that know it; others show the text alone (XEP-0439 §4.1).
func quickResponse(word, label string) *node {
	return el("response", nsQuickResponse, "value", word, "label", label)
}

// ended corrects that message (XEP-0308 §4) when the offer is over, and revokes it natively. how: accepted, taken by NAME, lapsed,
// declined, visitor left.
func (o *offer) ended(how string) {
	m := o.group.message(o.agent.jid, o.conv.headline()+"\n"+how)
	o.group.d.send(m.with(el("replace", nsCorrect, "id", o.id)))
	o.revokeNatively(how)
}

// text is the offer in words.
func (o *offer) text() string {
	c := o.conv
	lines := []string{c.headline()}
	if c.pass != nil && c.agent != nil {
		lines = append(lines, "transferred from "+c.agent.name)
	}
	if q := cut(strings.TrimSpace(c.Question), mostQuestion); q != "" {
		lines = append(lines, q)
	}
	lines = append(lines, c.extras()...)
	if b := c.before(); b != "" {
		lines = append(lines, b)
	}
	return strings.Join(append(lines, "1 accept · 2 decline · "+seconds(o.until.Sub(c.d.now))), "\n")
}

// seconds is a length of time as the offer shows it: 20 s.
func seconds(l time.Duration) string {
	return strconv.Itoa(int((l+time.Second-1)/time.Second)) + " s"
}

// headline is who asks, from which page, in which language: [#17] Maria (verified) · /pricing · de.
func (c *conversation) headline() string {
	who := c.label()
	if c.Visitor.Verified {
		who += " (verified)"
	} else {
		who = unmarked(who)
	}
	parts := []string{"[#" + strconv.Itoa(c.Number) + "] " + who}
	for _, p := range []string{page(c.Visitor.Page), oneLine(c.Visitor.Language, 35)} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " · ")
}

// unmarked takes from a name that nobody vouches for what could pass for a mark of ours.
func unmarked(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("()[]{}<>·•・‧∙⋅（）［］｟｠⟨⟩❨❩﹙﹚✓✔☑✅", r) {
			return ' '
		}
		return r
	}, name)
	if name = strings.Join(strings.Fields(name), " "); name == "" {
		return "Visitor"
	}
	return name
}

// page is what of a page's address tells an agent where somebody is: the path of a URL, without query and fragment.
func page(address string) string {
	address = strings.TrimSpace(address)
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		address = address[:i]
	}
	if _, rest, ok := strings.Cut(address, "://"); ok {
		_, path, _ := strings.Cut(rest, "/")
		address = "/" + path
	}
	return oneLine(address, 120)
}

// extras are the filled-in fields of the form that stand nowhere else in the offer.
func (c *conversation) extras() []string {
	var lines []string
	for _, f := range c.home.Form {
		v := oneLine(c.Form[f.Var], mostExtra)
		if v == "" || slices.Contains([]string{"name", "question", "page"}, f.Var) {
			continue
		}
		if lines = append(lines, c.home.label(f, c.queue.Language)+": "+v); len(lines) == mostExtras {
			break
		}
	}
	return lines
}

// since is a time ago in words.
func (d *Desk) since(t time.Time) string { return span(d.now.Sub(t)) }

// before says when the visitor was here last, if he is known.
func (c *conversation) before() string {
	f, known := c.d.past.of(c.Site, &c.Visitor)
	if !known {
		return ""
	}
	name, _, _ := strings.Cut(f.Agent, "@")
	return "here before: " + plural(f.Chats, "chat") + ", the last with " + name + " " + c.d.since(f.Last) + " ago"
}
