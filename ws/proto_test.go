package ws

import (
	"fmt"
	"strings"
	"testing"

	"usher/c2s"
)

const (
	begin = opText              // first frame of a fragmented message
	more  = opContinue          // one in its middle
	last  = finBit | opContinue // its last
	ping  = finBit | opPing
	pong  = finBit | opPong
	cease = finBit | opClose
)

func join(frames ...[]byte) (all []byte) {
	for _, f := range frames {
		all = append(all, f...)
	}
	return all
}

// What a bound client says, and how it ends: RFC 6455 §5, §7, in the manner of Autobahn's cases.
func TestFraming(t *testing.T) {
	half, rest := hello[:20], hello[20:]
	big := strings.Repeat("x", 9000)
	policy := []string{errorOf("policy-violation"), closeStream}
	protocol := []string{"Close 1002", "EOF"}
	for _, tt := range []struct {
		name   string
		says   []byte
		hears  []string
		reason c2s.Reason
	}{
		{"two messages in one write", join(text(hello), text(hello)), []string{echoed, echoed}, c2s.Unknown},
		{"white space behind the element", text(hello + " \n"), []string{echoed}, c2s.Unknown}, // RFC 7395 §3.3.3: still one document
		{"XML declaration", text("<?xml version='1.0'?>" + hello), []string{echoed}, c2s.Unknown},
		{"fragments", join(frame(begin, half), frame(last, rest)), []string{echoed}, c2s.Unknown},
		{"empty fragments", join(frame(begin, ""), frame(more, hello), frame(last, "")), []string{echoed}, c2s.Unknown},
		{"ping between fragments", join(frame(begin, half), frame(ping, "p"), frame(last, rest)), []string{"Pong p", echoed}, c2s.Unknown},
		{"ping without payload", frame(ping, ""), []string{"Pong "}, c2s.Unknown},
		{"ping of 125", frame(ping, big[:125]), []string{"Pong " + big[:125]}, c2s.Unknown},
		{"of two pings the latest is answered", join(frame(ping, "1"), frame(ping, "2"), text(hello)), []string{"Pong 2", echoed}, c2s.Unknown},
		{"pong that nobody asked for", join(frame(pong, "x"), text(hello)), []string{echoed}, c2s.Unknown},
		{"ping of 126", frame(ping, big[:126]), protocol, c2s.BadFraming},
		{"fragmented ping", frame(opPing, "x"), protocol, c2s.BadFraming},
		{"what came before a breach is answered", join(text(hello), frame(0xF1, "x")), []string{echoed, "Close 1002", "EOF"}, c2s.BadFraming},
		{"RSV1", frame(0xC1, hello), protocol, c2s.BadFraming},
		{"RSV on a ping", frame(0x99, ""), protocol, c2s.BadFraming},
		{"reserved opcode 3", frame(0x83, "x"), protocol, c2s.BadFraming},
		{"reserved opcode 11", frame(0x8B, "x"), protocol, c2s.BadFraming},
		{"unmasked", []byte("\x81\x04<a/>"), protocol, c2s.BadFraming},
		{"continuation of nothing", frame(last, hello), protocol, c2s.BadFraming},
		{"a message inside another", join(frame(begin, half), text(hello)), protocol, c2s.BadFraming},
		{"length not in its shortest form", []byte("\x81\xfe\x00\x05"), protocol, c2s.BadFraming},
		{"binary", frame(finBit|opBinary, hello), []string{"Close 1003", "EOF"}, c2s.BadFraming},
		{"not UTF-8", text("<message xmlns='jabber:client'><body>\xff</body></message>"), []string{"Close 1007", "EOF"}, c2s.BadFraming},
		{"UTF-8 split over fragments", join(frame(begin, "<message xmlns='jabber:client' to='e'><body>\xe2\x82"), frame(last, "\xac</body></message>")),
			[]string{"<message xmlns='jabber:client' from='e'><body>€</body></message>"}, c2s.Unknown},
		{"too big, by the header alone", frame(finBit|opText, big)[:8], append(policy, "Close 1009", "EOF"), c2s.PolicyViolation},
		{"far too big", []byte("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), append(policy, "Close 1009", "EOF"), c2s.PolicyViolation},
		{"too big in fragments", join(frame(begin, big[:5000]), frame(last, big[:5000])[:8]), append(policy, "Close 1009", "EOF"), c2s.PolicyViolation},
		{"too many fragments", join(frame(begin, "<"), frame(more, "a"), frame(more, ""), frame(more, ""), frame(more, "")), append(policy, "Close 1008", "EOF"), c2s.PolicyViolation},
		{"close", frame(cease, "\x03\xe8bye"), []string{"Close 1000", "EOF"}, c2s.ConnectionLost},
		{"close of an application", frame(cease, "\x0f\xa0"), []string{"Close 4000", "EOF"}, c2s.ConnectionLost},
		{"close without a code", frame(cease, ""), []string{"Close", "EOF"}, c2s.ConnectionLost},
		{"nothing counts after a close", join(frame(cease, "\x03\xe8"), text(hello)), []string{"Close 1000", "EOF"}, c2s.ConnectionLost},
		{"close with half a code", frame(cease, "\x03"), protocol, c2s.BadFraming},
		{"close with a code that may not be sent", frame(cease, "\x03\xed"), protocol, c2s.BadFraming},
		{"close with a reason that isn't UTF-8", frame(cease, "\x03\xe8\xc3\x28"), []string{"Close 1007", "EOF"}, c2s.BadFraming},
		{"close between fragments", join(frame(begin, half), frame(cease, "\x03\xe9")), []string{"Close 1001", "EOF"}, c2s.ConnectionLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := start(t, testConfig(), nil)
			c := e.dial(t).login()
			c.write(tt.says)
			c.expect(tt.hears...)
			if tt.reason != c2s.Unknown {
				e.site.ended(t, tt.reason)
				return
			}
			c.send(hello) // it lives on
			c.expect(echoed)
		})
	}
}

// RFC 7395 §3.3-3.6: what is said instead of, or after, a good beginning.
func TestFramedStream(t *testing.T) {
	end := func(condition string) []string { return []string{errorOf(condition), closeStream, "Close 1008"} }
	for _, tt := range []struct {
		name   string
		bound  bool
		says   string
		hears  []string
		reason c2s.Reason
	}{
		{"stanza first", false, hello, append([]string{openedBlind}, end("not-authorized")...), c2s.BadProtocol},
		{"stream header of RFC 6120", false, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='shop.example' version='1.0'>",
			append([]string{openedBlind}, end("not-well-formed")...), c2s.BadXML},
		{"open in no namespace", false, "<open to='shop.example' version='1.0'/>", append([]string{openedBlind}, end("invalid-namespace")...), c2s.BadFraming},
		{"open in another namespace", false, "<open xmlns='jabber:client' to='shop.example' version='1.0'/>", append([]string{openedBlind}, end("invalid-namespace")...), c2s.BadFraming},
		{"open to a stranger", false, strings.Replace(openShop, "shop.", "other.", 1), append([]string{openedBlind}, end("host-unknown")...), c2s.HostUnknown},
		{"open without version", false, strings.Replace(openShop, " version='1.0'", "", 1), append([]string{openedBlind}, end("unsupported-version")...), c2s.BadProtocol},
		{"open with content", false, strings.Replace(openShop, "/>", "> </open>", 1), append([]string{openedBlind}, end("bad-format")...), c2s.BadFraming},
		{"close at once", false, closeStream, []string{closeStream, "Close 1000"}, c2s.ClientClosed},
		{"over the limit before bind", false, openShop + strings.Repeat(" ", 2048), append([]string{openedBlind, errorOf("policy-violation")}, closeStream, "Close 1009", "EOF"), c2s.PolicyViolation},
		{"close", true, closeStream, []string{closeStream, "Close 1000"}, c2s.ClientClosed},
		{"empty message", true, "", end("not-well-formed"), c2s.BadXML},
		{"white space to keep alive", true, " ", end("not-well-formed"), c2s.BadXML},
		{"white space first", true, " " + hello, end("not-well-formed"), c2s.BadXML},
		{"two elements", true, hello + hello, end("not-well-formed"), c2s.BadXML},
		{"half an element", true, hello[:40], end("not-well-formed"), c2s.BadXML},
		{"a comment", true, "<!-- x -->" + hello, end("restricted-xml"), c2s.BadXML},
		{"a DTD", true, "<!DOCTYPE x><x/>", end("restricted-xml"), c2s.BadXML},
		{"no namespace", true, strings.Replace(hello, " xmlns='jabber:client'", "", 1), end("invalid-namespace"), c2s.BadFraming},
		{"unknown framing", true, "<pause xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", end("unsupported-stanza-type"), c2s.BadFraming},
		{"open that is not due", true, openShop, append([]string{opened}, end("bad-format")...), c2s.BadProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := start(t, testConfig(), nil)
			c := e.dial(t)
			if tt.bound {
				c.login()
			}
			c.send(tt.says)
			c.expect(tt.hears...)
			if tt.hears[len(tt.hears)-1] != "EOF" {
				c.write(frame(cease, "\x03\xe8")) // the handshake's other half
				c.expect("EOF")
			}
			e.site.ended(t, tt.reason)
		})
	}
}

func TestLimitIsLiftedByBind(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t).login()
	body := strings.Repeat("x", 5000)
	c.send(strings.Replace(hello, "hello", body, 1))
	c.expect(strings.Replace(echoed, "hello", body, 1))
}

// Wherever fragments and packets are cut, the message is the same.
func TestFragmentsAtEachSplit(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t).login()
	for i := range hello {
		c.write(frame(begin, hello[:i]))
		c.write(frame(last, hello[i:]))
		c.expect(echoed)
	}
}

func TestPacketsAtEachSplit(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t).login()
	whole := join(text(hello), frame(ping, "x"), text(hello))
	for i := range whole {
		c.write(whole[:i])
		c.write(whole[i:])
		seen := map[string]int{}
		for range 3 {
			op, p, err := c.next()
			seen[gist(op, p, err)]++
		}
		if seen[echoed] != 2 || seen["Pong x"] != 1 {
			t.Fatalf("cut at %d: %v", i, seen)
		}
	}
	for _, b := range join(whole, whole) { // byte by byte
		c.write([]byte{b})
	}
	seen := map[string]int{}
	for range 6 {
		op, p, err := c.next()
		seen[gist(op, p, err)]++
	}
	if seen[echoed] != 4 || seen["Pong x"] != 2 {
		t.Fatal(seen)
	}
}

// More than a read buffer in one write: frames lie across its end.
func TestManyMessagesInOneWrite(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t).login()
	const n = 1000
	go func() { // ends when all is written
		var all []byte
		for i := range n {
			all = append(all, text(strings.Replace(hello, "m1", fmt.Sprint(i), 1))...)
		}
		c.Conn.Write(all)
	}()
	for i := range n {
		c.expect(strings.Replace(echoed, "m1", fmt.Sprint(i), 1))
	}
}
