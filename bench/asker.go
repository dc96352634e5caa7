package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"usher/xmpp"
)

// asker is a visitor who asks for help, over WebSocket.
type asker struct{ wsClient }

// Lines of the chat.
const (
	question = "Where is my parcel?"
	answer   = "On its way."
)

// support is one request from asking to leaving: XEP-0142's join-queue, the invitation followed, a line said, an answer heard.
func (p *asker) support(group string, due time.Time) outcome {
	o := outcome{due: due}
	w := newWorker()
	w.r.Reset(p.c)
	p.c.SetDeadline(time.Now().Add(step))
	o.err = p.say(w, "<iq xmlns='jabber:client' type='set' id='ask' to='"+group+"'><join-queue xmlns='http://jabber.org/protocol/workgroup'>"+
		"<x xmlns='jabber:x:data' type='submit'><field var='question'><value>"+question+"</value></field></x></join-queue></iq>")
	scan := xmpp.NewScanner(xmpp.Limits{})
	for o.err == nil && o.end.IsZero() {
		op, b, err := w.frame()
		switch {
		case err != nil:
			o.err = err
		case op == 9: // RFC 6455 §5.5.2
			o.err = p.pong(w, string(b))
		case op == 1:
			e, err := scan.One(b)
			if err != nil {
				o.err = err
				break
			}
			o.err = p.hear(w, e, &o)
		default:
			o.err = fmt.Errorf("a frame of type %d", op)
		}
	}
	if o.err == nil {
		o.err = p.say(w, "<presence xmlns='jabber:client' type='unavailable' to='"+o.room+"/visitor'/>")
	}
	return o
}

// hear does what follows from a stanza.
func (p *asker) hear(w *worker, e *xmpp.Element, o *outcome) error {
	_, _, nick := xmpp.SplitJID(e.From)
	switch {
	case e.Kind == xmpp.IQ && string(e.ID) == "ask" && string(e.Type) == "error":
		return fmt.Errorf("refused: %s", condition(e.Inner))
	case e.Kind == xmpp.Message && bytes.Contains(e.Inner, []byte("<conversation")) && bytes.Contains(e.Inner, []byte("closed")):
		return errors.New("closed by the desk")
	case e.Kind == xmpp.Message && o.room == "" && bytes.Contains(e.Inner, []byte("<invite")):
		o.room = string(e.From)
		return p.say(w, "<presence xmlns='jabber:client' to='"+o.room+"/visitor'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
	case o.room == "" || string(xmpp.Bare(e.From)) != o.room || !isAgent(nick):
		return nil
	case e.Kind == xmpp.Presence && len(e.Type) == 0 && o.met.IsZero():
		o.met = time.Now()
		return p.say(w, "<message xmlns='jabber:client' type='groupchat' id='q' to='"+o.room+"'><body>"+question+"</body></message>")
	case e.Kind == xmpp.Message && string(e.Type) == "groupchat" && bytes.Contains(e.Inner, []byte(answer)):
		o.end = time.Now()
	}
	return nil
}

// isAgent tells agents' nicks from the others': they are agent-1 to agent-N.
func isAgent(nick []byte) bool { return strings.HasPrefix(string(nick), "agent-") }

func (p *asker) say(w *worker, stanza string) error {
	w.buf = appendFrame(w.buf[:0], stanza)
	_, err := p.c.Write(w.buf)
	return err
}

func (p *asker) pong(w *worker, payload string) error {
	w.buf = appendFrame(w.buf[:0], payload)
	w.buf[0] = 0x8a
	_, err := p.c.Write(w.buf)
	return err
}

// condition finds the name of an error's first condition.
func condition(inner []byte) string {
	_, rest, _ := strings.Cut(string(inner), "<error")
	_, rest, _ = strings.Cut(rest, "<")
	end := strings.IndexAny(rest, " />")
	return rest[:max(0, end)]
}
