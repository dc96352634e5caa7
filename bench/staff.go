package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"usher/bench/load"
	"usher/xmpp"
)

// staff are the agents: clients of the upstream server, each on a connection of its own, that do what an ordinary client and a
// quick person do. They answer the workgroup's subscription, an offer with `1`, follow the invitation into the room
// (XEP-0249), and give each question there its answer.
type staff struct {
	group string
	all   []*attendant
	wg    sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]time.Time // by room
	err      error                // the first
	failed   chan struct{}        // closed with err
}

// attendant is one agent's client.
type attendant struct {
	staff  *staff
	c      net.Conn
	nick   string
	said   map[string]time.Time // when he accepted what he is not yet invited to, by its number
	serves chan struct{}        // closed when the workgroup has shown itself to him
}

// staff logs the agents in and waits until each is known to the workgroup.
func (o *supporting) staff(ctx context.Context, agents int) (*staff, error) {
	s := &staff{group: o.group, accepted: map[string]time.Time{}, failed: make(chan struct{})}
	for i := range agents {
		user := fmt.Sprintf(o.user, i+1)
		a := &attendant{staff: s, nick: fmt.Sprintf("agent-%d", i+1), serves: make(chan struct{}), said: map[string]time.Time{}}
		var err error
		if a.c, err = (&net.Dialer{Timeout: load.Step}).DialContext(ctx, "tcp", o.c2s); err != nil {
			s.close()
			return nil, err
		}
		s.all = append(s.all, a)
		s.wg.Go(func() { // ends with its connection, which close closes
			err := a.serve(user, fmt.Sprintf(o.password, i+1))
			s.fail(fmt.Errorf("agent %s: %w", user, err))
		})
	}
	for _, a := range s.all {
		select {
		case <-a.serves:
		case <-s.failed:
			s.close()
			return nil, s.err
		case <-time.After(load.Step):
			s.close()
			return nil, fmt.Errorf("%s was not shown to %s: is he one of its agents?", o.group, a.nick)
		}
	}
	return s, nil
}

func (s *staff) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		close(s.failed)
	}
}

func (s *staff) close() {
	for _, a := range s.all {
		a.c.Close()
	}
	s.wg.Wait()
}

func (s *staff) acceptedAt(room string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted[room]
}

// serve is the stream from its opening to its end (RFC 6120).
func (a *attendant) serve(jid, password string) error {
	user, host, _ := strings.Cut(jid, "@")
	open := "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" + host + "' version='1.0'>"
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password)) // RFC 4616; the connection is on loopback
	in := &elements{c: a.c, scan: xmpp.NewScanner(xmpp.Limits{})}
	a.c.SetDeadline(time.Now().Add(load.Step))
	for _, talk := range []struct {
		say, hear string
		fresh     bool
	}{
		{open, "mechanisms", true},
		{"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + plain + "</auth>", "<success", false},
		{open, "urn:ietf:params:xml:ns:xmpp-bind", true},
		{"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind></iq>", "<jid>", false},
	} {
		if talk.fresh {
			in.restart()
		}
		if _, err := io.WriteString(a.c, talk.say); err != nil {
			return err
		}
		e, err := in.next()
		if err != nil {
			return err
		}
		if !bytes.Contains(e.Raw, []byte(talk.hear)) {
			return fmt.Errorf("waiting for %s: %s", talk.hear, e.Raw)
		}
	}
	if _, err := io.WriteString(a.c, "<presence/>"); err != nil {
		return err
	}
	a.c.SetDeadline(time.Time{})
	for {
		e, err := in.next()
		if err != nil {
			return err
		}
		if answer := a.answer(e); answer != "" {
			if _, err := io.WriteString(a.c, answer); err != nil {
				return err
			}
		}
	}
}

// answer is what the client, or the person before it, does about a stanza.
func (a *attendant) answer(e *xmpp.Element) string {
	bare := string(xmpp.Bare(e.From))
	group := bare == a.staff.group
	has := func(text string) bool { return bytes.Contains(e.Inner, []byte(text)) }
	switch {
	case e.Kind == xmpp.IQ && (string(e.Type) == "get" || string(e.Type) == "set"): // RFC 6120 §8.2.3
		return fmt.Sprintf("<iq type='error' id='%s' to='%s'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", e.ID, e.From)
	case group && e.Kind == xmpp.Presence && string(e.Type) == "subscribe":
		return fmt.Sprintf("<presence type='subscribed' to='%[1]s'/><presence type='subscribe' to='%[1]s'/>", bare)
	case group && e.Kind == xmpp.Presence && len(e.Type) == 0:
		select {
		case <-a.serves:
		default:
			close(a.serves)
		}
	case group && e.Kind == xmpp.Message && has("jabber:x:conference"): // XEP-0249
		var m struct {
			X struct {
				Room   string `xml:"jid,attr"`
				Reason string `xml:"reason,attr"` // names whom he is called to
			} `xml:"jabber:x:conference x"`
		}
		if xml.Unmarshal(e.Raw, &m) != nil {
			return ""
		}
		room := m.X.Room
		_, number, _ := strings.Cut(m.X.Reason, "Visitor ")
		a.staff.mu.Lock()
		a.staff.accepted[room] = a.said[number]
		a.staff.mu.Unlock()
		delete(a.said, number)
		return fmt.Sprintf("<presence to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room, a.nick)
	case group && e.Kind == xmpp.Message && has("1 accept") && !has("urn:xmpp:message-correct:0"):
		_, number, _ := strings.Cut(string(e.Inner), "[#")
		number, _, _ = strings.Cut(number, "]")
		a.said[number] = time.Now()
		return fmt.Sprintf("<message type='chat' to='%s'><body>1</body></message>", bare)
	case e.Kind == xmpp.Message && string(e.Type) == "groupchat" && has(question):
		return fmt.Sprintf("<message type='groupchat' to='%s'><body>%s</body></message>", bare, answer)
	}
	return ""
}

// elements reads a stream's elements.
type elements struct {
	c          net.Conn
	scan       *xmpp.Scanner
	buf        []byte
	start, end int // what of buf is unread
}

// restart makes it ready for a new document.
func (in *elements) restart() {
	in.scan.Reset(xmpp.Limits{})
	in.start, in.end = 0, 0
}

// next returns the next element; it is valid until the next call.
func (in *elements) next() (*xmpp.Element, error) {
	for {
		n, tok, err := in.scan.Next(in.buf[in.start:in.end])
		if err != nil {
			return nil, err
		}
		in.start += n
		switch tok {
		case xmpp.Stanza:
			return in.scan.Element(), nil
		case xmpp.End:
			return nil, errors.New("the server has closed the stream")
		case xmpp.NeedMore:
			in.end = copy(in.buf, in.buf[in.start:in.end])
			in.start = 0
			if in.end == len(in.buf) {
				in.buf = append(in.buf, make([]byte, max(len(in.buf), 8<<10))...)
			}
			n, err := in.c.Read(in.buf[in.end:])
			if err != nil {
				return nil, err
			}
			in.end += n
		}
	}
}
