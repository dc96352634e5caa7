package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"usher/archive"
)

// call is the body of a webhook's call (docs/interface.md, C).
type call struct {
	Event        string           `json:"event"`
	Site         string           `json:"site"`
	Workgroup    string           `json:"workgroup"`
	Time         string           `json:"time"`
	Conversation archive.Document `json:"conversation"`
}

// call makes the body for a notice.
func (s *Sender) call(p archive.Pending) (call, error) {
	c, events, err := s.conversation(p)
	return call{Event: p.Event, Site: p.Site, Workgroup: p.Workgroup, Time: p.Time.UTC().Format(time.RFC3339),
		Conversation: archive.NewDocument(c, events)}, err
}

// conversation is what a notice is about. Of one that was erased meanwhile there is nothing to tell.
func (s *Sender) conversation(p archive.Pending) (archive.Conversation, []archive.Event, error) {
	c, events, err := s.store.Get(p.Conversation)
	if errors.Is(err, archive.ErrNotFound) {
		err = fmt.Errorf("%w: %w", errGone, err)
	}
	return c, events, err
}

// mail sends one notice by mail.
func (s *Sender) mail(ctx context.Context, p archive.Pending) error {
	if s.cfg.SMTP.Address == "" {
		return fmt.Errorf("%w: no mail server is configured", errGone)
	}
	sender, err := mail.ParseAddress(s.cfg.SMTP.From)
	if err != nil {
		return fmt.Errorf("%w: smtp.from: %w", errGone, err)
	}
	l := letter{from: *sender, date: p.Time, id: fmt.Sprintf("%s.%s.%d", p.Conversation, p.Event, p.ID)}
	var to []string
	for _, m := range p.Mail {
		if a, ok := address(m); ok {
			l.to = append(l.to, a)
			to = append(to, a.Address)
		}
	}
	if len(to) == 0 {
		return fmt.Errorf("%w: no address is one", errGone)
	}
	c, events, err := s.conversation(p)
	if err != nil {
		return err
	}
	if p.Event == "transcript" {
		s.transcript(&l, p, c, events)
	} else {
		s.offline(&l, p, c, events)
	}
	return s.cfg.SMTP.send(ctx, s.cfg.Dial, sender.Address, to, l.write())
}

// offline writes to the site's people what a visitor has left for them. An answer goes to the visitor.
func (s *Sender) offline(l *letter, p archive.Pending, c archive.Conversation, events []archive.Event) {
	v := &c.Visitor
	l.lang = s.cfg.Languages[p.Site]
	text := func(key string, args ...string) string { return s.text(p.Site, key, l.lang, args...) }
	l.subject = text("mail_offline", p.Site, cmp.Or(v.Name, v.Email, text("mail_visitor")))
	if a, ok := address(v.Email); ok {
		l.reply = &a
	}
	var b strings.Builder
	b.WriteString(c.Question + "\n")
	for _, e := range events {
		if e.Kind == archive.KindMessage && e.Body != c.Question {
			b.WriteString(e.Body + "\n")
		}
	}
	b.WriteString("\n-- \n")
	field := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", text(key), oneLine(value, 500))
		}
	}
	name := v.Name
	if v.Verified && name != "" {
		name += " (" + text("mail_verified") + ")"
	}
	field("mail_name", name)
	field("mail_email", v.Email)
	field("mail_phone", v.Phone)
	field("mail_page", v.Page)
	field("mail_id", c.ID)
	l.body = b.String()
}

// transcript writes to the visitor what he and the site's people have said. Notes are none of his, nor what the others have said behind
// a `!` (docs/decisions/0034-words-behind-a-mark.md).
func (s *Sender) transcript(l *letter, p archive.Pending, c archive.Conversation, events []archive.Event) {
	l.lang = cmp.Or(c.Visitor.Language, s.cfg.Languages[p.Site])
	l.subject = s.text(p.Site, "mail_transcript", l.lang, p.Site)
	var b strings.Builder
	b.WriteString(s.text(p.Site, "mail_transcript_text", l.lang, p.Site, c.Asked.UTC().Format("2006-01-02 15:04 UTC")) + "\n\n")
	for _, e := range events {
		aside := e.Role != "visitor" && strings.HasPrefix(strings.TrimSpace(e.Body), "!")
		if e.Kind == archive.KindMessage && !aside {
			body := strings.ReplaceAll(manyLines(strings.TrimRight(e.Body, "\n")), "\n", "\n        ")
			fmt.Fprintf(&b, "%s  %s: %s\n", e.Time.UTC().Format("15:04"), oneLine(e.Nick, 100), body)
		}
	}
	l.body = b.String()
}
