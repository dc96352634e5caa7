package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"usher/bench/load"
	"usher/bench/measure"
	"usher/bench/stage"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// chatter is the content of a stanza of about 390 bytes, as a web client sends it.
const chatter = "<body>Hello, I have a question about my order &amp; its delivery. Can you help me, please?</body>" +
	"<active xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' id='f81d4fae-7dec-11d0-a765-00a0c91e6bf6'/>"

// fan is what the scenarios fanin and fanout have alike: the edge alone, between sessions and a fake upstream server in this process.
type fan struct {
	bursts []int
	shown  []burst
}

// burst is what was found with so many stanzas in a row.
type burst struct {
	size    int
	arrived int64
	took    time.Duration
	edge    time.Duration // CPU of Usher
}

// ahead is how many rounds may be on their way, so that the edge never waits for us, and no session's outbox overflows.
const ahead = 4

// maxBurst is how many stanzas there may be in a row.
const maxBurst = 100

func fanin(f *flag.FlagSet, o *options) *work {
	a := &fan{bursts: []int{1, 4, 8}}
	f.Func("burst", "`numbers` of stanzas in a row to the same session, which may share a write: one after the other, each for its part of -for (default 1,4,8)", a.parse)
	o.length = 15 * time.Second
	return &work{target: stage.Fake, alone: true, run: a.in, figures: a.inFigures, check: func() error { return fake(o) }}
}

func fanout(_ *flag.FlagSet, o *options) *work {
	a := &fan{}
	o.length = 5 * time.Second
	return &work{target: stage.Fake, alone: true, run: a.out, figures: a.outFigures, check: func() error { return fake(o) }}
}

// fake checks that there is the one server that can flood.
func fake(o *options) error {
	if o.Target != stage.Fake {
		return fmt.Errorf("-target, -ws, -bosh: this scenario has a fake upstream server behind Usher: %s", stage.Fake)
	}
	if o.transport == "component" {
		return errors.New("-transport: ws, bosh or both")
	}
	return nil
}

func (a *fan) parse(text string) error {
	a.bursts = nil
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > maxBurst {
			return fmt.Errorf("%q is not 1 to %d", part, maxBurst)
		}
		a.bursts = append(a.bursts, n)
	}
	return nil
}

// hall is Usher, the fake upstream server's end of its links, and sessions that listen.
type hall struct {
	*crowd
	arrived atomic.Int64
	want    atomic.Int64  // when arrived comes here, is gets a word
	is      chan struct{} // with room for one
}

// count counts one that has arrived, by whoever saw it.
func (h *hall) count() {
	if h.arrived.Add(1) == h.want.Load() {
		select {
		case h.is <- struct{}{}:
		default:
		}
	}
}

func (a *fan) hall(ctx context.Context, r *runner) (*hall, error) {
	a.shown = nil
	h := &hall{crowd: r.crowd(r.Sessions), is: make(chan struct{}, 1)}
	if err := h.enter(ctx); err != nil {
		return h, err
	}
	delivered := r.rec.Counter("delivered")
	h.serve(func(_ int, stanza []byte) {
		if stanza[0] != '<' || stanza[1] != 'm' { // not a message
			return
		}
		delivered.Add(1)
		h.count()
	})
	return h, nil
}

// until waits until n stanzas in all have arrived.
func (h *hall) until(ctx context.Context, n int64) error {
	h.want.Store(n)
	timeout := time.NewTimer(load.Step)
	defer timeout.Stop()
	for h.arrived.Load() < n {
		select {
		case <-h.is:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return fmt.Errorf("%d of %d stanzas have arrived, and no more within %v", h.arrived.Load(), n, load.Step)
		}
	}
	return nil
}

// in floods the sessions over the links, for each size of a burst in turn.
func (a *fan) in(ctx context.Context, r *runner) error {
	h, err := a.hall(ctx, r)
	defer h.close()
	if err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	part := r.length / time.Duration(len(a.bursts))
	for _, size := range a.bursts {
		r.rec.Phase(fmt.Sprintf("%d in a row", size))
		if err := a.flood(ctx, h, size, part); ctx.Err() != nil {
			break
		} else if err != nil {
			return err
		}
	}
	return r.stop(ctx)
}

// flood sends bursts of one size to everybody, again and again.
func (a *fan) flood(ctx context.Context, h *hall, size int, length time.Duration) error {
	rounds := map[*xmpptest.Peer][]byte{}
	for i, s := range h.sessions {
		_, domain, _ := xmpp.SplitJID([]byte(s.JID))
		link := h.r.stage.Upstream.Peer(string(domain))
		if link == nil {
			return fmt.Errorf("no link for %s", s.JID)
		}
		for j := range size {
			rounds[link] = fmt.Appendf(rounds[link], "<message from='%s' to='%s' type='chat' id='m%d.%d'>%s</message>", stage.Echo, s.JID, i, j, chatter)
		}
	}
	sent := h.r.rec.Counter("sent")
	return a.rounds(ctx, h, size, length, func() error {
		for link, round := range rounds {
			if err := link.Send(round); err != nil {
				return fmt.Errorf("upstream: %w", err)
			}
		}
		sent.Add(int64(size * len(h.sessions)))
		return nil
	})
}

// rounds makes rounds of size stanzas for or of everybody until the time is over, never more than a few ahead of what arrives, and notes what that
// took.
func (a *fan) rounds(ctx context.Context, h *hall, size int, length time.Duration, round func() error) error {
	edge := h.r.stage.Ushers[0].Pid
	before, err := measure.CPU(edge)
	if err != nil {
		return err
	}
	began, base, each := time.Now(), h.arrived.Load(), int64(size*len(h.sessions))
	b := burst{size: size}
	for b.arrived == 0 || time.Since(began) < length {
		if err := h.until(ctx, base+b.arrived-(ahead-1)*each); err != nil {
			return err
		}
		if err := round(); err != nil {
			return err
		}
		b.arrived += each
	}
	if err := h.until(ctx, base+b.arrived); err != nil {
		return err
	}
	b.took = time.Since(began)
	after, err := measure.CPU(edge)
	b.edge = after - before
	a.shown = append(a.shown, b)
	return err
}

func (a *fan) inFigures(r *runner, result *measure.Result) {
	bare, err := bareWrite(min(1000, result.Sessions), len(chatter)+150)
	if err != nil {
		r.rec.Error(err)
	}
	for _, b := range a.shown {
		a.add(result, fmt.Sprintf("%d in a row", b.size), b)
		if b.size == 1 && bare > 0 {
			result.Add("one bare write of as many bytes, CPU", float64(bare.Nanoseconds())/1e3, "us", true)
			result.Add("1 in a row, CPU of the edge to that of a bare write", float64(b.edge)/float64(b.arrived)/float64(bare), "", true)
		}
	}
}

func (a *fan) add(result *measure.Result, name string, b burst) {
	result.Add(name+": CPU of the edge, a stanza", float64(b.edge.Nanoseconds())/1e3/float64(b.arrived), "us", true)
	result.Add(name+": a core of the edge", float64(b.arrived)/b.edge.Seconds(), "/s", false)
	result.Add(name+": on this machine", float64(b.arrived)/b.took.Seconds(), "/s", false)
}

// out lets everybody send to the fake upstream server, in turn.
func (a *fan) out(ctx context.Context, r *runner) error {
	h, err := a.hall(ctx, r)
	defer h.close()
	if err != nil {
		return err
	}
	delivered := r.rec.Counter("delivered")
	r.stage.Upstream.SetHook(func(_ *xmpptest.Peer, e *xmpp.Element) bool {
		if e.Kind == xmpp.Message {
			delivered.Add(1)
			h.count()
		}
		return true
	})
	if err := r.start(ctx); err != nil {
		return err
	}
	r.rec.Phase("talking")
	if err := a.talk(ctx, h); err != nil && ctx.Err() == nil {
		return err
	}
	return r.stop(ctx)
}

func (a *fan) talk(ctx context.Context, h *hall) error {
	stanza := []byte("<message xmlns='jabber:client' to='" + stage.Echo + "' type='chat' id='up'>" + chatter + "</message>")
	workers := make([]*load.Worker, min(runtime.NumCPU(), len(h.sessions)))
	for i := range workers {
		workers[i] = load.NewWorker()
	}
	sent := h.r.rec.Counter("sent")
	return a.rounds(ctx, h, 1, h.r.length, func() error {
		errs := make([]error, len(workers))
		var wg sync.WaitGroup
		for i, w := range workers {
			wg.Go(func() { // ends when its part has sent
				for k := i; k < len(h.sessions) && errs[i] == nil; k += len(workers) {
					errs[i] = h.sessions[k].Send(w, stanza)
					sent.Add(1)
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	})
}

func (a *fan) outFigures(_ *runner, result *measure.Result) {
	for _, b := range a.shown {
		a.add(result, "client to upstream", b)
	}
}

// bareWrite is the CPU time of one write of so many bytes to a local TCP socket, which is what fanin can't be cheaper than with one stanza a write: the mean of
// writing to each of so many sockets in turn, twenty times.
func bareWrite(sockets, size int) (time.Duration, error) {
	const rounds = 20
	conns, end, err := drains(sockets)
	defer end()
	if err != nil {
		return 0, fmt.Errorf("bare write: %w", err)
	}
	b := []byte(strings.Repeat("x", size))
	// The thread's own clock, so that those who read are not counted.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := threadCPU()
	if err != nil {
		return 0, err
	}
	for range rounds {
		for _, c := range conns {
			if _, err := c.Write(b); err != nil {
				return 0, fmt.Errorf("bare write: %w", err)
			}
		}
	}
	after, err := threadCPU()
	return (after - before) / time.Duration(sockets*rounds), err
}

func threadCPU() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, fmt.Errorf("CPU time of a thread: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// drains are connections whose other ends read and throw away; end ends all of it.
func drains(n int) (conns []net.Conn, end func(), err error) {
	var readers sync.WaitGroup
	end = func() {
		for _, c := range conns {
			c.Close()
		}
		readers.Wait()
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, end, err
	}
	defer ln.Close()
	for range n {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			return conns, end, err
		}
		peer, err := ln.Accept()
		if err != nil {
			c.Close()
			return conns, end, err
		}
		conns = append(conns, peer)
		readers.Go(func() { // ends with its connection, which end closes
			defer c.Close()
			io.Copy(struct{ io.Writer }{io.Discard}, c)
		})
	}
	return conns, end, nil
}
