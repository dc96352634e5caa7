package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"usher/bench/load"
	"usher/xmpp"
)

// Lines of a support chat.
const (
	question = "Where is my parcel?"
	answer   = "On its way."
)

// outcome is one request's fate.
type outcome struct {
	room          string
	due, met, end time.Time // when it was due; when both were in the room; when the answer to the line was there
	err           error
}

// asker is a visitor who asks for help.
type asker struct {
	s    *load.Session
	scan *xmpp.Scanner
	o    outcome
}

// support is one request from asking to leaving: XEP-0142's join-queue, the invitation followed, a line said, an answer heard.
func (s *supporting) support(session *load.Session, due time.Time) outcome {
	a := &asker{s: session, scan: xmpp.NewScanner(xmpp.Limits{}), o: outcome{due: due}}
	w := load.NewWorker()
	a.o.err = a.request(w, s.group)
	return a.o
}

func (a *asker) request(w *load.Worker, group string) error {
	err := a.say(w, "<iq xmlns='jabber:client' type='set' id='ask' to='"+group+"'><join-queue xmlns='http://jabber.org/protocol/workgroup'>"+
		"<x xmlns='jabber:x:data' type='submit'><field var='question'><value>"+question+"</value></field></x></join-queue></iq>")
	if err != nil {
		return err
	}
	if err := a.until(w, a.invited); err != nil {
		return err
	}
	if err := a.say(w, "<presence xmlns='jabber:client' to='"+a.o.room+"/visitor'><x xmlns='http://jabber.org/protocol/muc'/></presence>"); err != nil {
		return err
	}
	if err := a.until(w, func(e *xmpp.Element) (bool, error) {
		return a.agents(e) && e.Kind == xmpp.Presence && len(e.Type) == 0, nil
	}); err != nil {
		return err
	}
	a.o.met = time.Now()
	if err := a.say(w, "<message xmlns='jabber:client' type='groupchat' id='q' to='"+a.o.room+"'><body>"+question+"</body></message>"); err != nil {
		return err
	}
	if err := a.until(w, func(e *xmpp.Element) (bool, error) {
		return a.agents(e) && e.Kind == xmpp.Message && string(e.Type) == "groupchat" && bytes.Contains(e.Inner, []byte(answer)), nil
	}); err != nil {
		return err
	}
	a.o.end = time.Now()
	return a.say(w, "<presence xmlns='jabber:client' type='unavailable' to='"+a.o.room+"/visitor'/>")
}

func (a *asker) say(w *load.Worker, stanza string) error { return a.s.Send(w, []byte(stanza)) }

// until reads until hear is content, or the request has failed.
func (a *asker) until(w *load.Worker, hear func(e *xmpp.Element) (bool, error)) error {
	var failed error
	err := a.s.Until(w, func(stanza []byte) (done bool) {
		e, err := a.scan.One(stanza)
		switch {
		case err != nil:
		case e.Kind == xmpp.IQ && string(e.ID) == "ask" && string(e.Type) == "error":
			err = fmt.Errorf("refused: %s", condition(e.Inner))
		case e.Kind == xmpp.Message && bytes.Contains(e.Inner, []byte("<conversation")) && bytes.Contains(e.Inner, []byte("closed")):
			err = errors.New("closed by the desk")
		default:
			done, err = hear(e)
		}
		failed = err
		return done || err != nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// invited waits for the invitation to a room (XEP-0045 §7.8.2).
func (a *asker) invited(e *xmpp.Element) (bool, error) {
	if e.Kind != xmpp.Message || !bytes.Contains(e.Inner, []byte("<invite")) {
		return false, nil
	}
	a.o.room = string(e.From)
	return true, nil
}

// agents says whether a stanza comes from an agent in the room: their nicks are agent-1 to agent-N.
func (a *asker) agents(e *xmpp.Element) bool {
	_, _, nick := xmpp.SplitJID(e.From)
	return string(xmpp.Bare(e.From)) == a.o.room && strings.HasPrefix(string(nick), "agent-")
}

// condition finds the name of an error's first condition.
func condition(inner []byte) string {
	_, rest, _ := strings.Cut(string(inner), "<error")
	_, rest, _ = strings.Cut(rest, "<")
	end := strings.IndexAny(rest, " />")
	return rest[:max(0, end)]
}
