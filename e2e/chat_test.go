package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"usher/xmpp/xmpptest"
)

// edge is where visitors connect: Usher, or for comparison the server's own front.
type edge struct {
	server  *xmpptest.Server
	addr    string
	visitor *regexp.Regexp // a visitor's full JID
	domain  string         // what the first visitor of a pair opens his stream to
	domain2 string         // and the second
	creates bool           // joining an unknown room makes it
	secure  bool           // wss and https
	resumes bool           // sessions outlive their streams
}

func (e *edge) url(addr, transport string) string {
	scheme, path := "http", "/http-bind"
	if transport == "ws" {
		scheme, path = "ws", "/xmpp-websocket"
	}
	if e.secure {
		scheme += "s"
	}
	return scheme + "://" + addr + path
}

// The nicknames: one with what XML escapes and what ASCII lacks.
const (
	annasNick = "Anna"
	bensNick  = "Ben <&> Söhne's"
)

// bodies are what is said in both directions.
var bodies = []string{
	"Hello",
	"emoji 👩🏽‍🚀 👍🏿 🇩🇪 ❤️, 中文, עברית, zero\u200bwidth",
	`<b>"Tom" & 'Jerry'</b> ]]> &amp; &#65; <![CDATA[x]]> </body></message></stream:stream>`,
	"two lines\nand a\ttab",
	strings.Repeat("ten kB – 🙂 <&> ", 510) + strings.Repeat("x", 10_240-510*20),
}

// chat is the whole life of two visitors with different libraries in one
// room, watched by an ordinary user of the server.
func chat(t *testing.T, e *edge, p *pages, transport string, libA, libB library) {
	room := "room-" + random() + "@" + e.server.Rooms()
	anna, annasNet := visit(t, e, p, transport, libA, e.domain)
	ben, _ := visit(t, e, p, transport, libB, e.domain2)
	if anna.jid == ben.jid {
		t.Fatalf("both visitors are %s", anna.jid)
	}
	alice := ordinary(t, e.server, "alice")

	if created := anna.join(room, annasNick); created != e.creates {
		t.Fatalf("%s created the room: %v, want %v", libA.name, created, e.creates)
	}
	alice.join(room, "Alice")
	alice.sees(annasNick, "available")
	anna.sees("Alice", "available")
	ben.join(room, bensNick)
	everyone := []hearer{anna, ben, alice}
	for _, who := range []hearer{anna, alice} {
		who.sees(bensNick, "available")
	}

	for _, text := range bodies {
		say(anna, annasNick, text, everyone)
		say(ben, bensNick, text, everyone)
	}
	alice.say(bodies[2])
	hear(everyone, "Alice", bodies[2])
	for i := range 5 { // without waiting, so that order is somebody's work
		anna.send(fmt.Sprint("in order ", i))
	}
	for i := range 5 {
		hear(everyone, annasNick, fmt.Sprint("in order ", i))
	}

	anna.typing("composing")
	ben.seesTyping(annasNick, "composing")
	alice.seesTyping(annasNick, "composing")
	anna.typing("paused")
	ben.seesTyping(annasNick, "paused")
	ben.typing("composing")
	anna.seesTyping(bensNick, "composing")
	say(ben, bensNick, "done typing", everyone)

	if transport == "bosh" {
		breakBriefly(anna, ben, alice, annasNet, everyone)
	}
	comeBack(e, anna, ben, alice, annasNet, room, transport)
	say(anna, annasNick, "I am back", everyone)
	say(ben, bensNick, "so I see", everyone)

	ben.leave()
	alice.sees(bensNick, "unavailable")
	anna.sees(bensNick, "unavailable")
	ben.join(room, bensNick)
	alice.sees(bensNick, "available")
	say(ben, bensNick, "forgot something", everyone)
	ben.close() // without leaving first
	alice.sees(bensNick, "unavailable")
	anna.sees(bensNick, "unavailable")

	anna.kill() // and if her session might be resumed, once the grace is over
	alice.sees(annasNick, "unavailable")
}

func visit(t *testing.T, e *edge, p *pages, transport string, lib library, domain string) (*client, *relay) {
	t.Helper()
	net := newRelay(t, e.addr)
	c := start(t, lib, p)
	c.login(e.url(net.addr, transport), transport, domain)
	if !e.visitor.MatchString(c.jid) {
		t.Fatalf("%s got the address %q; want it like %v", lib.name, c.jid, e.visitor)
	}
	return c, net
}

type hearer interface {
	hears(nick, text string)
	sees(nick, presence string)
}

func hear(who []hearer, nick, text string) {
	for _, h := range who {
		h.hears(nick, text)
	}
}

func say(c *client, nick, text string, everyone []hearer) {
	c.send(text)
	hear(everyone, nick, text)
}

// breakBriefly resets the connections of a BOSH session: requests are sent again and nothing is lost or
// doubled, nor does anybody see it (XEP-0124 §14).
func breakBriefly(anna, ben *client, alice *occupant, annasNet *relay, everyone []hearer) {
	annasNet.cut()
	say(ben, bensNick, "can you hear me?", everyone)
	say(anna, annasNick, "yes", everyone)
	anna.send("between two cuts")
	annasNet.cut()
	hear(everyone, annasNick, "between two cuts")
	say(ben, bensNick, "good", everyone)
	gone := func(e event) bool { return e.Event == "presence" && e.Nick == annasNick && e.Type == "unavailable" }
	if alice.has(gone) {
		alice.t.Fatal("a short break made the visitor leave the room")
	}
}

// comeBack cuts the visitor's network, until the session is over if the library can't go on with it; its own reconnect brings him back.
func comeBack(e *edge, anna, ben *client, alice *occupant, net *relay, room, transport string) {
	anna.t.Helper()
	before := anna.jid
	if transport == "ws" && anna.lib.resumes && e.resumes {
		net.cut()
		anna.next("disconnected", nil)
		if jid := anna.next("resumed", nil).JID; jid != before {
			anna.t.Fatalf("%s went on as %q, before it was %q", anna.lib.name, jid, before)
		}
		if alice.has(func(e event) bool { return e.Event == "presence" && e.Nick == annasNick && e.Type == "unavailable" }) {
			anna.t.Fatal("a visitor whose session was resumed was seen leaving")
		}
		return
	}
	if transport == "ws" {
		net.cut()
	} else {
		net.block()
	}
	alice.sees(annasNick, "unavailable")
	net.unblock()
	anna.next("disconnected", nil)
	anna.jid = anna.next("reconnected", nil).JID
	if !e.visitor.MatchString(anna.jid) || anna.jid == before {
		anna.t.Fatalf("%s came back as %q, before it was %q", anna.lib.name, anna.jid, before)
	}
	if anna.lib.rejoins {
		anna.next("joined", nil)
	} else if anna.join(room, annasNick) {
		anna.t.Fatal("the room was made anew")
	}
	alice.sees(annasNick, "available")
	ben.sees(annasNick, "available")
}

func random() string {
	b := make([]byte, 6)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
