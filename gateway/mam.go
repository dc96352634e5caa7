package gateway

import (
	"context"
	"encoding/xml"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/archive"
	"usher/xmpp"
)

const (
	nsMAM  = "urn:xmpp:mam:2"
	nsRSM  = "http://jabber.org/protocol/rsm"
	nsForm = "jabber:x:data"

	mamPage     = 50               // messages of a page where the query doesn't say
	mamMost     = 200              // of any page
	mamTogether = 4                // queries at a time
	mamTime     = 20 * time.Second // of one query
)

// history answers queries of supervisors for the transcripts of their workgroup (XEP-0313), addressed to the workgroup.
// It reads what is committed, beside the desk and without it.
type history struct {
	d           *desk
	archive     *archive.Archive
	slots       chan struct{}
	shelves     map[string]shelf           // by the workgroup's localpart
	supervisors map[string]map[string]bool // by localpart, then bare JID
}

// shelf is where a workgroup's conversations are in the archive.
type shelf struct{ site, workgroup string }

func newHistory(d *desk, a *archive.Archive) *history {
	h := &history{d: d, archive: a, slots: make(chan struct{}, mamTogether),
		shelves: make(map[string]shelf), supervisors: make(map[string]map[string]bool)}
	for i := range d.g.cfg.Sites {
		s := &d.g.cfg.Sites[i]
		for j := range s.Workgroups {
			w := &s.Workgroups[j]
			h.shelves[w.Address] = shelf{s.Name, w.Name}
			h.supervisors[w.Address] = make(map[string]bool)
			for _, jid := range w.Supervisors {
				h.supervisors[w.Address][string(jid)] = true
			}
		}
	}
	return h
}

// isHistory tells whether a stanza asks for an archive.
func isHistory(e *xmpp.Element) bool {
	return e.Kind == xmpp.IQ && isRequest(e) && string(e.Child.Space) == nsMAM
}

// take answers a request from upstream to a workgroup; false: it isn't for this. It never blocks: the archive is read on a
// goroutine of its own, of which there are few.
func (h *history) take(from *home, e *xmpp.Element) bool {
	if h == nil || !isHistory(e) {
		return false
	}
	local, _, _ := xmpp.SplitJID(e.To)
	at, ok := h.shelves[string(local)]
	if !ok {
		return false
	}
	if !h.supervisors[string(local)][string(xmpp.Bare(e.From))] { // XEP-0313 §8.1
		from.answer(e, errForbidden)
		return true
	}
	select {
	case h.slots <- struct{}{}:
	default:
		from.answer(e, errQueries)
		return true
	}
	hd := xmpp.Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID}
	q := &mamRequest{h: h, home: from, at: at, raw: e.Append(nil, xmpp.Component, &hd), to: string(e.From), from: string(e.To),
		id: string(e.ID), set: string(e.Type) == "set", name: string(e.Child.Local)}
	h.d.g.spawn(func() { // ends after mamTime and the link's patience, or with the gateway
		defer func() { <-h.slots }()
		q.answer()
	})
	return true
}

// mamRequest is one request while it is answered.
type mamRequest struct {
	h            *history
	home         *home
	at           shelf
	raw          []byte
	to, from, id string // of the answer
	set          bool
	name         string // of the child
}

// answer answers it, with whatever comes of it.
func (q *mamRequest) answer() {
	ctx, cancel := context.WithTimeout(q.h.d.g.ctx, mamTime)
	defer cancel()
	var se *xmpp.StanzaError
	switch {
	case q.set && q.name == "query":
		se = q.query(ctx)
	case !q.set && q.name == "query":
		q.result(mamForm())
	case !q.set && q.name == "metadata":
		se = q.metadata(ctx)
	default: // XEP-0441's preferences among them: everything is kept
		se = errNotImplemented
	}
	if se != nil {
		asked := xmpp.Element{Kind: xmpp.IQ, ID: []byte(q.id)}
		q.send(se.AppendReply(nil, &asked, xmpp.Component, []byte(q.from), []byte(q.to)))
	}
}

// mamQuery is a query as it is sent (XEP-0313 §4, XEP-0059 §2).
type mamQuery struct {
	QueryID string `xml:"queryid,attr"`
	Node    string `xml:"node,attr"`
	Form    *struct {
		Fields []struct {
			Var    string   `xml:"var,attr"`
			Values []string `xml:"value"`
		} `xml:"field"`
	} `xml:"jabber:x:data x"`
	Set struct {
		Max    *string `xml:"max"`
		After  *string `xml:"after"`
		Before *string `xml:"before"`
		Index  *string `xml:"index"`
	} `xml:"http://jabber.org/protocol/rsm set"`
	Flip *struct{} `xml:"flip-page"`
}

// readQuery makes a page of the archive of it.
func readQuery(raw []byte) (m mamQuery, p archive.PageQuery, se *xmpp.StanzaError) {
	var iq struct {
		Query mamQuery `xml:"urn:xmpp:mam:2 query"`
	}
	if err := xml.Unmarshal(raw, &iq); err != nil {
		return m, p, errBadRequest
	}
	m = iq.Query
	p.Max = mamPage
	if m.Node != "" {
		return m, p, errNotFound
	}
	if m.Form != nil {
		for _, f := range m.Form.Fields {
			if se := readField(&p, f.Var, f.Values); se != nil {
				return m, p, se
			}
		}
	}
	if m.Set.Index != nil { // XEP-0059 §2.6: optional
		return m, p, errNotImplemented
	}
	if m.Set.Max != nil {
		n, err := strconv.Atoi(strings.TrimSpace(*m.Set.Max))
		if err != nil || n < 0 {
			return m, p, errBadRequest
		}
		p.Max = min(n, mamMost)
	}
	if m.Set.After != nil {
		p.After = *m.Set.After
	}
	if m.Set.Before != nil { // XEP-0059 §2.5: empty, it means the last page
		p.Before, p.Last = *m.Set.Before, *m.Set.Before == ""
	}
	return m, p, nil
}

// readField reads one field of the form (XEP-0313 §4.1).
func readField(p *archive.PageQuery, name string, values []string) *xmpp.StanzaError {
	value := ""
	if len(values) > 0 {
		value = strings.TrimSpace(values[0])
	}
	var err error
	switch name {
	case "FORM_TYPE":
		if value != nsMAM {
			return errBadRequest
		}
	case "with":
		var jid []byte
		if jid, err = xmpp.CanonJID([]byte(value)); err == nil {
			p.With = string(xmpp.Bare(jid))
		}
	case "start": // XEP-0082 §3.2 is RFC 3339 with fewer freedoms
		p.Start, err = time.Parse(time.RFC3339, value)
	case "end":
		p.End, err = time.Parse(time.RFC3339, value)
	case "after-id":
		p.AfterID = value
	case "before-id":
		p.BeforeID = value
	case "ids":
		p.IDs = values
	default: // XEP-0313 §4.1.5
		return errNotImplemented
	}
	if err != nil {
		return errBadRequest
	}
	return nil
}

// mamForm names the fields there are (XEP-0313 §4.1.5).
func mamForm() string {
	b := "<query xmlns='" + nsMAM + "'><x xmlns='" + nsForm + "' type='form'><field type='hidden' var='FORM_TYPE'><value>" + nsMAM + "</value></field>"
	for _, f := range [...][2]string{{"jid-single", "with"}, {"text-single", "start"}, {"text-single", "end"},
		{"text-single", "before-id"}, {"text-single", "after-id"}} {
		b += "<field type='" + f[0] + "' var='" + f[1] + "'/>"
	}
	return b + "<field type='list-multi' var='ids'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/></validate></field></x></query>"
}

// page reads a page; what goes wrong is told in XEP-0313's terms.
func (q *mamRequest) page(ctx context.Context, p archive.PageQuery) (archive.Page, *xmpp.StanzaError) {
	p.Site, p.Workgroup = q.at.site, q.at.workgroup
	page, err := q.h.archive.Page(ctx, p)
	switch {
	case errors.Is(err, archive.ErrNotFound): // XEP-0313 §4.3.2: a UID that isn't there
		return page, errNotFound
	case errors.Is(err, archive.ErrFilter):
		return page, errBadRequest
	case err != nil:
		q.h.d.log.Error("the archive can't be read", "site", q.at.site, "workgroup", q.at.workgroup, "err", err)
		return page, errUnreadable
	}
	return page, nil
}

// query sends one page of messages, and then what it was.
func (q *mamRequest) query(ctx context.Context) *xmpp.StanzaError {
	m, p, se := readQuery(q.raw)
	if se != nil {
		return se
	}
	page, se := q.page(ctx, p)
	if se != nil {
		return se
	}
	first, last := "", ""
	if n := len(page.Messages); n > 0 {
		first, last = page.Messages[0].UID(), page.Messages[n-1].UID()
	}
	if m.Flip != nil { // XEP-0313 §4.3.4: only the order of sending changes
		slices.Reverse(page.Messages)
	}
	for i := range page.Messages {
		if ctx.Err() != nil {
			return errUnreadable
		}
		q.send(q.message(&page.Messages[i], m.QueryID))
	}
	fin := []byte("<fin xmlns='" + nsMAM + "'")
	if page.Complete {
		fin = append(fin, " complete='true'"...)
	}
	fin = append(fin, "><set xmlns='"+nsRSM+"'>"...)
	if first != "" {
		fin = append(fin, "<first index='"+strconv.Itoa(page.Index)+"'>"...)
		fin = xmpp.AppendText(fin, []byte(first))
		fin = append(fin, "</first><last>"...)
		fin = xmpp.AppendText(fin, []byte(last))
		fin = append(fin, "</last>"...)
	}
	fin = append(fin, "<count>"+strconv.Itoa(page.Count)+"</count></set></fin>"...)
	q.result(string(fin))
	return nil
}

// message is one result: a room's message as the room would give it from its own archive, with the sender's address
// (XEP-0313 §6.1.2); the conversation is its thread.
func (q *mamRequest) message(m *archive.Message, queryID string) []byte {
	b := q.open("message", "")
	b = append(b, "><result xmlns='"+nsMAM+"'"...)
	b = attrIf(b, "queryid", queryID)
	b = attrIf(b, "id", m.UID())
	b = append(b, "><forwarded xmlns='"+xmpp.NSForward+"'><delay xmlns='"+xmpp.NSDelay+"'"...)
	b = attrIf(b, "stamp", m.Time.UTC().Format("2006-01-02T15:04:05.000000Z"))
	b = append(b, "/><message xmlns='"+xmpp.NSClient+"'"...)
	if m.Room == "" { // left while nobody was there
		b = attrIf(b, "type", "chat")
		b = attrIf(b, "from", m.From)
	} else {
		b = attrIf(b, "type", "groupchat")
		b = attrIf(b, "from", m.Room+"/"+m.Nick)
	}
	b = append(b, "><body>"...)
	b = xmpp.AppendText(b, []byte(m.Body))
	b = append(b, "</body><thread>"...)
	b = xmpp.AppendText(b, []byte(m.Conversation))
	b = append(b, "</thread>"...)
	if m.Room != "" && m.From != "" {
		b = append(b, "<x xmlns='"+xmpp.NSMUCUser+"'><item affiliation='member' role='participant'"...)
		b = attrIf(b, "jid", m.From)
		b = append(b, "/></x>"...)
	}
	return append(b, "</message></forwarded></result></message>"...)
}

// metadata tells of the first and the last message (XEP-0313 §5).
func (q *mamRequest) metadata(ctx context.Context) *xmpp.StanzaError {
	b := []byte("<metadata xmlns='" + nsMAM + "'>")
	for _, end := range [...]struct {
		name string
		last bool
	}{{"start", false}, {"end", true}} {
		page, se := q.page(ctx, archive.PageQuery{Max: 1, Last: end.last})
		if se != nil {
			return se
		}
		for i := range page.Messages {
			b = append(b, "<"+end.name...)
			b = attrIf(b, "id", page.Messages[i].UID())
			b = attrIf(b, "timestamp", page.Messages[i].Time.UTC().Format("2006-01-02T15:04:05.000000Z"))
			b = append(b, "/>"...)
		}
	}
	q.result(string(append(b, "</metadata>"...)))
	return nil
}

// open begins a stanza to the one who asked, without the end of its start tag.
func (q *mamRequest) open(name, typ string) []byte {
	b := append([]byte{'<'}, name...)
	b = attrIf(b, "type", typ)
	b = attrIf(b, "from", q.from)
	b = attrIf(b, "to", q.to)
	if name == "iq" {
		b = attrIf(b, "id", q.id)
	}
	return b
}

func attrIf(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return xmpp.AppendAttr(b, name, []byte(value))
}

func (q *mamRequest) result(payload string) {
	b := append(q.open("iq", "result"), '>')
	q.send(append(append(b, payload...), "</iq>"...))
}

// send waits, bounded, while the link is busy; what a lost link doesn't take is asked for again by whoever wants it.
func (q *mamRequest) send(b []byte) {
	if err := q.home.sendRaw(b, true); err != nil {
		q.h.d.g.count.drop(DropDeskLink)
	}
}
