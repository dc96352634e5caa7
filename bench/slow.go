package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"usher/bench/load"
	"usher/bench/measure"
)

// slow is readers who stop reading while their rooms go on talking: what do they cost, how are they ended, and do those notice it who
// talk in pairs meanwhile? It has three phases: the pairs alone; with rooms full of readers; and those readers have stopped.
type slow struct {
	talkFlags
	readers, crowd int
	flood          float64
	loud           int

	gate   atomic.Bool   // they have stopped
	resume chan struct{} // closed when it is over
	rooms  []*chatty
	all    sync.WaitGroup

	ended  map[string]float64 // of the edge's streams, by reason
	memory [3]int64           // of the edge or the server: the most in each phase
	queued float64            // of usher_outbox_bytes, the most
	cut    atomic.Int64       // readers who found in the end that the server had ended their session
}

// chatty is a room: one speaks, the others read.
type chatty struct {
	speaker *load.Session
	w       *load.Worker
	stanza  []byte
	readers []*load.Session
}

// phases names the histograms of the phases.
var phases = [3]string{"message, without readers", "message, readers read", "message, readers have stopped"}

func slowScenario() scenario {
	return scenario{name: "slow", brief: "readers stop reading in chatty rooms: memory, how they are ended, and what the others notice", prepare: prepareSlow}
}

func prepareSlow(f *flag.FlagSet, o *options) *work {
	s := &slow{}
	o.Sessions, o.rate, o.length = 200, 200, 2*time.Minute
	s.register(f)
	f.IntVar(&s.readers, "readers", 1000, "`sessions` that stop reading")
	f.IntVar(&s.crowd, "crowd", 4, "`readers` in a room")
	f.Float64Var(&s.flood, "flood", 125, "messages a `second` in all these rooms together, each to all who are in its room")
	f.IntVar(&s.loud, "loud", 16000, "`bytes` of the body of such a message")
	return &work{
		alone: true,
		check: func() error {
			switch {
			case o.rate <= 0:
				return errors.New("-rate: more than 0")
			case s.readers < 1 || s.crowd < 1:
				return errors.New("-readers, -crowd: 1 or more")
			case s.flood <= 0:
				return errors.New("-flood: more than 0")
			case s.loud < 1 || s.loud > maxBody:
				return fmt.Errorf("-loud: 1 to %d", maxBody)
			}
			return s.talkFlags.check(o)
		},
		run:     s.run,
		figures: s.figures,
	}
}

func (s *slow) run(ctx context.Context, r *runner) (err error) {
	s.resume, s.rooms, s.ended = make(chan struct{}), nil, map[string]float64{} // anew over each transport
	s.gate.Store(false)
	s.cut.Store(0)
	s.memory, s.queued = [3]int64{}, 0
	t := newTalk(r, s.talkFlags, 0, phases[0])
	defer func() { err = errors.Join(err, t.finish()) }()
	if err := t.login(ctx); err != nil {
		return err
	}
	defer s.leave(r)
	if err := s.enter(ctx, r); err != nil {
		return err
	}
	if err := t.warm(ctx); err != nil {
		return err
	}
	before, err := s.endings(ctx, r)
	if err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	for i, name := range phases {
		if ctx.Err() == nil && err == nil {
			err = s.phase(ctx, t, i, name)
		}
	}
	err = errors.Join(err, r.stop(ctx))
	after, failed := s.endings(context.WithoutCancel(ctx), r)
	for reason, n := range after {
		if n -= before[reason]; n > 0 {
			s.ended[reason] = n
		}
	}
	return errors.Join(err, failed)
}

// phase lets the pairs talk for its share of the time: three fifths of it with readers who have stopped, one fifth each before.
func (s *slow) phase(ctx context.Context, t *talk, i int, name string) error {
	t.rec.Phase(strings.TrimPrefix(name, "message, "))
	t.latency.Store(t.rec.Histogram(name))
	length := t.length / 5
	if i == 2 {
		length = t.length * 3 / 5
		s.gate.Store(true)
	}
	flooding, stop := context.WithCancel(ctx)
	var flood sync.WaitGroup
	if i > 0 {
		flood.Go(func() { s.talk(flooding, t) }) // ends with stop
	}
	flood.Go(func() { s.watch(flooding, t, i) }) // so does this
	err := t.open(ctx, t.rate, length)
	err = errors.Join(err, t.drain(ctx, s.late))
	stop()
	flood.Wait()
	return err
}

// talk has the rooms' speakers speak in turn. Lateness is no matter there, so the recorder has no part in it.
func (s *slow) talk(ctx context.Context, t *talk) {
	next := time.NewTicker(time.Duration(float64(time.Second) / s.flood))
	defer next.Stop()
	said := t.rec.Counter("said to readers")
	for i := 0; ; i++ {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		room := s.rooms[i%len(s.rooms)]
		if err := room.speaker.Send(room.w, room.stanza); err != nil {
			t.rec.Error(fmt.Errorf("a room's speaker: %w", err))
			continue
		}
		said.Add(int64(len(room.readers)))
	}
}

// watch keeps the highest of what is used in a phase.
func (s *slow) watch(ctx context.Context, t *talk, phase int) {
	next := time.NewTicker(500 * time.Millisecond)
	defer next.Stop()
	for {
		if p := s.watched(t.runner); p != nil {
			if rss, err := measure.RSS(p.Pid); err == nil { // else it has ended, which others say
				s.memory[phase] = max(s.memory[phase], rss)
			}
		}
		if len(t.stage.Ushers) > 0 {
			if n, err := t.stage.Ushers[0].Metric(ctx, "usher_outbox_bytes"); err == nil {
				s.queued = max(s.queued, n)
			}
		}
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
	}
}

// watched is the process that the readers' sockets belong to: the edge, or the server whose own front it is.
func (s *slow) watched(r *runner) *measure.Process {
	at := slices.IndexFunc(r.stage.Processes, func(p measure.Process) bool { return strings.HasPrefix(p.Name, "usher") })
	if at < 0 && len(r.stage.Processes) > 0 {
		at = 0
	}
	if at < 0 {
		return nil
	}
	return &r.stage.Processes[at]
}

// readBuffer is a slow reader's.
const readBuffer = 32 << 10

// enter fills the rooms.
func (s *slow) enter(ctx context.Context, r *runner) error {
	r.rec.Phase("readers log in")
	usual, err := r.stage.Endpoint(r.transport, 0)
	if err != nil {
		return err
	}
	// The system lets a socket's buffers grow to megabytes: a reader shall be slow for the server, and not for the kernel only.
	e := &load.Endpoint{
		URL: usual.URL, Domain: usual.Domain, TLS: usual.TLS, User: usual.User, Password: usual.Password, Wait: usual.Wait, Rooms: usual.Rooms,
		ReceiveBuffer: readBuffer,
	}
	n := (s.readers + s.crowd - 1) / s.crowd
	tag := fmt.Sprintf("slow-%x", time.Now().UnixMilli())
	for i := range n {
		c := &chatty{w: load.NewWorker(), readers: make([]*load.Session, min(s.crowd, s.readers-i*s.crowd))}
		c.stanza = []byte("<message xmlns='jabber:client' type='groupchat' to='" + e.Room(fmt.Sprintf("%s-%d", tag, i)) + "'><body>" +
			strings.Repeat(lorem, s.loud/len(lorem)+1)[:s.loud] + "</body></message>")
		s.rooms = append(s.rooms, c)
	}
	held := r.rec.Gauge("readers")
	join := func(ctx context.Context, e *load.Endpoint, room int, w *load.Worker, nick string) (*load.Session, error) {
		session, err := e.Open(ctx, w)
		if err == nil {
			err = session.Join(w, e.Room(fmt.Sprintf("%s-%d", tag, room)), nick)
		}
		return session, err
	}
	err = load.Each(ctx, n, r.c, func(ctx context.Context, i int, w *load.Worker) (err error) {
		s.rooms[i].speaker, err = join(ctx, usual, i, w, "speaker")
		return err
	})
	if err != nil {
		return err
	}
	err = load.Each(ctx, s.readers, r.c, func(ctx context.Context, i int, w *load.Worker) (err error) {
		session, err := join(ctx, e, i/s.crowd, w, fmt.Sprintf("reader-%d", i))
		s.rooms[i/s.crowd].readers[i%s.crowd] = session
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range s.rooms {
		s.all.Go(func() { // ends with the session, which leave ends
			if err := c.speaker.Serve(func([]byte) {}); err != nil {
				r.rec.Error(fmt.Errorf("a room's speaker: %w", err))
			}
		})
		for _, reader := range c.readers {
			held.Add(1)
			s.all.Go(func() { // so does this
				defer held.Add(-1)
				if err := reader.Serve(s.hear); err != nil {
					s.cut.Add(1)
				}
			})
		}
	}
	return nil
}

// hear is what a reader does with a stanza: nothing, and in the end not even that.
func (s *slow) hear([]byte) {
	if s.gate.Load() {
		<-s.resume
	}
}

// leave lets the readers read on, who see then whether they have been ended, and ends those who have not.
func (s *slow) leave(r *runner) {
	close(s.resume)
	patience := parting
	if len(r.stage.Ushers) > 0 {
		patience = 0 // it has counted itself whom it ended
	}
	end := time.AfterFunc(patience, func() {
		for _, c := range s.rooms {
			for _, reader := range c.readers {
				if reader != nil {
					reader.Close()
				}
			}
		}
	})
	defer end.Stop()
	for _, c := range s.rooms {
		if c.speaker != nil {
			c.speaker.Close()
		}
	}
	s.all.Wait()
	for _, c := range s.rooms {
		for _, reader := range c.readers { // of those who never came to read
			if reader != nil {
				reader.Close()
			}
		}
	}
}

// endings is how many streams the edge has ended, by reason; nil without one.
func (s *slow) endings(ctx context.Context, r *runner) (map[string]float64, error) {
	if len(r.stage.Ushers) == 0 {
		return nil, nil
	}
	page, err := r.stage.Ushers[0].Get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	return byReason(page, "usher_closes_total")
}

// byReason sums a metric of a page in Prometheus' text form by its label `reason`.
func byReason(page []byte, metric string) (map[string]float64, error) {
	sums := map[string]float64{}
	for line := range bytes.Lines(page) {
		labels, value, _ := strings.Cut(strings.TrimSpace(string(line)), "} ")
		labels, ok := strings.CutPrefix(labels, metric+"{")
		if !ok {
			continue
		}
		_, reason, _ := strings.Cut(","+labels, `,reason="`)
		reason, _, _ = strings.Cut(reason, `"`)
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", metric, err)
		}
		sums[reason] += n
	}
	return sums, nil
}

// figures adds what the readers have cost, and what the others noticed.
func (s *slow) figures(r *runner, result *measure.Result) {
	var p99 [3]float64
	for i, name := range phases {
		p99[i] = math.NaN()
		if l := result.Latency(name); l != nil && l.Count > 0 {
			p99[i] = l.Us["p99"]
		}
	}
	ratio := func(name string, of, to float64) {
		if refused := measure.Refused([]*measure.Result{result}); refused == "" && of > 0 && to > 0 {
			result.Add(name, of/to, "", true)
		}
	}
	ratio("p99 when readers have stopped, to without readers", p99[2], p99[0])
	ratio("p99 when readers have stopped, to when they read", p99[2], p99[1])
	if p := s.watched(r); p != nil && s.memory[0] > 0 {
		for i, name := range phases {
			if s.memory[i] > 0 {
				result.Add("memory of "+p.Name+", most, "+strings.TrimPrefix(name, "message, "), float64(s.memory[i])/1e6, "MB", true)
			}
		}
		if s.memory[2] > 0 {
			result.Add("memory of "+p.Name+" for each reader who has stopped", float64(s.memory[2]-s.memory[0])/1e3/float64(s.readers), "kB", true)
		}
	}
	if len(r.stage.Ushers) > 0 {
		result.Add("queued for clients by usher, most", s.queued/1e6, "MB", true)
	}
	if len(r.stage.Ushers) == 0 {
		result.Add("readers who were ended", float64(s.cut.Load()), "", false)
	}
	for _, reason := range slices.Sorted(maps.Keys(s.ended)) {
		result.Add("streams ended, "+reason, s.ended[reason], "", false)
	}
}
