package gateway

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"usher/archive"
	"usher/notify"
	"usher/workgroup"
)

// store keeps the desk's batches in the archive. One goroutine at a time calls commit; the others may be called by any.
type store struct {
	archive *archive.Archive
	log     *slog.Logger
	now     func() time.Time
	sender  *notify.Sender // of the outbox
	mute    func()         // ends it

	writing sync.Mutex // held while the disk is waited for; taken before mu
	mu      sync.Mutex
	pending []pendingBatch
	size    int             // bytes of pending, estimated
	most    int             // of them, before commit waits
	late    bool            // the last write has failed: retry sees to what waits
	room    chan struct{}   // something of pending is written
	wake    chan struct{}   // of retry
	ending  context.Context // ended by close
	end     context.CancelFunc
	running sync.WaitGroup

	failures atomic.Uint64
	oldest   atomic.Int64 // UnixNano of the oldest batch that isn't on the disk; 0: all are
}

// pendingBatch is one that isn't on the disk.
type pendingBatch struct {
	workgroup.Batch
	size int
	at   time.Time
}

const (
	keepWait  = time.Second // that a commit waits for others who write
	keepMost  = 64 << 20    // bytes of batches that wait for a disk that fails; then commit waits
	retryMin  = 200 * time.Millisecond
	retryMax  = 5 * time.Second
	closeWait = 5 * time.Second // for the last batches, when the program ends
)

// openStore opens the archive that the config names.
func openStore(cfg *Config, log *slog.Logger) (*store, error) {
	a, err := archive.Open(cfg.Archive.Path, archive.Options{Wait: keepWait})
	if err != nil {
		return nil, err
	}
	s := &store{archive: a, log: log, now: time.Now, most: keepMost,
		room: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	s.ending, s.end = context.WithCancel(context.Background())
	s.mute = s.tells(cfg)
	s.running.Add(2)
	go s.retry()           // ended by close
	go s.retain(cfg.Sites) // ended by close
	return s, nil
}

// load returns what the desk goes on from.
func (s *store) load() (workgroup.Snapshot, error) {
	kept, err := s.archive.Load()
	if err != nil {
		return workgroup.Snapshot{}, err
	}
	return snapshotOf(kept), nil
}

// secret returns random bytes under this name, the same ones after a restart.
func (s *store) secret(name string) ([]byte, error) { return s.archive.Secret(name) }

// commit puts a batch on the disk, after all earlier ones, and returns nil once
// it is there. An error means that it isn't yet: it is kept in memory and written as soon as that works, so the
// caller goes on and must not give it again. While writing fails, commit doesn't wait for the disk any more. If too much is in
// memory already, it blocks until some of it is written or the store is closed. The batch belongs to the store from then on.
func (s *store) commit(b *workgroup.Batch) error {
	if b.Empty() {
		return nil
	}
	for !s.put(b) {
		select {
		case <-s.room:
		case <-s.ending.Done():
			return errStoreClosed
		}
	}
	s.mu.Lock()
	late := s.late
	s.mu.Unlock()
	if late {
		return errStoreLate
	}
	err := s.flush()
	if err != nil {
		select {
		case s.wake <- struct{}{}:
		default: // it is awake
		}
	}
	return err
}

var (
	errStoreClosed = errors.New("the archive is closed")
	errStoreLate   = errors.New("the archive can't be written at present")
)

// put takes a batch in, unless there is too much already.
func (s *store) put(b *workgroup.Batch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size > s.most {
		return false
	}
	p := pendingBatch{*b, sizeOf(b), s.now()}
	if len(s.pending) == 0 {
		s.oldest.Store(p.at.UnixNano())
	}
	s.pending = append(s.pending, p)
	s.size += p.size
	return true
}

// flush writes all that waits, in one transaction, and again until nothing does.
func (s *store) flush() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for {
		s.mu.Lock()
		batches := slices.Clone(s.pending)
		s.mu.Unlock()
		if len(batches) == 0 {
			return nil
		}
		all := batchOf(batches)
		err := s.archive.Write(all)
		var orphans *archive.OrphanError
		if errors.As(err, &orphans) { // a fault of ours; all else is kept
			s.failures.Add(1)
			s.log.Error("archive: events left out", "events", orphans.Events, "conversations", orphans.Conversations)
			err = nil
		}
		if s.settle(batches, err); err != nil {
			return err
		}
		if len(all.Notices) > 0 {
			s.sender.Wake()
		}
	}
}

// settle takes note of a write.
func (s *store) settle(batches []pendingBatch, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failures.Add(1)
		if !s.late {
			s.log.Error("archive: cannot write, trying on; chats go on", "err", err, "bytes", s.size)
		}
		s.late = true
		return
	}
	s.late = false
	for i := range batches {
		s.size -= batches[i].size
	}
	s.pending = slices.Clone(s.pending[len(batches):])
	s.oldest.Store(0)
	if len(s.pending) > 0 {
		s.oldest.Store(s.pending[0].at.UnixNano())
	}
	select {
	case s.room <- struct{}{}:
	default: // nobody waits
	}
}

// retry writes what commit couldn't, with growing pauses.
func (s *store) retry() {
	defer s.running.Done()
	for {
		select {
		case <-s.ending.Done():
			return
		case <-s.wake:
		}
		for pause := retryMin; ; pause = min(2*pause, retryMax) {
			select {
			case <-s.ending.Done():
				return
			case <-time.After(pause):
			}
			if s.flush() == nil {
				s.log.Info("archive: everything is written again")
				break
			}
		}
	}
}

// Retention is seen to each hour, in slices that are short enough for commits in between.
const (
	retainEvery = time.Hour
	retainSlice = 40 // events: a tenth of a second
	retainPause = 100 * time.Millisecond
)

// retain removes what the sites don't keep any longer.
func (s *store) retain(sites []Site) {
	defer s.running.Done()
	ctx := s.ending
	for {
		for i := range sites {
			if sites[i].Retention > 0 {
				s.retainSite(ctx, &sites[i])
			}
		}
		if err := s.archive.Tidy(ctx); err != nil && ctx.Err() == nil {
			s.failures.Add(1)
			s.log.Error("archive: cannot tidy up, trying again in an hour", "err", err)
		}
		select {
		case <-s.ending.Done():
			return
		case <-time.After(retainEvery):
		}
	}
}

func (s *store) retainSite(ctx context.Context, site *Site) {
	before, removed := s.now().Add(-site.Retention), 0
	for {
		n, more, err := s.archive.Retain(ctx, site.Name, before, retainSlice)
		removed += n
		if errors.Is(err, archive.ErrLocked) {
			err, more = nil, true // it's being erased from, or looked after by somebody else; we have time
		}
		if err != nil && ctx.Err() == nil {
			s.failures.Add(1)
			s.log.Error("archive: retention failed, trying again in an hour", "site", site.Name, "err", err)
		}
		if err != nil || !more {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retainPause):
		}
	}
	if removed > 0 {
		s.log.Info("archive: retention", "site", site.Name, "conversations", removed, "before", before.UTC().Format(time.RFC3339))
	}
}

// kept returns the archive; nil: there is none, for want of workgroups.
func (g *Gateway) kept() *archive.Archive {
	if g.desk == nil {
		return nil
	}
	if s, ok := g.desk.archive.(*store); ok {
		return s.archive
	}
	return nil
}

// close writes what waits, for a bounded time, and closes the archive. No commit may run or follow.
func (s *store) close() {
	s.end()
	s.running.Wait()
	s.mute()
	for deadline := s.now().Add(closeWait); s.flush() != nil; time.Sleep(retryMin) {
		if s.now().After(deadline) {
			s.log.Error("archive: batches lost: they could not be written", "batches", len(s.pending), "bytes", s.size)
			break
		}
	}
	if err := s.archive.Close(); err != nil {
		s.log.Error("archive: not closed cleanly", "err", err)
	}
}

// lag is how long the oldest batch that isn't on the disk waits (usher_archive_lag_seconds).
func (s *store) lag() float64 {
	if oldest := s.oldest.Load(); oldest > 0 {
		return max(0, s.now().Sub(time.Unix(0, oldest)).Seconds())
	}
	return 0
}

// errors counts writes that failed (usher_archive_errors_total).
func (s *store) errors() uint64 { return s.failures.Load() }

// sizeOf estimates the memory of a batch.
func sizeOf(b *workgroup.Batch) int {
	n := 0
	for i := range b.Conversations {
		c := &b.Conversations[i]
		n += 1000 + len(c.Question) + len(c.RatingText) + len(c.Resume) + len(c.Visitor.Page) + len(c.Visitor.Referrer) + len(c.Visitor.Title)
		for k, v := range c.Form {
			n += len(k) + len(v)
		}
	}
	for i := range b.Events {
		n += 300 + len(b.Events[i].Body)
	}
	for i := range b.Items {
		n += 100 + len(b.Items[i].Value)
	}
	for i := range b.Ratings {
		n += 200 + len(b.Ratings[i].Text)
	}
	return n + 300*len(b.Notices)
}

// batchOf puts batches together, in order, in the archive's types.
func batchOf(all []pendingBatch) archive.Batch {
	var out archive.Batch
	for i := range all {
		b := &all[i]
		for j := range b.Conversations {
			out.Conversations = append(out.Conversations, keptConversation(&b.Conversations[j]))
		}
		for _, e := range b.Events {
			out.Events = append(out.Events, archive.Event(e))
		}
		for _, item := range b.Items {
			out.Items = append(out.Items, archive.Item(item))
		}
		for _, n := range b.Notices {
			out.Notices = append(out.Notices, archive.Notice(n))
		}
		for _, r := range b.Ratings {
			out.Ratings = append(out.Ratings, archive.Rating(r))
		}
	}
	return out
}

func keptConversation(c *workgroup.Conversation) archive.Conversation {
	return archive.Conversation{
		ID: c.ID, Number: c.Number, Site: c.Site, Workgroup: c.Workgroup, State: string(c.State), Reason: string(c.Reason),
		Visitor: archive.Person(c.Visitor), Question: c.Question, Form: c.Form, Asked: c.Asked, Accepted: c.Accepted, Closed: c.Closed,
		Agents: c.Agents, Rating: c.Rating, RatingText: c.RatingText, Room: c.Room, Resume: c.Resume,
	}
}

// snapshotOf is the way back.
func snapshotOf(kept archive.Snapshot) workgroup.Snapshot {
	s := workgroup.Snapshot{Events: make(map[string][]workgroup.Event, len(kept.Events))}
	for i := range kept.Conversations {
		c := &kept.Conversations[i]
		s.Conversations = append(s.Conversations, workgroup.Conversation{
			ID: c.ID, Number: c.Number, Site: c.Site, Workgroup: c.Workgroup, State: workgroup.State(c.State),
			Reason: workgroup.Reason(c.Reason), Visitor: workgroup.Person(c.Visitor), Question: c.Question, Form: c.Form,
			Asked: c.Asked, Accepted: c.Accepted, Closed: c.Closed, Agents: c.Agents, Rating: c.Rating, RatingText: c.RatingText,
			Room: c.Room, Resume: c.Resume,
		})
	}
	for id, events := range kept.Events {
		list := make([]workgroup.Event, len(events))
		for i, e := range events {
			list[i] = workgroup.Event(e)
		}
		s.Events[id] = list
	}
	for _, item := range kept.Items {
		s.Items = append(s.Items, workgroup.Item(item))
	}
	return s
}
