package gateway

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/netip"
	"testing"

	"usher/c2s"
	"usher/upstream"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// raceDetector is set where sync.Pool forgets at random, so that allocations can't be counted.
var raceDetector bool

// router is a gateway between an upstream server that takes everything without a word and visitors whose
// carrier is the test: what comes from upstream is handed in by push, on the test's own goroutine.
type router struct {
	t    testing.TB
	g    *Gateway
	link *upstream.Link // says which link it was; nothing is read from it or written to it
	scan *xmpp.Scanner  // of the link's reader
	say  *xmpp.Scanner  // of the visitors' readers
	out  []byte         // what was framed for the last visitor who was woken
	sent int            // elements framed
}

// silent is the router's upstream server.
func silent(t testing.TB) *xmpptest.Upstream {
	t.Helper()
	u, err := xmpptest.NewUpstream(xmpptest.UpstreamConfig{
		Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}},
		Hook:       func(*xmpptest.Peer, *xmpp.Element) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

func newRouter(t testing.TB) *router {
	t.Helper()
	r := &router{t: t, scan: xmpp.NewScanner(xmpp.Limits{}), say: xmpp.NewScanner(xmpp.Limits{}), out: make([]byte, 0, 64<<10)}
	r.g = startEdge(t, edgeConfig(silent(t).Addr(), ""))
	link, err := upstream.Dial(t.Context(), upstream.Config{Domain: testComponent, Secret: "s3cret", Address: silent(t).Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close(context.Background()) })
	r.link = link
	r.scan.ResetInside(xmpp.Limits{}, "stream:stream", xmpp.NSComponent, xmpp.NSStream)
	return r
}

// push hands stanzas in as a link's reader does with what one read has brought.
func (r *router) push(batch []byte) {
	in := inbound{r.g}
	for len(batch) > 0 {
		n, tok, err := r.scan.Next(batch)
		if err != nil || tok != xmpp.Stanza {
			r.t.Fatalf("%d, %v: %.200s", tok, err, batch)
		}
		in.Stanza(r.link, r.scan.Element())
		batch = batch[n:]
	}
	in.Flush(r.link)
}

// caller is a visitor whose carrier frames what there is at once.
type caller struct {
	r   *router
	s   *c2s.Stream
	jid string
}

// Wake frames as a WebSocket does and throws it away.
func (c *caller) Wake() {
	r := c.r
	for more := true; more; {
		r.out, more = c.s.Drain(r.out[:0], 16<<10, r.frame)
	}
}

func (r *router) frame(dst, e []byte) []byte {
	r.sent++
	if n := len(e); n < 126 {
		dst = append(dst, 0x81, byte(n))
	} else {
		dst = append(dst, 0x81, 126, byte(n>>8), byte(n))
	}
	return append(dst, e...)
}

func (c *caller) send(stanza []byte) {
	e, err := c.r.say.One(stanza)
	if err != nil {
		c.r.t.Fatalf("%v: %s", err, stanza)
	}
	c.s.Receive(e)
}

// call logs a visitor in.
func (r *router) call() *caller {
	r.t.Helper()
	c := &caller{r: r}
	info := c2s.Info{Remote: netip.MustParseAddr("127.0.0.1"), Transport: "ws"}
	if err := r.g.gate.admit(&info); err != nil {
		r.t.Fatal(err)
	}
	c.s = c2s.New(r.g.streams, c, info)
	r.t.Cleanup(func() { c.s.End(c2s.Ending{Reason: c2s.ClientClosed}) })
	for _, auth := range []string{"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
		"<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"} {
		if _, err := c.s.Open(c2s.Header{To: testComponent, Version: "1.0"}); err != nil {
			r.t.Fatal(err)
		}
		c.send([]byte(auth))
		c.Wake()
	}
	if c.jid = c.s.Bound(); c.jid == "" {
		r.t.Fatalf("not bound: %s", r.out)
	}
	return c
}

// join lets the room answer the visitor's join.
func (c *caller) join(room, nick string) {
	c.send(fmt.Appendf(nil, "<presence xmlns='jabber:client' to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", room, nick))
	c.r.push(fmt.Appendf(nil, "<presence from='%s/%s' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/><status code='110'/></x></presence>", room, nick, c.jid))
	if !bytes.Contains(c.r.out, []byte("code='110'")) {
		c.r.t.Fatalf("not in the room: %s", c.r.out)
	}
}

const (
	aRoom = "tea@conference.localhost"
	// What a web client sends, some 390 bytes from and to whomever.
	aBody = "<body>Hello, I have a question about my order &amp; its delivery. Can you help me, please?</body><active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' id='f81d4fae-7dec-11d0-a765-00a0c91e6bf6'/>"
)

func TestRoutingAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget")
	}
	r := newRouter(t)
	v := r.call()
	v.join(aRoom, "ann")
	groupchatDown := fmt.Appendf(nil, "<message from='%s/ben' to='%s' type='groupchat' id='m1'>%s<stanza-id xmlns='urn:xmpp:sid:0' id='17' by='%s'/></message>", aRoom, v.jid, aBody, aRoom)
	presenceDown := fmt.Appendf(nil, "<presence from='%s/ben' to='%s' id='p1'><show>away</show><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x></presence>", aRoom, v.jid)
	chatDown := fmt.Appendf(nil, "<message from='alice@localhost/desk' to='%s' type='chat' id='c1'>%s</message>", v.jid, aBody)
	chatUp := []byte("<message xmlns='jabber:client' to='alice@localhost/desk' type='chat' id='c2'>" + aBody + "</message>")
	stateUp := []byte("<message xmlns='jabber:client' to='" + aRoom + "' type='groupchat' id='s1'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
	groupchatUp := []byte("<message xmlns='jabber:client' to='" + aRoom + "' type='groupchat' id='g1'>" + aBody + "</message>")
	copyDown := fmt.Appendf(nil, "<message from='%s/ann' to='%s' type='groupchat' id='g1'>%s</message>", aRoom, v.jid, aBody)
	bareDown := fmt.Appendf(nil, "<message from='alice@localhost/desk' to='%s' type='chat' id='c3'>%s</message>", xmpp.Bare([]byte(v.jid)), aBody)
	up := func() uint64 { return r.g.count.stanzas[Up][xmpp.Message].Load() }
	for _, c := range []struct {
		name     string
		down, up int // stanzas by which it is seen that it went all the way
		do       func()
	}{
		{"groupchat down", 1, 0, func() { r.push(groupchatDown) }},
		{"presence down", 1, 0, func() { r.push(presenceDown) }},
		{"chat down", 1, 0, func() { r.push(chatDown) }},
		{"chat down to the bare JID", 1, 0, func() { r.push(bareDown) }},
		{"chat up", 0, 1, func() { v.send(chatUp) }},
		{"typing in a room, up", 0, 1, func() { v.send(stateUp) }},
		{"groupchat up, kept until its copy is back", 1, 1, func() { v.send(groupchatUp); r.push(copyDown) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 * marks { // steady: rings and pools are full
				c.do()
			}
			const runs = 1000
			sent, sentUp := r.sent, up()
			if n := testing.AllocsPerRun(runs, c.do); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if got := r.sent - sent; got != c.down*(runs+1) {
				t.Errorf("%d stanzas reached the visitor, want %d", got, c.down*(runs+1))
			}
			if got := up() - sentUp; got != uint64(c.up*(runs+1)) {
				t.Errorf("%d stanzas went up, want %d", got, c.up*(runs+1))
			}
		})
	}
	if n := r.g.count.dropped(); n != 0 {
		t.Errorf("%d drops: not everything that was counted was routed", n)
	}
}

// crowdOf logs n visitors in and puts each in a room of two with somebody.
func (r *router) crowdOf(n int) []*caller {
	all := make([]*caller, n)
	for i := range all {
		all[i] = r.call()
		all[i].join(fmt.Sprintf("r%d@conference.localhost", i), "ann")
	}
	return all
}

// BenchmarkRouteDown is a groupchat message from the link's buffer to the WebSocket's: scanned, looked
// up, checked against policy, rewritten, queued, framed. 4,096 different ones to 1,000 visitors, 64 a read.
// encoding-xml is the baseline: the same bytes decoded to tokens and encoded again, with none of that.
func BenchmarkRouteDown(b *testing.B) {
	const visitors, stanzas, reading = 1000, 4096, 64
	var batches [][]byte
	fill := func(jid func(i int) string) {
		for i := range stanzas {
			if i%reading == 0 {
				batches = append(batches, nil)
			}
			last := &batches[len(batches)-1]
			*last = fmt.Appendf(*last, "<message from='r%d@conference.localhost/ben' to='%s' type='groupchat' id='m%d'>%s</message>",
				i*7%visitors, jid(i*7%visitors), i, aBody)
		}
	}
	b.Run("edge", func(b *testing.B) {
		r := newRouter(b)
		all := r.crowdOf(visitors)
		batches = nil
		fill(func(i int) string { return all[i].jid })
		for range marks { // each visitor's ring is full
			for _, batch := range batches {
				r.push(batch)
			}
			if r.sent > marks*visitors {
				break
			}
		}
		b.ReportAllocs()
		b.ResetTimer()
		sent := r.sent
		for i := range (b.N + reading - 1) / reading {
			r.push(batches[i%len(batches)])
		}
		b.StopTimer()
		if got := r.sent - sent; got < b.N {
			b.Fatalf("%d of %d stanzas arrived", got, b.N)
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		batches = nil
		fill(func(i int) string { return fmt.Sprintf("k3j5h2g7d4s9a1q8w6e0r2%04d@%s/web", i, testComponent) })
		recodeAll(b, batches, reading)
	})
}

// recodeAll is the baseline of what a general XML library costs.
func recodeAll(b *testing.B, batches [][]byte, each int) {
	b.ReportAllocs()
	b.ResetTimer()
	var out bytes.Buffer
	for i := range (b.N + each - 1) / each {
		out.Reset()
		d, enc := xml.NewDecoder(bytes.NewReader(batches[i%len(batches)])), xml.NewEncoder(&out)
		for {
			tok, err := d.Token()
			if err == io.EOF {
				break
			}
			if err == nil {
				err = enc.EncodeToken(tok)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := enc.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRouteUp is the way out, from a client's message to the link's buffer; the link's writer and an upstream server that
// scans what it gets and throws it away run beside it. The visitors are 1,000, each with a message of his own.
func BenchmarkRouteUp(b *testing.B) {
	const visitors = 1000
	messages := make([][]byte, visitors)
	for i := range messages {
		messages[i] = fmt.Appendf(nil, "<message xmlns='jabber:client' to='alice@localhost/desk' type='chat' id='m%d'>%s</message>", i, aBody)
	}
	b.Run("edge", func(b *testing.B) {
		r := newRouter(b)
		all := r.crowdOf(visitors)
		dropped := r.g.count.dropped()
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			at := i * 7 % visitors
			all[at].send(messages[at])
		}
		b.StopTimer()
		if n := r.g.count.dropped() - dropped; n != 0 {
			b.Fatalf("%d drops", n)
		}
	})
	b.Run("encoding-xml", func(b *testing.B) { recodeAll(b, messages, 1) })
}

// dropped sums up the drops.
func (c *counters) dropped() (n uint64) {
	for i := range c.drops {
		n += c.drops[i].Load()
	}
	return n
}
