package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"usher/bench/load"
)

// fate is what a faulty server does with one copy of a message.
type fate int

const (
	given    fate = iota
	dropped       // it is never delivered
	twice         // it is delivered, and again
	held          // it is delivered after the next one from the same sender
	astray        // somebody of another room gets it
	returned      // its sender gets it back as an error instead
	cut           // the receiver's connection is closed instead
)

// faulty is a server with rooms over WebSocket, as far as pairs need one, that does to copies of messages what a script says.
type faulty struct {
	t      *testing.T
	listen net.Listener
	// script is asked for each copy, with the room's number from 0, by who came first, whether it is the sender's own, and the message.
	script func(room int, own bool, m said) fate

	wg    sync.WaitGroup
	mu    sync.Mutex
	all   []*guest
	rooms [][]*guest
	names map[string]int
}

// guest is one connection.
type guest struct {
	f       *faulty
	nc      net.Conn
	in      *bufio.Reader
	address string
	room    int
	nick    string
	hold    [2][]byte // what is held, of each side
}

func newFaulty(t *testing.T, script func(room int, own bool, m said) fate) *faulty {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{t: t, listen: l, script: script, names: map[string]int{}}
	f.wg.Go(func() { // ends with the listener, at the test's end
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			g := &guest{f: f, nc: nc, in: bufio.NewReader(nc), room: -1}
			f.mu.Lock()
			f.all = append(f.all, g)
			g.address = fmt.Sprintf("%d@faulty.test/x", len(f.all))
			f.mu.Unlock()
			f.wg.Go(g.serve) // ends with the connection
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.mu.Lock()
		for _, g := range f.all {
			g.nc.Close()
		}
		f.mu.Unlock()
		f.wg.Wait()
	})
	return f
}

func (f *faulty) url() string { return "ws://" + f.listen.Addr().String() + "/" }

func (g *guest) serve() {
	defer g.nc.Close()
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = g.in.ReadString('\n'); err != nil {
			return
		}
	}
	io.WriteString(g.nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n")
	opened := 0
	for {
		stanza, err := g.read()
		if err != nil {
			return
		}
		switch b := string(stanza); {
		case strings.HasPrefix(b, "<open"):
			opened++
			g.write("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='faulty.test' id='1' version='1.0'/>")
			features := "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism></mechanisms>"
			if opened > 1 {
				features = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
			}
			g.write("<stream:features xmlns:stream='http://etherx.jabber.org/streams'>" + features + "</stream:features>")
		case strings.HasPrefix(b, "<auth"):
			g.write("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
		case strings.HasPrefix(b, "<iq"):
			g.write("<iq xmlns='jabber:client' type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" + g.address + "</jid></bind></iq>")
		case strings.HasPrefix(b, "<presence"):
			g.f.mu.Lock()
			g.join(string(load.Attr(stanza, "to")))
			g.f.mu.Unlock()
		case strings.HasPrefix(b, "<message"):
			g.f.mu.Lock()
			g.say(stanza)
			g.f.mu.Unlock()
		case strings.HasPrefix(b, "<close"):
			g.write("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
			return
		}
	}
}

// join is called with the lock.
func (g *guest) join(to string) {
	name, nick, _ := strings.Cut(to, "/")
	n, known := g.f.names[name]
	if !known {
		n = len(g.f.rooms)
		g.f.names[name] = n
		g.f.rooms = append(g.f.rooms, nil)
	}
	g.f.rooms[n] = append(g.f.rooms[n], g)
	g.room, g.nick = n, nick
	g.write("<presence xmlns='jabber:client' from='" + to + "'><x xmlns='http://jabber.org/protocol/muc#user'><item/><status code='110'/></x></presence>")
}

// say is called with the lock.
func (g *guest) say(stanza []byte) {
	m, ok := parseMessage(stanza)
	if !ok {
		g.f.t.Errorf("not a message of a pair: %s", stanza)
		return
	}
	_, rest, _ := bytes.Cut(stanza, []byte(" to='"))
	room, rest, _ := bytes.Cut(rest, []byte("'"))
	copied := fmt.Sprintf("<message xmlns='jabber:client' type='groupchat' from='%s/%s'%s", room, g.nick, rest)
	for _, to := range g.f.rooms[g.room] {
		switch g.f.script(g.room, to == g, m) {
		case given:
			to.write(copied)
		case twice:
			to.write(copied)
			to.write(copied)
		case held:
			to.hold[m.side] = []byte(copied)
			continue
		case astray:
			g.f.rooms[(g.room+1)%len(g.f.rooms)][0].write(copied)
		case returned:
			g.write(strings.Replace(copied, "'groupchat'", "'error'", 1))
		case cut:
			to.nc.Close()
		}
		if late := to.hold[m.side]; late != nil {
			to.write(string(late))
			to.hold[m.side] = nil
		}
	}
}

// write sends one text frame (RFC 6455 §5.2); that the client is gone is seen by who reads.
func (g *guest) write(s string) {
	b := []byte{0x81, 126}
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	if len(s) < 126 {
		b = []byte{0x81, byte(len(s))}
	}
	g.nc.Write(append(b, s...))
}

// read takes one masked frame.
func (g *guest) read() ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(g.in, head[:]); err != nil {
		return nil, err
	}
	n := int(head[1] & 0x7f)
	switch n {
	case 126:
		var size [2]byte
		if _, err := io.ReadFull(g.in, size[:]); err != nil {
			return nil, err
		}
		n = int(binary.BigEndian.Uint16(size[:]))
	case 127:
		return nil, errors.New("too long")
	}
	b := make([]byte, 4+n)
	if _, err := io.ReadFull(g.in, b); err != nil {
		return nil, err
	}
	for i := range n {
		b[4+i] ^= b[i%4]
	}
	return b[4:], nil
}
