package c2s

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/xmpp"
)

// Over BOSH the features have no <sm/>, and there is neither <open/> nor <r/>.
const (
	loggedInBOSH = `
		C: <open to='site.example' version='1.0'/>
		H: open site.example
		S: <open from='site.example'/>
		S?: <mechanism>
		C: <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>
		S?: <success
		C: <open to='site.example' version='1.0'/>
		S: <open from='site.example'/>
		S?: <bind`
	readyBOSH = loggedInBOSH + `
		C: <iq xmlns='jabber:client' type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>
		H: bind "web"
		S?: <jid>abc@visitors.example/web</jid>`
	secondBOSH = `
		=: second bosh` + loggedInBOSH
	lostInactive = `
		X: inactive
		H: lost inactive, promised 0s`
)

// playSucceed is playResume for visitors who are waited for without a promise, over this carrier first.
func playSucceed(t *testing.T, transport string, scripts map[string]string) {
	t.Helper()
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			r := resumable(t, transport)
			lost := r.cfg.Resume.Lost
			r.cfg.Resume.Lost = func(s *Stream, e Ending, promised time.Duration) time.Duration {
				return max(lost(s, e, promised), 45*time.Second)
			}
			r.gate.old = r.stream
			r.play(script)
		})
	}
}

func TestSucceed(t *testing.T) {
	lostPlain := strings.ReplaceAll(parked, "5m0s", "0s")
	third := "\n=: third" + loggedIn
	token3 := strings.ReplaceAll(bindAgain, "b2", "b3")
	playSucceed(t, "ws", map[string]string{
		"without acknowledgements what is written is gone": ready + chatOf("1") + `
			M: 1` + m1 + lostPlain + `
			M: 2` + second + bindAgain + m2,
		"but not before the client has said a word": ready + `
			M: 1` + m1 + lostPlain + `
			M: 2` + second + bindAgain + m1 + m2,
		"with acknowledgements": promised + `
			M: 1` + m1 + askedAck + `
			M: 2` + m2 + `
			C: <a ` + smns + ` h='1'/>` + askedAck + parked + `
			M: 3` + second + bindAgain + m2 + m3,
		"a stream that runs": promised + `
			M: 1` + m1 + askedAck + second + bindAgain + m1 + `
			=: first
			E: replaced conflict
			M: 2
			=: second` + m2,
		"lost again before the client counts": promised + `
			M: 1` + m1 + askedAck + parked + second + bindAgain + m1 + lostPlain + `
			O: second` + third + token3 + m1 + `
			C: <enable ` + smns + `/>
			I: <enabled ` + smns + ` id='$other'/>` + askedAck + `
			M: 2` + m2 + lostPlain + `
			O: third
			=: fourth` + loggedIn + token3 + m1 + m2,
		"what was there before counts with the first acknowledgement": promised + `
			M: 1` + m1 + askedAck + parked + second + bindAgain + m1 + `
			C: <enable ` + smns + `/>
			I: <enabled ` + smns + ` id='$other'/>` + askedAck + `
			C: <a ` + smns + ` h='0'/>
			M: 2` + m2 + askedAck + lostPlain + `
			O: second` + third + token3 + m2,
		"what nobody has heard of the first bind stays with it": loggedIn + `
			B: <iq xmlns='jabber:client' type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>
			H: bind "web"
			L: connection-lost
			H: lost connection-lost, promised 0s
			M: 1` + second + bindAgain + m1,
		"to BOSH": promised + `
			M: 1` + m1 + askedAck + parked + `
			M: 2` + secondBOSH + bindAgain + m1 + m2,
		"sent to the oldest of three": ready + second + bindAgain + `
			O: second` + third + token3 + `
			=: first
			M: 1
			=: third` + m1 + `
			=: first
			E: replaced conflict
			=: second
			E: replaced conflict`,
		"the time is over": ready + lostPlain + `
			T: 46s
			H: closed connection-lost` + second + `
			C: <iq xmlns='jabber:client' type='set' id='b2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>again</resource></bind></iq>
			H: bind "again"
			S?: <jid>abc@visitors.example/again</jid>`,
	})
	playSucceed(t, "bosh", map[string]string{
		"what isn't confirmed": readyBOSH + `
			M: 1` + m1 + `
			M: 2` + m2 + `
			N: 1` + lostInactive + `
			M: 3` + second + bindAgain + m2 + m3 + `
			C: <enable ` + smns + `/>
			I: <enabled ` + smns + ` id='$other'/>` + askedAck,
		"all is confirmed": readyBOSH + `
			M: 1` + m1 + `
			N: 1` + lostInactive + second + bindAgain,
		"to BOSH again, and again": readyBOSH + `
			M: 1` + m1 + lostInactive + secondBOSH + bindAgain + m1 + lostInactive + `
			O: second
			=: third bosh` + loggedInBOSH + token3 + m1 + `
			N: 1` + lostInactive + `
			O: third
			=: fourth` + loggedIn + token3,
	})
}

// A bind that fails after Succeed leaves the stream with what it has, for another try; an end tells it.
func TestSucceedWithoutBind(t *testing.T) {
	r := resumable(t, "ws")
	r.play(promised + `
		M: 1` + m1 + askedAck + parked)
	r.gate.old = r.stream
	fails := true
	r.cfg.Handler = stubborn{r.gate, &fails}
	r.play(second + `
		C: <iq xmlns='jabber:client' type='set' id='b2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>again</resource></bind></iq>
		H: bind "again"
		H: closed replaced
		S?: type='error' <resource-constraint`)
	fails = false
	r.gate.old = r.all["second"].stream // nothing to take over any more: the gate makes an address
	r.play(`
		=: first
		M: 2
		=: second
		C: <iq xmlns='jabber:client' type='set' id='b3'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>web</resource></bind></iq>
		H: bind "web"
		S?: <jid>abc@visitors.example/web</jid>` + m1 + m2)
	if r.all["second"].stream.Parked() {
		t.Error("parked")
	}
}

// stubborn is a gate whose Bind fails after all.
type stubborn struct {
	*gate
	fails *bool
}

func (g stubborn) Bind(s *Stream, resource string) (string, error) {
	jid, err := g.gate.Bind(s, resource)
	if *g.fails {
		return "", &xmpp.StanzaError{Type: "wait", Condition: "resource-constraint"}
	}
	return jid, err
}

// Who takes over waits for the stanza that is being handled, and it counts as handled.
func TestSucceedWaits(t *testing.T) {
	r := resumable(t, "ws")
	r.play(promised)
	at, on := make(chan struct{}), make(chan struct{})
	r.cfg.Handler = slow{r.gate, at, on}
	old := r.stream
	said := r.element(`<message ` + jc + ` id='slow'/>`)
	r.scan = xmpp.NewScanner(xmpp.Limits{}) // the element lives as long as its scanner isn't used
	var wg sync.WaitGroup
	wg.Go(func() { old.Receive(said) }) // ends when on is closed
	<-at
	n := r.other("second")
	n.play(loggedIn)
	wg.Go(func() { // ends when the stanza is done
		scan := xmpp.NewScanner(xmpp.Limits{})
		e, err := scan.One([]byte(n.fill(`<resume ` + smns + ` previd='$id' h='0'/>`)))
		if err != nil {
			t.Error(err)
			return
		}
		n.stream.Receive(e)
	})
	for { // until it waits
		old.mu.Lock()
		waits := old.pass != nil && old.pass.idle != nil
		old.mu.Unlock()
		if waits {
			break
		}
		runtime.Gosched()
	}
	if n.stream.Bound() != "" {
		t.Error("it didn't wait")
	}
	close(on)
	wg.Wait()
	n.drain()
	n.play(`
		H: message slow` + resumedAt("1"))
}

type slow struct {
	*gate
	at, on chan struct{}
}

func (g slow) Stanza(s *Stream, e *xmpp.Element) {
	close(g.at)
	<-g.on
	g.gate.Stanza(s, e)
}

// Senders who hold whatever stream the session has had, while it goes from one to the next: nothing is lost, nothing comes twice, and each sender's
// messages stay in order. Two clients at a time want the session, only one gets it from each stream.
func TestSucceedConcurrently(t *testing.T) {
	const senders, messages, streams = 3, 300, 20
	r := resumable(t, "ws")
	r.gate.undelivered = false
	r.cfg.Outbox = 4 << 20
	r.cfg.Resume.Resumed = nil
	r.cfg.Resume.Lost = func(*Stream, Ending, time.Duration) time.Duration { return time.Minute }
	r.play(promised)
	first := r.stream
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() { // ends by itself
			for i := range messages {
				if first.SendRaw(fmt.Appendf(nil, "<message id='%d-%03d'/>", sender, i)) {
					first.Wake()
				}
			}
		})
	}
	last := [senders]int{-1, -1, -1}
	h := uint32(0)
	hear := func(s *Stream) {
		s.Drain(nil, 1<<20, func(dst, e []byte) []byte {
			var sender, i int
			if n, _ := fmt.Sscanf(idOf(e), "%d-%d", &sender, &i); n == 2 {
				if i != last[sender]+1 {
					t.Errorf("%d of sender %d after %d", i, sender, last[sender])
				}
				last[sender], h = i, h+1
			}
			return append(dst, e...)
		})
	}
	current := first
	for n := range streams {
		if n%2 == 0 {
			hear(current)
		}
		if n%3 == 0 {
			current.Lose(Ending{Reason: ConnectionLost})
		}
		next := r.other(fmt.Sprint("s", n))
		next.say(`<open to='site.example' version='1.0'/>`)
		next.say(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`)
		next.say(`<open to='site.example' version='1.0'/>`)
		next.drain()
		next.say(r.fill(fmt.Sprintf(`<resume %s previd='$id' h='%d'/>`, smns, h)))
		current = next.stream
		if current.Bound() == "" {
			t.Fatalf("stream %d was not resumed", n)
		}
	}
	wg.Wait()
	hear(current)
	for sender, i := range last {
		if i != messages-1 {
			t.Errorf("sender %d came to %d", sender, i)
		}
	}
	for name, o := range r.all {
		if o.stream != current && (o.stream.Ended() == nil || r.gate.closed[o.stream] != 1) {
			t.Errorf("%s: ended %v, Closed %d times", name, o.stream.Ended(), r.gate.closed[o.stream])
		}
	}
}

// Everything at once: loss, end, time and two who take over. Closed comes once for each stream, and the session is somewhere or has ended.
func TestTakenFromAllSides(t *testing.T) {
	for range 200 {
		r := resumable(t, "ws")
		r.gate.undelivered = false
		r.play(promised)
		old := r.stream
		rivals := []*rig{r.other("a"), r.other("b")}
		for _, o := range rivals {
			o.say(`<open to='site.example' version='1.0'/>`)
			o.say(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`)
			o.say(`<open to='site.example' version='1.0'/>`)
			o.scan = xmpp.NewScanner(xmpp.Limits{})
		}
		resume := r.fill(`<resume ` + smns + ` previd='$id' h='0'/>`)
		var wg sync.WaitGroup // all of them end by themselves
		for _, o := range rivals {
			wg.Go(func() { o.stream.Receive(o.element(resume)) })
		}
		wg.Go(func() { old.Lose(Ending{Reason: ConnectionLost}) })
		wg.Go(func() { old.End(Ending{Reason: Terminated}) })
		wg.Go(func() { r.clock.pass(time.Hour); r.wheel.turn(r.clock.Now()) })
		wg.Go(func() { old.SendRaw(chat); old.Wake() })
		wg.Wait()
		goOn := 0
		for name, o := range r.all {
			ended := o.stream.Ended() != nil
			if want := map[bool]int{true: 1}[ended]; r.gate.closed[o.stream] != want {
				t.Fatalf("%s: Closed was called %d times, ended: %v", name, r.gate.closed[o.stream], ended)
			}
			if !ended && o.stream.Bound() != "" {
				goOn++
			}
		}
		if goOn > 1 || r.cfg.sessions.len() != goOn {
			t.Fatalf("%d streams go on, %d are to be found", goOn, r.cfg.sessions.len())
		}
	}
}

// Over BOSH what is kept is bounded too; what is forgotten is counted.
func TestUnconfirmedIsBounded(t *testing.T) {
	r := resumable(t, "bosh")
	r.cfg.Outbox, r.cfg.Resume.Queue = 2<<10, 2<<10
	r.play(readyBOSH)
	n := 100
	for range n {
		r.stream.SendRaw(chat)
		r.stream.Drain(nil, 1<<20, appendFrame)
	}
	kept := r.stream.led.kept
	if kept.pending() > 4<<10 || kept.n < 2 || int(r.cfg.Forgotten())+kept.n != n || r.stream.Written() != uint32(n) {
		t.Errorf("%d bytes, %d kept, %d forgotten, %d written", kept.pending(), kept.n, r.cfg.Forgotten(), r.stream.Written())
	}
	r.stream.Confirmed(uint32(n - 1))
	if kept := r.stream.led.kept; kept.n != 1 {
		t.Errorf("%d kept", kept.n)
	}
	r.stream.Confirmed(uint32(n))
	if r.stream.led.kept != nil {
		t.Error("the buffer isn't given back")
	}
}

// raceDetector is set where sync.Pool forgets at random, so that allocations can't be counted.
var raceDetector bool

// With a client that may resume, too, nothing is allocated on the way, and nothing is kept of what it has acknowledged.
func TestUnackedDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget")
	}
	r := resumable(t, "ws")
	r.play(promised)
	s := r.stream
	e := r.element(string(chat))
	h := &xmpp.Header{To: e.To, From: e.From, ID: e.ID, Type: e.Type}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() {
		s.Send(e, h)
		s.Wake()
		buf, _ = s.Drain(buf[:0], 4096, appendFrame)
		s.mu.Lock()
		s.led.asked = false
		s.confirm(s.led.sent)
		s.mu.Unlock()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if s.led.kept != nil || s.out != nil || s.led.sent == 0 {
		t.Errorf("%d stanzas written, kept: %v", s.led.sent, s.led.kept)
	}
}

// What is kept for a client that has fallen silent takes no more memory than it needs, and is still all there.
func TestCalmKeepsWhatIsUnacked(t *testing.T) {
	r := resumable(t, "ws")
	r.play(promised)
	s := r.stream
	say := func(id string) {
		s.SendRaw([]byte(`<message id='` + id + `'/>`))
		s.Drain(nil, 4096, appendFrame)
	}
	kept := func() (ids string) {
		s.led.kept.each(func(e []byte, _ uint32) { ids += string(e) })
		return ids
	}
	s.Calm() // nothing is kept yet
	say("1")
	say("2")
	say("3")
	s.mu.Lock()
	s.confirm(s.led.acked + 1)
	s.mu.Unlock()
	const left = `<message id='2'/><message id='3'/>`
	for range 2 {
		s.Calm()
		if got, most := kept(), 2*(len(left)+2*prefix); got != left || cap(s.led.kept.buf) > most {
			t.Errorf("kept %s in %d bytes, want %s in at most %d", got, cap(s.led.kept.buf), left, most)
		}
	}
	say("4")
	if got := kept(); got != left+`<message id='4'/>` {
		t.Errorf("kept %s", got)
	}
	s.mu.Lock()
	s.confirm(s.led.sent)
	s.mu.Unlock()
	if s.led.kept != nil {
		t.Errorf("kept %s", kept())
	}
}
