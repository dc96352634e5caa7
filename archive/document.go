package archive

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Document is a conversation in JSON, as docs/interface.md (part C) prints it: in the admin listener's answers, in exports and
// in webhooks.
type Document struct {
	ID        string            `json:"id"`
	Number    int               `json:"number"`
	Site      string            `json:"site"`
	Workgroup string            `json:"workgroup"`
	State     string            `json:"state"`
	Visitor   DocumentVisitor   `json:"visitor"`
	Question  string            `json:"question"`
	Form      map[string]string `json:"form,omitempty"`
	Asked     Stamp             `json:"asked"`
	Accepted  Stamp             `json:"accepted"`
	Closed    Stamp             `json:"closed"`
	Reason    string            `json:"reason"`
	Agents    []string          `json:"agents"`
	Rating    DocumentRating    `json:"rating"`
	Events    []DocumentEvent   `json:"events,omitzero"`
}

// Stamp is a time in JSON: RFC 3339 in UTC. None, which is "", is null there, so that nobody has to read an empty text as a time.
type Stamp string

// NewStamp writes a time; the zero time is none.
func NewStamp(t time.Time) Stamp {
	if t.IsZero() {
		return ""
	}
	return Stamp(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// MarshalJSON implements json.Marshaler.
func (s Stamp) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(s))
}

// DocumentVisitor is `visitor` in it.
type DocumentVisitor struct {
	JID      string `json:"jid"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Verified bool   `json:"verified"`
	Sub      string `json:"sub"`
	Page     string `json:"page"`
}

// DocumentRating is `rating` in it; the value is 0 if there is none.
type DocumentRating struct {
	Value int    `json:"value"`
	Text  string `json:"text"`
}

// DocumentEvent is one of `events` in it.
type DocumentEvent struct {
	Seq      int    `json:"seq"`
	Time     Stamp  `json:"time"`
	Kind     string `json:"kind"`
	From     string `json:"from"`
	Nick     string `json:"nick"`
	Role     string `json:"role"`
	Body     string `json:"body"`
	StanzaID string `json:"stanza_id"`
}

// NewDocument makes a conversation's document. With events nil it has no `events`; with none, an empty list.
func NewDocument(c Conversation, events []Event) Document {
	v := &c.Visitor
	d := Document{
		ID: c.ID, Number: c.Number, Site: c.Site, Workgroup: c.Workgroup, State: c.State,
		Visitor:  DocumentVisitor{v.JID, v.Name, v.Email, v.Verified, v.Sub, v.Page},
		Question: c.Question, Form: c.Form, Asked: NewStamp(c.Asked), Accepted: NewStamp(c.Accepted), Closed: NewStamp(c.Closed), Reason: c.Reason,
		Agents: append([]string{}, c.Agents...), Rating: DocumentRating{c.Rating, c.RatingText},
	}
	if events != nil {
		d.Events = make([]DocumentEvent, 0, len(events))
	}
	for _, e := range events {
		d.Events = append(d.Events, DocumentEvent{e.Seq, NewStamp(e.Time), e.Kind, e.From, e.Nick, e.Role, e.Body, e.StanzaID})
	}
	return d
}

// WriteText writes a conversation for people: who, when, what came of it, then its events.
func WriteText(w io.Writer, c Conversation, events []Event) error {
	b := bufio.NewWriter(w)
	state := c.State
	if c.Reason != "" {
		state += " (" + c.Reason + ")"
	}
	fmt.Fprintf(b, "Conversation #%d %s\n", c.Number, c.ID)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "%-10s %s\n", name+":", indented(value, 11))
		}
	}
	field("Workgroup", c.Site+"/"+c.Workgroup)
	field("State", state)
	field("Visitor", visitorLine(&c.Visitor))
	field("Page", c.Visitor.Page)
	field("Asked", clock(c.Asked))
	field("Accepted", clock(c.Accepted))
	field("Closed", clock(c.Closed))
	field("Agents", strings.Join(c.Agents, ", "))
	field("Question", c.Question)
	if c.Rating > 0 {
		field("Rating", strings.TrimSpace(fmt.Sprintf("%d of 5 %s", c.Rating, c.RatingText)))
	}
	b.WriteByte('\n')
	if err := WriteEvents(b, events); err != nil {
		return err
	}
	return b.Flush()
}

// WriteEvents writes the events of a transcript for people, one after the other. What the transcript lacks (a `gap`) is shown.
func WriteEvents(w io.Writer, events []Event) error {
	b := bufio.NewWriter(w)
	for _, e := range events {
		nick := Printable(e.Nick)
		if nick == "" {
			nick = Printable(e.From)
		}
		body := indented(e.Body, 21)
		var line string
		switch e.Kind {
		case KindMessage:
			line = nick + ": " + body
		case "join":
			line = "* " + nick + " has come in"
		case "leave":
			line = "* " + nick + " has left"
		case KindNote:
			line = "* note by " + nick + ": " + body
		case "gap":
			line = "* something is missing here"
		default:
			line = "* " + e.Kind
			if nick != "" {
				line += ", " + nick
			}
		}
		if e.Kind != KindMessage && e.Kind != KindNote && body != "" {
			line += ": " + body
		}
		fmt.Fprintf(b, "%s  %s\n", e.Time.UTC().Format(time.DateTime), line)
	}
	return b.Flush()
}

func visitorLine(v *Person) string {
	line := v.Name
	if v.Email != "" {
		line += " <" + v.Email + ">"
	}
	if v.Verified {
		line += " (verified)"
	}
	if v.Sub != "" {
		line += " " + v.Sub
	}
	return strings.TrimSpace(line + " " + v.JID)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime) + " UTC"
}

// indented makes text safe for a terminal, and its further lines start behind the first one's, so that none can pass for an event of its own.
func indented(text string, by int) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimRight(text, "\r\n"))
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i])
	}
	return strings.Join(lines, "\n"+strings.Repeat(" ", by))
}

// Printable replaces what a terminal might obey, line ends among it, and what would change the order of letters around it.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
