package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/bench/load"
	"usher/bench/measure"
	"usher/bench/stage"
)

// talk is pairs of sessions, each pair alone in a room, who send each other numbered messages and check what comes.
type talk struct {
	*runner
	base time.Time // times in messages count from it
	talkFlags
	pairs []*pair
	depth int // how many messages of a pair are on their way in a closed loop; 0 = open loop: who hears one doesn't answer

	latency atomic.Pointer[measure.Histogram] // of what is delivered now
	apart   [2]*measure.Histogram             // the same by transport, where there are both
	quiet   atomic.Bool                       // nobody answers any more
	awaited atomic.Int64                      // copies on their way: two of each message
	missed  int64                             // copies that were waited for in vain
	alive   atomic.Int64                      // pairs
	next    int                               // the open loop's next message
	readers sync.WaitGroup

	sessions, sent, delivered, lost, doubled, reordered *atomic.Int64
}

// talkFlags are those of each scenario that has one.
type talkFlags struct {
	size int           // of a body
	late time.Duration // for how long nothing may come before what has not come is lost
}

func (t *talkFlags) register(f *flag.FlagSet) {
	f.IntVar(&t.size, "size", 100, "`bytes` of a message's body")
	f.DurationVar(&t.late, "late", 10*time.Second, "what has not come is lost when nothing has come for so long")
}

// maxBody leaves room for the rest of a stanza of 64 KiB, which is what Usher takes.
const maxBody = 60000

// check says what is wrong with the values.
func (t *talkFlags) check(o *options) error {
	switch {
	case o.Sessions%2 != 0:
		return errors.New("-n: an even number, as two talk in each room")
	case o.Target == stage.Fake:
		return fmt.Errorf("-target %s: the fake upstream server has no rooms", stage.Fake)
	case o.Target == stage.Given && o.Rooms == "":
		return errors.New("-rooms: where are the rooms?")
	case t.size < headWidth || t.size > maxBody:
		return fmt.Errorf("-size: %d to %d", headWidth, maxBody)
	case t.late <= 0:
		return errors.New("-late: more than 0")
	}
	return nil
}

// pair is two who talk.
type pair struct {
	number int
	who    [2]*talker
	over   atomic.Bool // one of them has ended
}

// talker is one of them.
type talker struct {
	t    *talk
	pair *pair
	side int
	s    *load.Session

	mu     sync.Mutex // of sending
	w      *load.Worker
	frame  message
	number atomic.Uint64
	sent   uint64 // without what failed

	copies [2]sequence // of what each side has sent; its reader's until that has ended
}

// newTalk logs nobody in yet. Latencies go into the histogram of that name.
func newTalk(r *runner, flags talkFlags, depth int, latency string) *talk {
	t := &talk{runner: r, base: time.Now(), talkFlags: flags, depth: depth}
	t.sessions, t.sent, t.delivered = r.rec.Counter("sessions"), r.rec.Counter("sent"), r.rec.Counter("delivered")
	t.lost, t.doubled, t.reordered = r.rec.Counter("lost"), r.rec.Counter("doubled"), r.rec.Counter("reordered")
	t.latency.Store(r.rec.Histogram(latency))
	if r.transport == "both" {
		t.apart = [2]*measure.Histogram{r.rec.Histogram("message, ws"), r.rec.Histogram("message, bosh")}
	}
	for i := range r.Sessions / 2 {
		t.pairs = append(t.pairs, &pair{number: r.first/2 + i})
	}
	return t
}

// over is the transport of a pair: where both are meant, every other one has the same.
func (t *talk) over(p *pair) string {
	if t.transport != "both" {
		return t.transport
	}
	return []string{"ws", "bosh"}[p.number%2]
}

// login brings all into their rooms and lets them read.
func (t *talk) login(ctx context.Context) error {
	t.rec.Phase("logging in")
	tag := fmt.Sprintf("bench-%x-%x", os.Getpid(), t.base.UnixMilli())
	err := load.Each(ctx, len(t.pairs), t.c, func(ctx context.Context, i int, w *load.Worker) error {
		return t.enter(ctx, t.pairs[i], w, tag)
	})
	if err != nil {
		return err
	}
	for _, p := range t.pairs {
		t.alive.Add(1)
		for _, who := range p.who {
			t.readers.Go(who.read) // ends with its session, which leave ends
		}
	}
	return nil
}

// enter logs a pair in and brings it into its room.
func (t *talk) enter(ctx context.Context, p *pair, w *load.Worker, tag string) error {
	e, err := t.stage.Endpoint(t.over(p), p.number)
	if err != nil {
		return err
	}
	room := e.Room(fmt.Sprintf("%s-%d", tag, p.number))
	for side := range p.who {
		s, err := e.Open(ctx, w)
		if err != nil {
			return err
		}
		t.sessions.Add(1)
		p.who[side] = &talker{t: t, pair: p, side: side, s: s, w: load.NewWorker(), frame: newMessage(room, p.number, side, t.size)}
	}
	for side, who := range p.who {
		if err := who.s.Join(w, room, nicks[side]); err != nil {
			return err
		}
	}
	return nil
}

var nicks = [2]string{"a", "b"}

// read hears until the session ends.
func (me *talker) read() {
	err := me.s.Serve(me.hear)
	me.t.sessions.Add(-1)
	if err != nil {
		me.fail(err)
	}
}

// fail ends the pair: to a room where nobody listens, nothing is sent that would count as lost.
func (me *talker) fail(err error) {
	me.t.rec.Error(err)
	if !me.pair.over.Swap(true) {
		me.t.alive.Add(-1)
	}
}

// send sends the next message, which was due at a time.
func (me *talker) send(due time.Duration) {
	me.mu.Lock()
	defer me.mu.Unlock()
	if me.pair.over.Load() {
		return
	}
	me.frame.set(me.number.Add(1), due)
	me.t.awaited.Add(2)
	if err := me.s.Send(me.w, me.frame.b); err != nil {
		me.t.awaited.Add(-2)
		me.fail(err)
		return
	}
	me.sent++
	me.t.sent.Add(1)
}

// errors that are counted among the others.
var (
	errForeign = errors.New("a message of another room came")
	errUnsaid  = errors.New("a message came that nobody has sent")
)

// hear takes one stanza.
func (me *talker) hear(stanza []byte) {
	t := me.t
	if bytes.HasPrefix(stanza, []byte("<message")) && string(load.Attr(stanza, "type")) == "error" {
		t.rec.Error(fmt.Errorf("a message was refused: %s", load.Condition(stanza, "error"))) // with its body or without
		return
	}
	said, ok := parseMessage(stanza)
	if !ok {
		return // presence, the room's subject
	}
	switch {
	case said.pair != me.pair.number:
		t.rec.Error(errForeign)
		return
	case said.number > me.pair.who[said.side].number.Load():
		t.rec.Error(errUnsaid)
		return
	}
	v, missing := me.copies[said.side].take(said.number)
	if v != doubled {
		t.awaited.Add(-1)
	}
	if said.side == me.side {
		me.own(v, missing)
		return
	}
	switch v {
	case inOrder:
		t.delivered.Add(1)
		if missing > 0 {
			t.lost.Add(int64(missing))
		}
	case reordered:
		t.delivered.Add(1)
		t.reordered.Add(1)
		t.lost.Add(-1) // it was taken for lost
	case doubled:
		t.doubled.Add(1)
		return
	}
	now := time.Since(t.base)
	t.latency.Load().Record(now - said.due)
	if apart := t.apart[me.pair.number%2]; apart != nil {
		apart.Record(now - said.due)
	}
	if t.depth > 0 && !t.quiet.Load() {
		me.send(now)
	}
}

// own counts what is wrong with the copy that a room sends to who has said it.
func (me *talker) own(v verdict, missing uint64) {
	switch {
	case v == doubled:
		me.t.rec.Counter("own copies doubled").Add(1)
	case v == reordered:
		me.t.rec.Counter("own copies reordered").Add(1)
		me.t.rec.Counter("own copies lost").Add(-1)
	case missing > 0:
		me.t.rec.Counter("own copies lost").Add(int64(missing))
	}
}

// warm lets everybody say something once and waits for it, so that the first messages of a run are like the others.
func (t *talk) warm(ctx context.Context) error {
	t.rec.Phase("warming up")
	t.quiet.Store(true)
	for _, p := range t.pairs {
		for _, who := range p.who {
			who.send(time.Since(t.base))
		}
	}
	err := t.drain(ctx, load.Step)
	t.quiet.Store(false)
	if err == nil && t.awaited.Load() != 0 {
		err = fmt.Errorf("of the first %d messages of all, %d copies have not come within %v", t.sent.Load(), t.awaited.Load(), load.Step)
	}
	return err
}

// closed keeps depth messages of each pair on their way until the time is over: who hears one answers.
func (t *talk) closed(ctx context.Context) {
	for i := range t.depth {
		for _, p := range t.pairs {
			p.who[i%2].send(time.Since(t.base))
		}
	}
	_ = pause(ctx, t.length) // ended early: there is a result nevertheless
	t.quiet.Store(true)
}

// open sends rate messages a second for a time, to each room in turn, whatever comes of them. An error means that nobody is left.
func (t *talk) open(ctx context.Context, rate float64, length time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	t.rec.Pace(ctx, rate, length, func(_ int, due time.Time) {
		if t.alive.Load() == 0 {
			cancel(errNobody)
			return
		}
		for {
			i := t.next
			t.next++
			if p := t.pairs[i%len(t.pairs)]; !p.over.Load() {
				p.who[i/len(t.pairs)%2].send(due.Sub(t.base))
				return
			}
			if t.alive.Load() == 0 {
				return
			}
		}
	})
	if err := context.Cause(ctx); errors.Is(err, errNobody) {
		return fmt.Errorf("%w after %v", err, time.Since(start).Round(time.Second))
	}
	return nil
}

var errNobody = errors.New("all sessions have ended")

// drain waits until all that was sent has come, or nothing has for a while: then that is not waited for again.
func (t *talk) drain(ctx context.Context, patience time.Duration) error {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	last, since := t.awaited.Load(), time.Now()
	for last > t.missed && time.Since(since) < patience {
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if now := t.awaited.Load(); now != last {
			last, since = now, time.Now()
		}
		if t.alive.Load() == 0 {
			return errNobody
		}
	}
	t.missed = last
	return nil
}

// parting is how long it may take until all have left.
const parting = 10 * time.Second

// finish waits for what is on its way, takes the sessions down, and writes what was lost into the result.
func (t *talk) finish() error {
	err := t.drain(context.Background(), t.late)
	t.leave()
	if t.result == nil {
		return err
	}
	var lost, own uint64
	for _, p := range t.pairs {
		for side, who := range p.who {
			lost += p.who[1-side].copies[side].lost(who.sent)
			own += who.copies[side].lost(who.sent)
		}
	}
	t.result.Counters["lost"] = int64(lost)
	if own > 0 || t.result.Counters["own copies lost"] != 0 {
		t.result.Counters["own copies lost"] = int64(own)
	}
	if e, err := t.stage.Endpoint(stage.BOSH, 0); err == nil && e.Repeated.Load() > 0 {
		t.result.Counters["repeated requests"] = e.Repeated.Load()
	}
	for _, name := range []string{"doubled", "reordered", "own copies doubled", "own copies reordered"} {
		// What came after the measured time is as wrong as what came in it.
		if n := t.rec.Counter(name).Load(); n > 0 {
			t.result.Counters[name] = n
		}
	}
	return err
}

// leave ends all sessions and their readers: politely, but not for longer than parting.
func (t *talk) leave() {
	t.quiet.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), parting)
	defer cancel()
	defer context.AfterFunc(ctx, func() { t.each(func(who *talker) { who.s.Close() }) })()
	// Whoever can't leave, as the server is gone, is cut off.
	_ = load.Each(ctx, len(t.pairs), t.c, func(_ context.Context, i int, w *load.Worker) error {
		for _, who := range t.pairs[i].who {
			if who != nil && (who.pair.over.Load() || who.s.Leave(w) != nil) {
				who.s.Close()
			}
		}
		return nil
	})
	t.readers.Wait()
	t.each(func(who *talker) { who.s.Close() })
}

// each goes through all who are logged in.
func (t *talk) each(do func(who *talker)) {
	for _, p := range t.pairs {
		for _, who := range p.who {
			if who != nil {
				do(who)
			}
		}
	}
}

// message is a groupchat message whose numbers are written anew each time.
type message struct {
	b      []byte
	id, at int // where its id's number is, and its body
}

// What a body begins with, before a text: whose it is, its number, and when it was due. All numbers are of a fixed width.
const (
	greeting    = "bench "
	pairWidth   = 8
	numberWidth = 12
	dueWidth    = 16
	headWidth   = len(greeting) + pairWidth + 1 + 1 + 1 + numberWidth + 1 + dueWidth + 1
)

const lorem = "Lorem ipsum dolor sit amet, consectetur adipisici elit, sed eiusmod tempor incidunt ut labore et dolore magna aliqua. "

// newMessage makes one with a body of so many bytes, headWidth at least.
func newMessage(room string, pair, side, size int) message {
	var m message
	m.b = append(m.b, "<message xmlns='jabber:client' type='groupchat' to='"+room+"' id='"+nicks[side]...)
	m.id = len(m.b)
	m.b = append(m.b, strings.Repeat("0", numberWidth)+"'><body>"...)
	m.at = len(m.b)
	m.b = append(m.b, greeting...)
	m.b = append(m.b, fmt.Sprintf("%0*x %s %0*x %0*x ", pairWidth, pair, nicks[side], numberWidth, 0, dueWidth, 0)...)
	text := strings.Repeat(lorem, (size-headWidth)/len(lorem)+1)
	m.b = append(m.b, text[:size-headWidth]...)
	m.b = append(m.b, "</body></message>"...)
	return m
}

// set writes the numbers.
func (m *message) set(number uint64, due time.Duration) {
	putHex(m.b[m.id:m.id+numberWidth], number)
	at := m.at + len(greeting) + pairWidth + 3
	putHex(m.b[at:at+numberWidth], number)
	at += numberWidth + 1
	putHex(m.b[at:at+dueWidth], uint64(due))
}

// said is what the head of a body says.
type said struct {
	pair, side int
	number     uint64
	due        time.Duration
}

// parseMessage finds it in a stanza.
func parseMessage(stanza []byte) (s said, ok bool) {
	if !bytes.HasPrefix(stanza, []byte("<message")) {
		return s, false
	}
	i := bytes.Index(stanza, []byte("<body>"+greeting))
	if i < 0 || len(stanza)-i < len("<body>")+headWidth {
		return s, false
	}
	b := stanza[i+len("<body>"+greeting):]
	pair, ok1 := getHex(b[:pairWidth])
	b = b[pairWidth+1:]
	s.side = int(b[0]) - 'a'
	b = b[2:]
	number, ok2 := getHex(b[:numberWidth])
	due, ok3 := getHex(b[numberWidth+1 : numberWidth+1+dueWidth])
	s.pair, s.number, s.due = int(pair), number, time.Duration(due)
	return s, ok1 && ok2 && ok3 && (s.side == 0 || s.side == 1)
}

func putHex(b []byte, n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}

func getHex(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, true
}
