package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"usher/xmpp"
)

// ping proves that the server routes: an XEP-0199 request from the component's
// domain to itself. A server gives a stanza for a component to the component,
// so the request itself comes back, and its return is the answer; where a server answers in our
// name, its answer is. It is known by its id of 128 random bits, which nobody but the server sees.
type ping struct {
	head, tail []byte // the stanza around the id
	rtt        atomic.Int64
	waiting    atomic.Bool // so that the reader takes the lock for no other stanza

	mu   sync.Mutex
	id   [2 * 16]byte
	sent time.Time
}

func (p *ping) init(domain string) {
	jid := []byte(domain)
	p.head = xmpp.AppendAttr([]byte("<iq type='get'"), "from", jid)
	p.head = append(xmpp.AppendAttr(p.head, "to", jid), " id='"...)
	p.tail = []byte("'><ping xmlns='" + xmpp.NSPing + "'/></iq>")
}

// next returns the next request, or nil if the last one is still unanswered.
func (p *ping) next() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting.Load() {
		return nil
	}
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	hex.Encode(p.id[:], raw[:])
	p.sent = time.Now()
	p.waiting.Store(true)
	req := append([]byte(nil), p.head...)
	return append(append(req, p.id[:]...), p.tail...)
}

// answered says whether e is what the waiting request comes back as, and takes the time. The
// type doesn't matter: also an error has come the whole way through the server.
func (p *ping) answered(e *xmpp.Element) bool {
	if e.Kind != xmpp.IQ || len(e.ID) != len(p.id) || !p.waiting.Load() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !bytes.Equal(e.ID, p.id[:]) {
		return false
	}
	p.rtt.Store(int64(max(time.Since(p.sent), 1)))
	p.waiting.Store(false)
	return true
}

// under is when the request that waits for its answer was sent; zero = none waits.
func (p *ping) under() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waiting.Load() {
		return time.Time{}
	}
	return p.sent
}

// lenient is for how many pings more a link is kept whose ping isn't answered, as long as stanzas come: a server that is behind with its work routes nevertheless, and
// to cut it off would lose what it has in its hands.
const lenient = 4

// keepAlive pings until the link ends, and ends it when an answer is missing.
func (l *Link) keepAlive() {
	t := time.NewTicker(l.cfg.Ping)
	defer t.Stop()
	var came int64 // stanzas, when it was looked last
	late := 0
	for {
		before := came
		came = l.counts.stanzasIn.Load()
		if req := l.ping.next(); req != nil {
			late = 0
			l.out.force(req)
		} else if late++; came == before || late > lenient {
			l.end(fmt.Errorf("%w within %v", ErrPing, time.Duration(late)*l.cfg.Ping))
			return
		}
		select {
		case <-t.C:
		case <-l.done:
			return
		}
	}
}
