package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"usher/c2s"
	"usher/pool"
	"usher/workgroup"
	"usher/xmpp"
)

// Bounds of the desk's goroutines.
const (
	mailboxBytes = 16 << 20               // of inputs that wait for the desk
	inputCost    = 256                    // what one costs beside its stanza
	deskTurn     = 256                    // inputs that are read before what they ask for is handed on
	deskOutputs  = 64                     // turns that wait to be committed
	gaugesEvery  = 250 * time.Millisecond // how old the figures for metrics and pages may get
	gaugesAtRest = 10 * time.Second       // while nothing happens but time
	deskPause    = time.Millisecond       // between two ticks at least
)

// inputKind says what an input tells the desk.
type inputKind uint8

const (
	fromVisitor inputKind = iota
	fromServer
	visitorBound
	visitorGone
	visitorAnew
	linkUp
	linkDown
	visitorErased
	keepState
	slotAsked
)

// input is one input of the desk.
type input struct {
	kind    inputKind
	visitor *workgroup.Visitor
	stanza  []byte
	output  *workgroup.Output // of keepState: what the edge itself wants kept, and done after that
}

// desk runs the workgroups: one goroutine owns their state (run), another one
// commits what it decides and then carries it out (carry). Between the edge and
// the first is a mailbox, bounded in bytes, between the two a bounded queue; so a slow archive or link fills these and nothing
// else. A nil desk is one without workgroups: all that the edge calls may be called on it.
type desk struct {
	g       *Gateway
	domain  string
	home    *home
	groups  *workgroup.Desk // run's; but Owns and Workgroup anybody's
	archive keeper
	history *history      // nil where the archive can't be read
	every   time.Duration // archive.commit
	hash    []byte        // key of the addresses that are stored hashed
	log     *slog.Logger

	mu      sync.Mutex
	box     []input
	bytes   int
	lost    bool // inputs were dropped and the desk doesn't know yet
	closing bool

	wake    chan struct{} // something is in the mailbox, or it is closing
	outputs chan workgroup.Output
	started bool
	done    chan struct{}   // closed when both goroutines have ended
	ctx     context.Context // ended: what isn't done is left
	abort   context.CancelFunc

	last     time.Time // run's: the time never goes back
	measured time.Time // run's: when gauges was set
	gauges   atomic.Pointer[[]workgroup.Gauges]
	waiting  atomic.Int64 // Unix nanoseconds: since when something waits to be given to the archive; 0: nothing does
}

// keeper is the archive, as far as the desk needs it.
type keeper interface {
	load() (workgroup.Snapshot, error)
	// commit returns once the batch is on the disk. With an error it isn't yet, and the keeper goes on trying.
	commit(*workgroup.Batch) error
	secret(name string) ([]byte, error) // random bytes under this name, the same after a restart
	lag() float64                       // seconds for which the oldest batch has waited for the disk
	errors() uint64                     // writes that have failed
	close()
}

// newDesk restores the desk from the archive; nil without a workgroup in the config.
func (g *Gateway) newDesk() (*desk, error) {
	if !slices.ContainsFunc(g.cfg.Sites, func(s Site) bool { return len(s.Workgroups) > 0 }) {
		return nil, nil
	}
	archive, err := g.openArchive()
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	d := &desk{
		g: g, domain: g.cfg.Upstream.Desk, home: g.homes[g.cfg.Upstream.Desk], archive: archive,
		every: g.cfg.Archive.Commit, log: g.log, wake: make(chan struct{}, 1),
		outputs: make(chan workgroup.Output, deskOutputs), done: make(chan struct{}),
	}
	d.ctx, d.abort = context.WithCancel(context.Background())
	if err := d.restore(); err != nil {
		archive.close()
		return nil, err
	}
	if s, ok := archive.(*store); ok {
		d.history = newHistory(d, s.archive)
	}
	return d, nil
}

func (d *desk) restore() error {
	kept, err := d.archive.load()
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if d.hash, err = d.archive.secret("address"); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if t := d.g.tokens; t != nil && !d.g.cfg.Resume.TokenKey.IsSet() {
		if t.key, err = d.archive.secret("token"); err != nil { // so that tokens outlive a restart
			return fmt.Errorf("archive: %w", err)
		}
	}
	d.restoreTokens(kept.Items)
	d.groups, err = workgroup.New(d.config(), d.time(), kept)
	if err != nil {
		return fmt.Errorf("workgroups: %w", err)
	}
	return nil
}

// restoreTokens has the archive remember what tokens are not to be taken any more.
func (d *desk) restoreTokens(items []workgroup.Item) {
	t := d.g.tokens
	if t == nil {
		return
	}
	if stale := t.restore(items, d.time()); len(stale) > 0 {
		d.keep(nil, stale...)
	}
	t.forget = func(id tokenID) { d.keep(nil, workgroup.Item{Key: id.item(tokenState{}).Key}) }
}

// keep has items of the edge's own committed, and then answers a visitor; false: there is no room for them, or no archive.
func (d *desk) keep(answer []byte, items ...workgroup.Item) bool {
	if d == nil {
		return false
	}
	out := &workgroup.Output{Batch: workgroup.Batch{Items: items}}
	if answer != nil {
		out.Effects = []workgroup.Effect{{Kind: workgroup.Send, Stanza: answer}}
	}
	return d.post(input{kind: keepState, output: out})
}

// start starts both goroutines.
func (d *desk) start() {
	if d == nil {
		return
	}
	d.started = true
	go d.run()   // ended by stop
	go d.carry() // ends after run, which closes its queue
}

// stop works off what is in the mailbox, has it committed and carried out, and
// ends the goroutines; if ctx ends first, without the rest. Rooms and chats stay as they are, for the next start.
func (d *desk) stop(ctx context.Context) {
	if d == nil {
		return
	}
	d.mu.Lock()
	d.closing = true
	d.mu.Unlock()
	d.rouse()
	if d.started {
		select {
		case <-d.done:
		case <-ctx.Done():
			d.log.Warn("the support desk did not end in time")
			d.abort()
			<-d.done
		}
	}
	d.abort()
	d.archive.close()
}

// time is the gateway's, but never goes back.
func (d *desk) time() time.Time {
	if now := d.g.now(); now.After(d.last) {
		d.last = now
	}
	return d.last
}

func (d *desk) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// post puts an input into the mailbox. A stanza that finds it full is dropped, and
// counted, and the desk is told that something was. Events, which nobody says twice, have as much room again.
func (d *desk) post(l input) bool {
	n, limit := inputCost+len(l.stanza), mailboxBytes
	if l.stanza == nil {
		limit *= 2
	}
	d.mu.Lock()
	if d.closing || d.bytes+n > limit {
		d.lost = !d.closing
		d.mu.Unlock()
		d.g.count.drop(DropDeskFull)
		return false
	}
	d.box = append(d.box, l)
	d.bytes += n
	d.mu.Unlock()
	d.rouse()
	return true
}

// take fills turn with the next inputs.
func (d *desk) take(turn []input) (inputs []input, lost, closing bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(d.box), cap(turn))
	inputs = append(turn[:0], d.box[:n]...)
	clear(d.box[:n])
	if d.box = d.box[n:]; len(d.box) == 0 {
		d.box = nil
	}
	for i := range inputs {
		d.bytes -= inputCost + len(inputs[i].stanza)
	}
	if len(d.box) == 0 {
		lost, d.lost = d.lost, false
	}
	return inputs, lost, d.closing
}

// run is the goroutine that owns the state of the workgroups.
func (d *desk) run() {
	defer close(d.outputs)
	turn := make([]input, 0, deskTurn)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for d.ctx.Err() == nil {
		inputs, lost, closing := d.take(turn)
		now := d.time()
		for i := range inputs {
			d.read(now, &inputs[i])
		}
		if lost {
			d.groups.Lost(now)
		}
		if next := d.groups.Next(); !next.IsZero() && !now.Before(next) {
			d.groups.Tick(now)
		}
		d.hand(d.groups.Take())
		clear(inputs)
		if len(inputs) > 0 || lost {
			d.measure(now)
			continue // there may be more
		}
		if closing {
			return
		}
		timer.Reset(d.rest(now))
		select {
		case <-d.wake:
		case <-timer.C:
		case <-d.ctx.Done():
		}
	}
}

// read gives the desk one input.
func (d *desk) read(now time.Time, l *input) {
	switch l.kind {
	case fromVisitor:
		d.groups.FromVisitor(now, *l.visitor, l.stanza)
	case fromServer:
		d.groups.FromServer(now, l.stanza)
	case visitorBound:
		d.groups.Bound(now, *l.visitor)
	case visitorGone:
		d.groups.Gone(now, l.visitor.JID)
	case visitorAnew:
		d.groups.Anew(now, l.visitor.JID)
	case linkUp:
		d.groups.LinkUp(now)
	case linkDown:
		d.groups.LinkDown(now)
	case visitorErased:
		d.groups.Erased(now, string(l.stanza))
	case keepState:
		d.hand(*l.output)
	case slotAsked:
		d.decide(l)
	}
}

// hand passes on what the desk has decided. It waits while too much is uncommitted.
func (d *desk) hand(out workgroup.Output) {
	for i := range out.Observed {
		d.g.count.observed(&out.Observed[i])
	}
	if out.Batch.Empty() && len(out.Effects) == 0 {
		return
	}
	select {
	case d.outputs <- out:
	case <-d.ctx.Done():
	}
}

// measure takes the figures for the metrics, if those there are have aged.
func (d *desk) measure(now time.Time) {
	if now.Sub(d.measured) < gaugesEvery {
		return
	}
	d.measured = now
	all := d.groups.Gauges()
	d.gauges.Store(&all)
}

// rest is how long the desk may sleep: until its next appointment, or until
// the figures have to be taken.
func (d *desk) rest(now time.Time) time.Duration {
	wait := gaugesAtRest
	if next := d.groups.Next(); !next.IsZero() {
		wait = max(next.Sub(now), deskPause)
	}
	if fresh := d.measured.Add(gaugesEvery); now.Before(fresh) {
		return min(wait, fresh.Sub(now))
	}
	d.measure(now)
	return wait
}

// figures returns the last figures of the workgroups.
func (d *desk) figures() []workgroup.Gauges {
	if d == nil {
		return nil
	}
	if all := d.gauges.Load(); all != nil {
		return *all
	}
	return nil
}

// behind is the age in seconds of the oldest decision that isn't on the disk, failed how often the archive has failed.
func (d *desk) behind() float64 {
	if d == nil {
		return 0
	}
	age := d.archive.lag()
	if since := d.waiting.Load(); since > 0 {
		age = max(age, d.g.now().Sub(time.Unix(0, since)).Seconds())
	}
	return age
}

func (d *desk) failed() uint64 {
	if d == nil {
		return 0
	}
	return d.archive.errors()
}

// owns tells whether the canonical address is the desk's.
func (d *desk) owns(local, domain []byte) bool {
	return d != nil && string(domain) == d.domain && d.groups.Owns(local)
}

// reach is Gateway.reach for the desk's addresses: a visitor reaches the workgroups of his own site.
func (d *desk) reach(v *visitor, local []byte) target {
	if site, ok := d.groups.Workgroup(local); ok && site == v.site.name {
		return workgroups
	}
	return nowhere
}

// erased tells the desk that the archive has erased a visitor.
func (d *desk) erased(visitor string) {
	if d != nil && !d.post(input{kind: visitorErased, stanza: []byte(visitor)}) {
		d.log.Error("the desk has no room to hear of an erased visitor: what he has left may still be given to an agent")
	}
}

// missing tells whether a request of XEP-0142 is for an address of the desk's domain that is no workgroup's (§3.2.1: 404). What else it may be,
// a visitor's or nobody's, makes no difference.
func (d *desk) missing(e *xmpp.Element, to []byte) bool {
	if d == nil || e.Kind != xmpp.IQ || !isRequest(e) || string(e.Child.Space) != "http://jabber.org/protocol/workgroup" {
		return false
	}
	local, domain, _ := xmpp.SplitJID(to)
	_, is := d.groups.Workgroup(local)
	return !is && string(domain) == d.domain
}

// fromVisitor takes a visitor's stanza to a workgroup.
func (d *desk) fromVisitor(v *visitor, e *xmpp.Element, to []byte) {
	if e.Kind == xmpp.Presence && subscription(e.Type) || isHistory(e) {
		d.g.count.drop(DropForbiddenOut)
		v.refuse(e, errForbidden)
		return
	}
	if e.Kind == xmpp.Message && !v.mayTalk(e) {
		return
	}
	h := xmpp.Header{To: to, From: v.jid, Type: e.Type, ID: e.ID, Lang: v.lang(e)}
	if !d.post(input{kind: fromVisitor, visitor: v.card.Load(), stanza: e.Append(nil, xmpp.Component, &h)}) {
		v.refuse(e, errDeskFull)
	}
}

// fromServer takes a stanza from upstream.
func (d *desk) fromServer(h *home, e *xmpp.Element) {
	if d.history.take(h, e) {
		return
	}
	hd := xmpp.Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang}
	if !d.post(input{kind: fromServer, stanza: e.Append(nil, xmpp.Component, &hd)}) && answerable(e) {
		h.answer(e, errDeskFull)
	}
}

// bound, gone, linkLost and linkBack tell of a visitor. One whose own link is lost while the desk's is not is out of
// his support room, so to the desk he is gone until that link is back.
func (d *desk) bound(v *visitor) {
	if d != nil {
		d.post(input{kind: visitorBound, visitor: v.card.Load()})
	}
}

func (d *desk) gone(v *visitor) {
	if d == nil {
		return
	}
	v.mu.Lock()
	away := v.away
	v.mu.Unlock()
	if !away {
		d.post(input{kind: visitorGone, visitor: v.card.Load()})
	}
}

// withdrawn and refresh tell of a visitor whose client is away for longer than the grace, and what has changed with
// another stream; anew of a client who has taken his session up without remembering it.
func (d *desk) withdrawn(v *visitor) {
	if d == nil {
		return
	}
	v.mu.Lock()
	told := v.away
	v.away = true
	v.mu.Unlock()
	if !told {
		d.post(input{kind: visitorGone, visitor: v.card.Load()})
	}
}

func (d *desk) refresh(v *visitor, info *c2s.Info) {
	if d == nil {
		return
	}
	card := *v.card.Load()
	card.Language, card.Address = v.language, d.storedAddress(v.site, info.Remote)
	v.card.Store(&card)
}

func (d *desk) anew(v *visitor) {
	if d != nil && !v.isWithdrawn() {
		d.post(input{kind: visitorAnew, visitor: v.card.Load()})
	}
}

func (d *desk) linkLost(v *visitor) {
	if d == nil || v.home == d.home {
		return
	}
	v.mu.Lock()
	away := len(v.invites) > 0 && !v.away && !v.closed
	v.away = v.away || away
	v.mu.Unlock()
	if away {
		d.post(input{kind: visitorGone, visitor: v.card.Load()})
	}
}

func (d *desk) linkBack(v *visitor) {
	if d == nil {
		return
	}
	v.mu.Lock()
	back := v.away && !v.closed && !v.withdrawn()
	v.away = v.away && !back
	v.mu.Unlock()
	if back {
		d.post(input{kind: visitorBound, visitor: v.card.Load()})
	}
}

// linkChanged tells of the desk's own link.
func (d *desk) linkChanged(h *home, up bool) {
	switch {
	case d == nil || h != d.home:
	case up:
		d.post(input{kind: linkUp})
	default:
		d.post(input{kind: linkDown})
	}
}

// sendUp sends a stanza of the desk over its link, waiting, bounded, if that is busy.
func (d *desk) sendUp(stanza []byte) {
	if err := d.home.sendRaw(stanza, true); err != nil {
		d.g.count.drop(DropDeskLink)
		if err != pool.ErrDown {
			d.log.Warn("the support desk's link takes nothing", "err", err)
		}
	}
}
