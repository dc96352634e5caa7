package workgroup

import (
	"fmt"
	"strings"

	"usher/xmpp"
)

// ProbeReport is what a probe has found out about a MUC service.
type ProbeReport struct {
	Limit   int      // of occupants, as a support room has it; 0: the service has none
	Offered []string // fields of the room's form
}

// ProbeError is a probe's failure: at a step, with an error condition (RFC 6120 §8.3.3, or one of the room's faults:
// not-members-only, not-hidden, not-private, or open: a stranger got in).
type ProbeError struct {
	Step      string // service, enter, form, submit, verify, stranger, affiliation, invitation, join, destroy
	Condition string
	Text      string // the service's own words
}

func (e *ProbeError) Error() string {
	s := e.Step + ": " + e.Condition
	if e.Text != "" {
		s += " (" + e.Text + ")"
	}
	return s
}

// Probe makes a support room on the MUC service as a Desk would, with an owner, a guest and a stranger of domain, sees
// that it is as it should be, and destroys it whatever happens. send sends a stanza; receive returns the next one that came for the domain, or an error
// when none came in time, which ends the step that waits. The error is a *ProbeError.
func Probe(domain, rooms string, send func([]byte) error, receive func() ([]byte, error)) (ProbeReport, error) {
	p := &probe{
		room: newLocal() + "@" + rooms, owner: newLocal() + "@" + domain + "/usher", guest: newLocal() + "@" + domain + "/guest",
		stranger: newLocal() + "@" + domain + "/stranger", send: send, receive: receive,
	}
	err := p.run(rooms, domain)
	return p.report, err
}

type probe struct {
	room, owner, guest, stranger string

	send    func([]byte) error
	receive func() ([]byte, error)
	serial  int
	report  ProbeReport
}

func (p *probe) run(rooms, domain string) error {
	if _, err := p.iq("service", domain, rooms, "get", el("query", xmpp.NSDiscoInfo)); err != nil {
		return err
	}
	entered, err := p.enter("enter", p.owner)
	if err != nil {
		return err
	}
	if !statuses(entered)["201"] {
		return &ProbeError{Step: "enter", Condition: "conflict"}
	}
	if err := p.build(); err != nil {
		p.destroy()
		return err
	}
	return p.destroy()
}

// build sets the room up and lets the guest in, but not the stranger.
func (p *probe) build() error {
	answer, err := p.iq("form", p.owner, p.room, "get", el("query", xmpp.NSMUCOwner))
	if err != nil {
		return err
	}
	form := ownerForm(answer)
	for _, f := range form {
		p.report.Offered = append(p.report.Offered, f.name)
	}
	if _, err := p.iq("submit", p.owner, p.room, "set", submission(answerForm(form, "usher check"))); err != nil {
		return err
	}
	if answer, err = p.iq("verify", p.owner, p.room, "get", el("query", xmpp.NSMUCOwner)); err != nil {
		return err
	}
	form = ownerForm(answer)
	info, err := p.iq("verify", p.owner, p.room, "get", el("query", xmpp.NSDiscoInfo))
	if err != nil {
		return err
	}
	if fault := verify(form, info.child("query", xmpp.NSDiscoInfo)); fault != "" {
		return &ProbeError{Step: "verify", Condition: fault}
	}
	p.report.Limit = limitOf(form)
	if _, err := p.enter("stranger", p.stranger); err == nil {
		return &ProbeError{Step: "stranger", Condition: "open"}
	}
	if _, err := p.iq("affiliation", p.owner, p.room, "set", affiliation(bareOf(p.guest), "member")); err != nil {
		return err
	}
	return p.invite()
}

// invite has the guest invited through the room, and lets him come.
func (p *probe) invite() error {
	n := el("message", "", "from", p.owner, "to", p.room, "id", p.id()).with(
		el("x", xmpp.NSMUCUser).with(el("invite", "", "to", bareOf(p.guest))))
	_, err := p.until("invitation", n, func(n *node) bool {
		return n.name == "message" && n.child("x", xmpp.NSMUCUser).child("invite", xmpp.NSMUCUser) != nil
	})
	if err != nil {
		return err
	}
	_, err = p.enter("join", p.guest)
	return err
}

func (p *probe) destroy() error {
	_, err := p.iq("destroy", p.owner, p.room, "set", el("query", xmpp.NSMUCOwner).with(el("destroy", "")))
	return err
}

func (p *probe) id() string {
	p.serial++
	return fmt.Sprintf("check-%s-%d", p.room[2:10], p.serial)
}

// until sends a stanza and waits for what answers it, or for the error that it comes back with.
func (p *probe) until(step string, n *node, is func(*node) bool) (*node, error) {
	if err := p.send(n.append(nil, "")); err != nil {
		return nil, &ProbeError{step, "remote-server-timeout", err.Error()}
	}
	for {
		b, err := p.receive()
		if err != nil {
			return nil, &ProbeError{step, "remote-server-timeout", ""}
		}
		got, err := parse(b)
		switch {
		case err != nil:
		case got.attr("type") == "error" && got.attr("id") == n.attr("id"):
			e := &ProbeError{Step: step, Condition: errorOf(got)}
			if t := got.child("error", "").child("text", xmpp.NSStanzaErrors); t != nil {
				e.Text = strings.TrimSpace(t.text)
			}
			return nil, e
		case is(got):
			return got, nil
		}
	}
}

func (p *probe) iq(step, from, to, typ string, payload *node) (*node, error) {
	n := el("iq", "", "from", from, "to", to, "type", typ, "id", p.id()).with(payload)
	return p.until(step, n, func(got *node) bool {
		return got.name == "iq" && got.attr("id") == n.attr("id") && got.attr("type") == "result"
	})
}

// enter joins the room; its answer is the occupant's own presence.
func (p *probe) enter(step, full string) (*node, error) {
	n := el("presence", "", "from", full, "to", p.room+"/"+resourceOf(full), "id", p.id()).with(el("x", xmpp.NSMUC))
	return p.until(step, n, func(got *node) bool {
		return got.name == "presence" && got.attr("to") == full && got.attr("type") == "" && statuses(got)["110"]
	})
}
