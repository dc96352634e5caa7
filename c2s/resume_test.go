package c2s

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/xmpp"
)

// resumable is a rig whose sessions outlive their streams.
func resumable(t testing.TB, transport string) *rig {
	r := newRig(t, transport)
	r.gate.undelivered = true
	r.cfg.Resume = Resume{
		Max: 5 * time.Minute, Wheel: r.wheel,
		Lost: func(s *Stream, e Ending, promised time.Duration) time.Duration {
			r.gate.tell("lost %v, promised %v", e.Reason, promised)
			return promised
		},
		Resumed: func(s, old *Stream) error {
			r.gate.tell("resumed %s of %v", s.Bound(), s.Owner())
			return nil
		},
	}
	return r
}

// playResume runs each script on a stream of its own, whose process resumes.
func playResume(t *testing.T, scripts map[string]string) {
	t.Helper()
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			r := resumable(t, "ws")
			r.gate.old = r.stream
			r.play(script)
		})
	}
}

const (
	smns = `xmlns='urn:xmpp:sm:3'`
	// promised is a client that may resume; its session's id is $id.
	promised = ready + `
		C: <enable ` + smns + ` resume='true'/>
		I: <enabled ` + smns + ` id='$id' resume='true' max='300'/>`
	askedAck = `
		S: <r ` + smns + `/>`
	m1     = "\n" + `S: <message xmlns='jabber:client' id='1'/>`
	m2     = "\n" + `S: <message xmlns='jabber:client' id='2'/>`
	m3     = "\n" + `S: <message xmlns='jabber:client' id='3'/>`
	parked = `
		X: connection-lost
		H: lost connection-lost, promised 5m0s`
	bindAgain = `
		C: <iq xmlns='jabber:client' type='set' id='b2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>again</resource></bind></iq>
		H: bind "again"
		H: closed replaced
		S: <iq xmlns='jabber:client' type='result' id='b2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>abc@visitors.example/web</jid></bind></iq>`
	resumedBy = `
		H: resumed abc@visitors.example/web of web
		H: closed replaced`
)

// resumes asks for the session, and resumedAt is the answer of a server that has had so much of the client's.
func resumes(h string) string { return "\nC: <resume " + smns + " previd='$id' h='" + h + "'/>" }
func resumedAt(h string) string {
	return resumedBy + "\nS: <resumed " + smns + " previd='$id' h='" + h + "'/>"
}

const second = `
		=: second` + loggedIn

func TestResume(t *testing.T) {
	const (
		failed    = "\n" + `S: <failed ` + smns + `><`
		condition = ` xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`
		unbound   = `
			C: <iq xmlns='jabber:client' type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>
			H: bind "web"
			S?: <jid>abc@visitors.example/web</jid>`
	)
	neighbour := strings.ReplaceAll(loggedIn, "site.example", "neighbour.example")
	playResume(t, map[string]string{
		"what wasn't acknowledged, and what came meanwhile": promised + `
			M: 1` + m1 + askedAck + `
			M: 2` + m2 + parked + `
			M: 3` + second + resumes("1") + resumedAt("0") + m2 + m3 + askedAck + `
			C: <a ` + smns + ` h='3'/>
			E: not`,
		"again and again, by the same id": promised + chatOf("1") + parked + `
			M: 1` + second + resumes("0") + resumedAt("1") + m1 + askedAck + chatOf("2") + parked + `
			=: third` + loggedIn + resumes("1") + resumedAt("2") + parked + `
			M: 2
			=: fourth` + loggedIn + resumes("1") + resumedAt("2") + m2 + askedAck,
		"a session that still runs": promised + `
			M: 1` + m1 + askedAck + second + resumes("0") + resumedAt("0") + m1 + askedAck + `
			=: first
			E: replaced conflict
			X: connection-lost
			Q: client-closed
			=: second
			E: not`,
		"the old stream says nothing any more": promised + second + resumes("0") + resumedAt("0") + `
			=: first
			C: <message ` + jc + ` to='a@b' id='late'/>
			=: second
			C: <r ` + smns + `/>
			S: <a ` + smns + ` h='0'/>
			=: first
			E: replaced conflict`,
		"of another site": promised + parked + `
			=: second` + neighbour + resumes("0") + failed + `item-not-found` + condition + unbound,
		"of another site, when it's dead": promised + chatOf("1") + parked + `
			T: 6m
			H: closed connection-lost
			=: second` + neighbour + resumes("0") + failed + `item-not-found` + condition,
		"without h": promised + parked + second + `
			C: <resume ` + smns + ` previd='$id'/>` + failed + `bad-request` + condition + resumes("0") + resumedAt("0"),
		"with an h that is no number": promised + parked + second + resumes("4294967296") + failed + `bad-request` + condition + resumes("-1") + failed +
			`bad-request` + condition,
		"without previd": promised + parked + second + `
			C: <resume ` + smns + ` h='0'/>` + failed + `bad-request` + condition + unbound,
		"with an h below what was acknowledged": promised + `
			M: 1` + m1 + askedAck + `
			M: 2` + m2 + `
			C: <a ` + smns + ` h='2'/>` + parked + second + resumes("1") + `
			E: bad-protocol undefined-condition<handled-count-too-high ` + smns + ` h='1' send-count='2'/>`,
		"acknowledged too much after it": promised + `
			M: 1` + m1 + askedAck + `
			M: 2` + m2 + parked + second + resumes("1") + resumedAt("0") + m2 + askedAck + `
			C: <a ` + smns + ` h='3'/>
			H: closed bad-protocol
			H: undelivered 2
			S: <a ` + smns + ` h='0'/>
			E: bad-protocol undefined-condition<handled-count-too-high ` + smns + ` h='3' send-count='2'/>`,
		"an id in other letters": promised + parked + second + `
			C: <resume ` + smns + ` previd='$id ' h='0'/>` + failed + `item-not-found` + condition,
		"twice": promised + parked + second + resumes("0") + resumedAt("0") + resumes("0") + failed + `unexpected-request` + condition + `
			C: <enable ` + smns + `/>` + failed + `unexpected-request` + condition + `
			E: not`,
		"bind after it": promised + parked + second + resumes("0") + resumedAt("0") + `
			C: <iq xmlns='jabber:client' type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>
			S?: type='error' <not-allowed` + askedAck,
		"not promised": ready + `
			C: <enable ` + smns + `/>
			I: <enabled ` + smns + ` id='$id'/>
			X: connection-lost
			H: lost connection-lost, promised 0s
			H: closed connection-lost` + second + resumes("0") + failed + `item-not-found` + condition,
		"after a goodbye": promised + chatOf("1") + `
			Q: client-closed
			H: closed client-closed
			S: <a ` + smns + ` h='1'/>` + second + resumes("0") + `
			S: <failed ` + smns + ` h='1'><item-not-found` + condition,
		"after a login with the visitor's token": promised + chatOf("1") + parked + second + bindAgain + `
			=: third` + loggedIn + resumes("0") + `
			S: <failed ` + smns + ` h='1'><item-not-found` + condition,
	})
}

// XEP-0198 §5: the client may wish for less than the server allows, and gets what it is told.
func TestResumeHonoursMax(t *testing.T) {
	for wish, told := range map[string]string{
		"max='60'": "60", "max='300'": "300", "max='301'": "300", "": "300", "max='0'": "300", "max='-1'": "300", "max='soon'": "300",
	} {
		r := resumable(t, "ws")
		r.play(ready + `
			C: <enable ` + smns + ` resume='true' ` + wish + `/>
			I: <enabled ` + smns + ` id='$id' resume='true' max='` + told + `'/>
			X: connection-lost
			H: lost connection-lost, promised ` + map[string]string{"60": "1m0s", "300": "5m0s"}[told] + `
			T: ` + told + `s
			T: 1s
			H: closed connection-lost
			E: connection-lost`)
		if n := r.cfg.sessions.len(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	}
}

func TestResumeIsRefused(t *testing.T) {
	for condition, err := range map[string]error{
		"not-allowed":    &xmpp.StanzaError{Type: "cancel", Condition: "not-allowed"},
		"item-not-found": errors.New("no reason for strangers to see"),
	} {
		r := resumable(t, "ws")
		accept := r.cfg.Resume.Resumed
		r.cfg.Resume.Resumed = func(s, old *Stream) error {
			if s.Bound() != "abc@visitors.example/web" || s.Owner() != "web" || old.Ended() != nil {
				t.Errorf("asked for %s of %v, the old one's end: %v", s.Bound(), s.Owner(), old.Ended())
			}
			r.gate.tell("asked")
			old.SendRaw([]byte(messageOf("2"))) // nothing gets lost meanwhile
			return err
		}
		r.play(promised + `
			M: 1` + m1 + askedAck + parked + second + resumes("0") + `
			H: asked
			S: <failed ` + smns + `><` + condition + ` xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`)
		if s := r.all["second"].stream; s.Bound() != "" || s.Owner() != nil {
			t.Errorf("bound to %q of %v", s.Bound(), s.Owner())
		}
		r.cfg.Resume.Resumed = accept
		r.play(`
			=: second` + resumes("0") + resumedAt("0") + m1 + m2 + askedAck)
	}
}

// Who is being taken over and asked for is ended or lost meanwhile, or who takes over is ended.
func TestResumeMeetsAnEnd(t *testing.T) {
	r := resumable(t, "ws")
	r.cfg.Resume.Resumed = func(s, old *Stream) error {
		old.End(Ending{Reason: Terminated})
		return nil
	}
	r.play(promised + `
		M: 1` + m1 + askedAck + second + resumes("0") + `
		H: closed replaced
		H: closed terminated
		H: undelivered 1
		S: <resumed ` + smns + ` previd='$id' h='0'/>` + m1 + `
		S: <a ` + smns + ` h='0'/>
		=: first
		E: terminated`)
	r = resumable(t, "ws")
	r.cfg.Resume.Resumed = func(s, old *Stream) error {
		old.Lose(Ending{Reason: ConnectionLost})
		return errors.New("no")
	}
	r.play(promised + second + resumes("0") + `
		H: lost connection-lost, promised 5m0s
		S?: <item-not-found
		=: first
		T: 6m
		H: closed connection-lost`)
	r = resumable(t, "ws")
	r.cfg.Resume.Resumed = func(s, _ *Stream) error {
		s.End(Ending{Reason: Terminated})
		return nil
	}
	r.play(promised + chatOf("1") + parked + second + resumes("0") + `
		H: closed replaced
		H: closed terminated
		S: <resumed ` + smns + ` previd='$id' h='1'/>`)
	if n := r.cfg.sessions.len(); n != 0 {
		t.Fatalf("%d sessions that have ended could be resumed", n)
	}
	r.play(`
		=: third` + loggedIn + resumes("0") + `
		S: <failed ` + smns + ` h='1'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`)
}

// XEP-0198 §4: after 2^32-1 comes 0, in a resumption too.
func TestResumeWraps(t *testing.T) {
	r := resumable(t, "ws")
	r.play(promised)
	l := r.stream.led
	l.handled, l.sent, l.acked = ^uint32(0), ^uint32(0)-1, ^uint32(0)-1
	r.play(chatOf("1") + `
		M: 1` + m1 + askedAck + `
		M: 2` + m2 + `
		M: 3` + m3 + parked + second + resumes("0") + resumedAt("0") + m3 + askedAck + `
		C: <a ` + smns + ` h='1'/>
		E: not`)
}

// What is lost without a promise waits as long as the Handler wants; and not at all if it doesn't.
func TestParkedWithoutAPromise(t *testing.T) {
	r := resumable(t, "ws")
	r.cfg.Resume.Lost = func(*Stream, Ending, time.Duration) time.Duration { return 45 * time.Second }
	r.play(ready + `
		X: inactive
		T: 40s
		M: 1`)
	if !r.stream.Parked() {
		t.Error("not parked")
	}
	r.play(`
		T: 6s
		H: closed inactive
		H: undelivered 1
		E: inactive`)
	if r.stream.Parked() || r.stream.SendRaw(chat) || r.stream.Pending() != 0 {
		t.Errorf("it takes more after its end: %d bytes", r.stream.Pending())
	}
}

// Nothing is lost between the end of the time and the Handler's last look.
func TestSentWhileItEnds(t *testing.T) {
	r := resumable(t, "ws")
	r.cfg.Handler = lastWord{r.gate}
	r.play(promised + parked + `
		T: 6m
		H: closed connection-lost
		H: undelivered last
		E: connection-lost`)
}

// lastWord is a Handler whose visitor is still found when his stream ends.
type lastWord struct{ *gate }

func (g lastWord) Closed(s *Stream, e Ending) {
	s.SendRaw([]byte(messageOf("last")))
	g.gate.Closed(s, e)
}

// A parked stream holds an outbox and a queue, no more; what it ends for is told, and everything that it had.
func TestParkedOverflows(t *testing.T) {
	r := resumable(t, "ws")
	r.cfg.Outbox, r.cfg.Resume.Queue = 2<<10, 3<<10
	r.play(promised + parked)
	n, size := 0, len(messageOf("100"))
	for ; r.stream.Ended() == nil; n++ {
		r.stream.SendRaw([]byte(messageOf(fmt.Sprint(100 + n))))
	}
	if want := 5<<10/size + 1; n != want {
		t.Errorf("full after %d messages, want %d", n, want)
	}
	if got := r.gate.told; len(got) != n+1 || got[0] != "closed overflow" || got[n] != fmt.Sprint("undelivered ", 100+n-1) {
		t.Errorf("the handler was told %q", got)
	}
	r.gate.told = nil
	r.play("E: overflow policy-violation")
}

// A client that acknowledges nothing gets no more than the queue holds, and is ended when more waits than there is room for
// (too_many_unacked_stanzas of sm_SUITE), or when it has been silent for too long.
func TestTooManyUnackedStanzas(t *testing.T) {
	r := resumable(t, "ws")
	r.cfg.Outbox, r.cfg.Resume.Queue = 8<<10, 2<<10
	hear := func() (messages, questions int) {
		var more bool
		r.stream.Drain(nil, 1<<20, func(dst, e []byte) []byte {
			if more = string(e) == string(askAck); more {
				questions++
			} else {
				messages++
			}
			return append(dst, e...)
		})
		return messages, questions
	}
	hears := func(when string, messages, questions int) {
		t.Helper()
		if m, q := hear(); m != messages || q != questions {
			t.Fatalf("%s: %d messages and %d questions, want %d and %d", when, m, q, messages, questions)
		}
	}
	acks := func(h int) { r.stream.Receive(r.element(fmt.Sprintf(`<a %s h='%d'/>`, smns, h))) }
	flood := func(n int) {
		for range n {
			r.stream.SendRaw(chat)
		}
	}
	r.play(promised)
	room := 2<<10/len(chat) + 1
	flood(2 * room)
	hears("at first", room, 1)
	hears("while it's full", 0, 0)
	acks(0)
	hears("nothing is new", 0, 0)
	acks(1)
	hears("room for one", 1, 1)
	acks(room + 1)
	hears("room for all", room-1, 1)
	r.clock.pass(time.Hour)
	r.stream.Expire()
	flood(2) // a little more than there is room for
	hears("full again", 1, 0)
	r.clock.pass(59 * time.Second)
	r.stream.Expire()
	if e := r.stream.Ended(); e != nil {
		t.Fatalf("ended %s before its time", ending(e))
	}
	r.clock.pass(time.Second)
	r.stream.Expire()
	hears("the rest and an acknowledgement", 2, 0)
	r.gate.told = []string{"closed unacked"} // and what wasn't delivered
	r.play("E: unacked policy-violation")

	r = resumable(t, "ws")
	r.cfg.Outbox, r.cfg.Resume.Queue = 8<<10, 2<<10
	r.play(promised)
	for r.stream.Ended() == nil {
		flood(1)
		hear()
	}
	r.gate.told = []string{"closed unacked"}
	r.play("E: unacked policy-violation")
}
