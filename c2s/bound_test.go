package c2s

import (
	"fmt"
	"testing"
	"time"
)

const jc = `xmlns='jabber:client'`

func TestStanzas(t *testing.T) {
	play(t, map[string]string{
		"all three kinds": ready + `
			C: <message ` + jc + ` to='a@b' id='m'><body>hi</body></message>
			H: message m
			C: <presence ` + jc + ` id='p'/>
			H: presence p
			C: <iq ` + jc + ` type='get' id='i' to='b'><ping xmlns='urn:xmpp:ping'/></iq>
			H: iq i`,
		"an answer through Send": ready + `
			C: <message ` + jc + ` to='room@rooms.example' id='echo' type='groupchat'><body>hi</body></message>
			H: message echo
			S?: <message jabber:client from='room@rooms.example' id='echo' <body>hi</body></message>`,
		"from: full": ready + `
			C: <message ` + jc + ` from='abc@visitors.example/web' id='m'/>
			H: message m`,
		"from: bare": ready + `
			C: <message ` + jc + ` from='abc@visitors.example' id='m'/>
			H: message m`,
		"from: not canonical": ready + `
			C: <message ` + jc + ` from='ABC@Visitors.example/web' id='m'/>
			H: message m`,
		"from: another": ready + `
			C: <message ` + jc + ` from='abd@visitors.example/web' id='m'/>
			E: bad-protocol invalid-from`,
		"from: another resource": ready + `
			C: <message ` + jc + ` from='abc@visitors.example/Web' id='m'/>
			E: bad-protocol invalid-from`,
		"from: the domain": ready + `
			C: <presence ` + jc + ` from='visitors.example' id='m'/>
			E: bad-protocol invalid-from`,
		"from: empty": ready + `
			C: <message ` + jc + ` from='' id='m'/>
			E: bad-protocol invalid-from`,
		"from: nonsense, on an answer too": ready + `
			C: <iq ` + jc + ` type='result' from='@' id='m'/>
			E: bad-protocol invalid-from`,
		"request without id": ready + `
			C: <iq ` + jc + ` type='get' to='b'><ping xmlns='urn:xmpp:ping'/></iq>
			S?: <iq type='error' from='b' <bad-request
			E: not`,
		"request of no type": ready + `
			C: <iq ` + jc + ` id='1'><ping xmlns='urn:xmpp:ping'/></iq>
			S?: <iq type='error' id='1' <bad-request
			E: not`,
		"request of an unknown type": ready + `
			C: <iq ` + jc + ` id='1' type='GET'><ping xmlns='urn:xmpp:ping'/></iq>
			S?: <iq type='error' id='1' <bad-request
			E: not`,
		"request for nothing": ready + `
			C: <iq ` + jc + ` id='1' type='set'>text</iq>
			S?: <iq type='error' id='1' <bad-request
			E: not`,
		"answers get no error": ready + `
			C: <iq ` + jc + ` type='error'><error type='cancel'/></iq>
			H: iq 
			C: <iq ` + jc + ` type='result'/>
			H: iq `,
		"session": ready + `
			C: <iq ` + jc + ` type='set' id='s1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
			S: <iq xmlns='jabber:client' type='result' id='s1'/>
			C: <iq ` + jc + ` type='set' id='s2' to='site.example'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
			S: <iq xmlns='jabber:client' type='result' id='s2' from='site.example'/>`,
		"session with somebody else": ready + `
			C: <iq ` + jc + ` type='set' id='s1' to='b@c'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
			H: iq s1`,
		"wrong namespace": ready + `
			C: <message xmlns='jabber:server' id='m'/>
			E: bad-protocol invalid-namespace`,
		"namespace of components": ready + `
			C: <message xmlns='jabber:component:accept' id='m'/>
			E: bad-protocol invalid-namespace`,
		"namespace of components, by a prefix": ready + `
			C: <c:iq xmlns:c='jabber:component:accept' type='get' id='m'><ping xmlns='urn:xmpp:ping'/></c:iq>
			E: bad-protocol invalid-namespace`,
		"no namespace": ready + `
			C: <iq id='m'/>
			E: bad-protocol invalid-namespace`,
		"unknown stanza": ready + `
			C: <hello ` + jc + `/>
			E: bad-protocol unsupported-stanza-type`,
		"unknown namespace": ready + `
			C: <hello xmlns='urn:x'/>
			E: bad-protocol unsupported-stanza-type`,
		"client state": ready + `
			C: <inactive xmlns='urn:xmpp:csi:0'/>
			C: <active xmlns='urn:xmpp:csi:0'/>
			E: not
			C: <asleep xmlns='urn:xmpp:csi:0'/>
			E: bad-protocol unsupported-stanza-type`,
	})
}

func TestStreamManagement(t *testing.T) {
	const (
		sm      = `xmlns='urn:xmpp:sm:3'`
		message = `
			C: <message ` + jc + ` to='a@b' id='m'/>
			H: message m`
		echo = `
			C: <message ` + jc + ` to='a@b' id='echo'/>
			H: message echo
			S?: <message id='echo'`
		unexpected = `
			S: <failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
			E: not`
		r = `
			C: <r ` + sm + `/>`
	)
	play(t, map[string]string{
		"counts from enable on": ready + message + `
			C: <enable ` + sm + `/>
			S?: <enabled xmlns='urn:xmpp:sm:3' id='` + r + `
			S: <a xmlns='urn:xmpp:sm:3' h='0'/>` + message + message + r + `
			S: <a xmlns='urn:xmpp:sm:3' h='2'/>
			C: <active xmlns='urn:xmpp:csi:0'/>` + r + `
			S: <a xmlns='urn:xmpp:sm:3' h='2'/>
			C: <iq ` + jc + ` id='1'/>
			S?: <bad-request` + r + `
			S: <a xmlns='urn:xmpp:sm:3' h='3'/>`,
		"acks for what was sent": enabled + echo + echo + `
			C: <a ` + sm + ` h='0'/>
			C: <a ` + sm + ` h='1'/>
			C: <a ` + sm + ` h='1'/>
			C: <a ` + sm + ` h='2'/>
			E: not`,
		"answers of ours count too": enabled + `
			C: <iq ` + jc + ` id='1'/>
			S?: <bad-request
			C: <iq ` + jc + ` type='set' id='s1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
			S?: type='result'` + r + `
			S?: h='2'
			C: <a ` + sm + ` h='2'/>
			E: not`,
		"ack for more": enabled + echo + `
			C: <a ` + sm + ` h='2'/>
			S: <a xmlns='urn:xmpp:sm:3' h='1'/>
			E: bad-protocol undefined-condition<handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'/>`,
		"ack without h": enabled + `
			C: <a ` + sm + `/>
			S?: h='0'
			E: bad-protocol bad-format`,
		"ack with a negative h": enabled + `
			C: <a ` + sm + ` h='-1'/>
			S?: h='0'
			E: bad-protocol bad-format`,
		"ack with a huge h": enabled + `
			C: <a ` + sm + ` h='4294967296'/>
			S?: h='0'
			E: bad-protocol bad-format`,
		"enabled twice": enabled + `
			C: <enable ` + sm + `/>` + unexpected,
		"resume when bound": ready + `
			C: <resume ` + sm + ` previd='x' h='0'/>` + unexpected,
		"request when not enabled": ready + r + unexpected,
		"ack when not enabled": ready + `
			C: <a ` + sm + ` h='0'/>` + unexpected,
		"unknown": enabled + `
			C: <hello ` + sm + `/>
			S?: h='0'
			E: bad-protocol unsupported-stanza-type`,
		"another version": ready + `
			C: <enable xmlns='urn:xmpp:sm:2'/>
			E: bad-protocol unsupported-stanza-type`,
	})
}

func TestStreamManagementLastAck(t *testing.T) {
	r := newRig(t, "ws")
	r.play(enabled + `
		C: <message ` + jc + ` id='m'/>
		H: message m`)
	r.stream.End(Ending{Reason: ClientClosed})
	r.drain()
	r.play(`
		S: <a xmlns='urn:xmpp:sm:3' h='1'/>
		E: client-closed`)
}

// XEP-0198 §4: after 2^32-1 comes 0.
func TestStreamManagementWraps(t *testing.T) {
	r := newRig(t, "ws")
	r.play(enabled)
	last := ^uint32(0)
	r.stream.led.handled, r.stream.led.sent, r.stream.led.acked = last, last, last-1
	r.play(fmt.Sprintf(`
		C: <message %[1]s id='echo'/>
		H: message echo
		S?: <message
		C: <r xmlns='urn:xmpp:sm:3'/>
		S: <a xmlns='urn:xmpp:sm:3' h='0'/>
		C: <a xmlns='urn:xmpp:sm:3' h='%[2]d'/>
		C: <a xmlns='urn:xmpp:sm:3' h='0'/>
		E: not
		C: <a xmlns='urn:xmpp:sm:3' h='1'/>
		S?: h='0'
		E: bad-protocol undefined-condition<handled-count-too-high xmlns='urn:xmpp:sm:3' h='1' send-count='0'/>`,
		jc, last))
}

func TestPause(t *testing.T) {
	r := newRig(t, "ws")
	r.gate.host.Stanzas = Rate{PerSecond: 2, Burst: 6}
	r.gate.host.Bytes = Rate{PerSecond: 1000, Burst: 10000}
	r.play(ready) // four elements and headers, which are not counted
	m := `<message ` + jc + ` id='m'/>`
	var pauses []time.Duration
	for range 6 {
		pauses = append(pauses, r.stream.Receive(r.element(m)))
	}
	for i, want := range []time.Duration{0, 0, 0, 0, 500 * time.Millisecond, time.Second} {
		if pauses[i] != want {
			t.Errorf("pauses %v; the %d. should be %v", pauses, i+1, want)
		}
	}
	if len(r.gate.told) != 6 {
		t.Errorf("%d of 6 stanzas reached the handler", len(r.gate.told))
	}
	r.clock.pass(time.Minute)
	big := fmt.Sprintf(`<message %s id='m'><body>%012000d</body></message>`, jc, 0)
	if got, want := r.stream.Receive(r.element(big)), time.Duration(len(big)-10000)*time.Millisecond; got != want {
		t.Errorf("pause after %d bytes: %v, want %v", len(big), got, want)
	}
	r.stream.End(Ending{Reason: Shutdown})
	if got := r.stream.Receive(r.element(m)); got != 0 {
		t.Errorf("pause after the end: %v", got)
	}
}
