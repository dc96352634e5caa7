package e2e

import (
	"context"
	"encoding/xml"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmlstream"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"

	"usher/xmpp/xmpptest"
)

// occupant is an ordinary user of the upstream server, in the room beside the
// visitors; his session doesn't pass through Usher.
type occupant struct {
	t       *testing.T
	session *xmpp.Session
	room    string
	events
}

// ordinary logs an account of localhost in.
func ordinary(t *testing.T, s *xmpptest.Server, user string) *occupant {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := net.Dial("tcp", s.C2SAddr())
	if err != nil {
		t.Fatal(err)
	}
	me := jid.MustParse(user + "@localhost/" + random()) // tests run beside each other
	// The connection counts as secure: it is on loopback.
	session, err := xmpp.NewSession(ctx, me.Domain(), me, conn, xmpp.Secure, xmpp.NewNegotiator(
		func(*xmpp.Session, *xmpp.StreamConfig) xmpp.StreamConfig {
			return xmpp.StreamConfig{Features: []xmpp.StreamFeature{
				xmpp.SASL("", s.Password(user), sasl.Plain),
				xmpp.BindResource(),
			}}
		}))
	if err != nil {
		t.Fatalf("%s: %v", user, err)
	}
	o := &occupant{t: t, session: session}
	o.events.init(user)
	ended := make(chan struct{})
	go func() { // ends when the session is closed, below
		defer close(ended)
		err := session.Serve(xmpp.HandlerFunc(o.handle))
		o.fail(fmt.Sprintf("the session ended: %v", err))
	}()
	t.Cleanup(func() {
		session.Close()
		conn.Close()
		<-ended
		if t.Failed() {
			t.Logf("%s saw:\n%s", user, o.dump())
		}
	})
	o.write("<presence/>")
	return o
}

type roomStanza struct {
	XMLName xml.Name
	From    jid.JID   `xml:"from,attr"`
	Type    string    `xml:"type,attr"`
	ID      string    `xml:"id,attr"`
	Body    *string   `xml:"body"`
	Delay   *struct{} `xml:"urn:xmpp:delay delay"`
	Subject *struct{} `xml:"subject"`
	User    struct {
		Status []struct {
			Code int `xml:"code,attr"`
		} `xml:"status"`
	} `xml:"http://jabber.org/protocol/muc#user x"`
	State struct {
		XMLName xml.Name
	} `xml:"http://jabber.org/protocol/chatstates composing"`
	Inner string `xml:",innerxml"`
}

func (o *occupant) handle(t xmlstream.TokenReadEncoder, start *xml.StartElement) error {
	var s roomStanza
	d := xml.NewTokenDecoder(xmlstream.MultiReader(xmlstream.Token(*start), t))
	if err := d.Decode(&s); err != nil {
		return err
	}
	if s.From.Bare().String() != o.room {
		return nil
	}
	nick := s.From.Resourcepart()
	switch {
	case s.XMLName.Local == "presence" && s.Type != "error":
		if s.Type == "" {
			s.Type = "available"
		}
		e := event{Event: "presence", Nick: nick, Type: s.Type}
		for _, status := range s.User.Status {
			e.Self = e.Self || status.Code == 110
			e.Created = e.Created || status.Code == 201
		}
		o.add(e)
	case s.XMLName.Local == "iq" && (s.Type == "result" || s.Type == "error"):
		o.add(event{Event: "iq", ID: s.ID, Type: s.Type})
	case s.Type == "error":
		o.add(event{Event: "error", Text: s.Inner})
	case s.XMLName.Local == "message" && s.Body != nil && s.Subject == nil:
		o.add(event{Event: "message", Nick: nick, Text: *s.Body, ID: s.ID, Delayed: s.Delay != nil})
	}
	if s.State.XMLName.Local != "" {
		o.add(event{Event: "chatstate", Nick: nick, State: s.State.XMLName.Local})
	}
	return nil
}

func (o *occupant) write(stanza string) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := o.session.Send(ctx, xml.NewDecoder(strings.NewReader(stanza))); err != nil {
		o.t.Fatalf("%s: %v", o.name, err)
	}
}

func (o *occupant) join(room, nick string) {
	o.t.Helper()
	o.room = room
	o.write(fmt.Sprintf("<presence to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>", room, nick))
	o.next("presence", func(e event) bool { return e.Nick == nick && e.Type == "available" && e.Self })
}

// awaitNoRoom asks for the room until there is none. (ejabberd drops what comes to a room that is about to end, so
// each question may stay without an answer.)
func (o *occupant) awaitNoRoom(room string) {
	o.t.Helper()
	o.room = room
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	timeout := time.After(patience)
	for !o.has(func(e event) bool { return e.Event == "iq" && e.ID == "there" && e.Type == "error" }) {
		o.write(fmt.Sprintf("<iq type='get' id='there' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", room))
		select {
		case <-again.C:
		case <-timeout:
			o.t.Fatalf("%s is still there after %v", room, patience)
		}
	}
}

func (o *occupant) say(text string) {
	o.t.Helper()
	o.write(fmt.Sprintf("<message to='%s' type='groupchat' id='%d'><body>%s</body></message>", o.room, len(text), escape(text)))
}

func (o *occupant) hears(nick, text string) {
	o.t.Helper()
	e := o.next("message", func(e event) bool { return !e.Delayed })
	if e.Nick != nick || e.Text != text {
		o.t.Fatalf("%s heard %s: %s; want %s: %s", o.name, e.Nick, differ(e.Text, text), nick, shorten(text))
	}
}

func (o *occupant) seesTyping(nick, state string) {
	o.t.Helper()
	o.next("chatstate", func(e event) bool { return e.Nick == nick && e.State == state })
}

func (o *occupant) sees(nick, presence string) {
	o.t.Helper()
	if _, err := o.awaitPresence(nick, presence); err != nil {
		o.t.Fatal(err)
	}
}

func (o *occupant) next(kind string, ok func(event) bool) event {
	o.t.Helper()
	e, err := o.wait(kind, kind, ok)
	if err != nil {
		o.t.Fatal(err)
	}
	return e
}
