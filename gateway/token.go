package gateway

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"usher/c2s"
	"usher/xmpp"
)

const (
	nsToken        = "urn:usher:token:0"
	tokenMechanism = "X-USHER-TOKEN"
	tokenOverlap   = time.Minute // that a token stays valid after its successor was issued
	tokenVersion   = "1"
	maxSuccessors  = 8     // successors of one visitor's tokens that are told apart
	maxTokenStates = 65536 // visitors whose successors and revocations are remembered
)

// tokens issues and checks visitor tokens (docs/interface.md, B.1). A token is signed, not kept: what is
// remembered of a visitor is when his last ones were issued, and whether he has revoked them; so a
// restart, or more than maxTokenStates visitors since, forgets revocations.
type tokens struct {
	key  []byte // set before the first visitor; never changed then
	life time.Duration

	mu     sync.Mutex
	states *expirable.LRU[string, tokenState] // by bare JID
}

// tokenState is what is remembered of one visitor's tokens. Times are Unix milliseconds.
type tokenState struct {
	dead   int64   // what was issued before is not valid
	issued []int64 // ascending: the last issues, not before dead
}

// newTokens makes them with the configured key, else with a random one.
func newTokens(cfg *ResumeConfig) *tokens {
	t := &tokens{key: []byte(cfg.TokenKey.Value()), life: cfg.TokenLife}
	if len(t.key) == 0 {
		t.key = make([]byte, 32)
		rand.Read(t.key)
	}
	t.states = expirable.NewLRU[string, tokenState](maxTokenStates, nil, cfg.TokenLife)
	return t
}

// prune forgets the successors that have made all before them invalid.
func (s *tokenState) prune(now int64) {
	for len(s.issued) > 0 && (s.issued[0]+tokenOverlap.Milliseconds() <= now || len(s.issued) > maxSuccessors) {
		s.dead = s.issued[0]
		s.issued = s.issued[1:]
	}
}

// issue makes a token for a visitor. Those he had stay valid for tokenOverlap.
func (t *tokens) issue(bare, site string, now time.Time) (token string, expires time.Time) {
	at := now.UnixMilli()
	t.mu.Lock()
	s, _ := t.states.Get(bare)
	if n := len(s.issued); n > 0 {
		at = max(at, s.issued[n-1]+1)
	}
	at = max(at, s.dead)
	s.issued = append(append([]int64(nil), s.issued...), at)
	s.prune(now.UnixMilli())
	t.states.Add(bare, s)
	t.mu.Unlock()
	text := strings.Join([]string{tokenVersion, bare, site, strconv.FormatInt(at, 10)}, " ")
	return base64.RawURLEncoding.EncodeToString(append([]byte(text), t.sign(text)...)), time.UnixMilli(at).Add(t.life)
}

// revoke ends all tokens that a visitor has.
func (t *tokens) revoke(bare string, now time.Time) {
	t.mu.Lock()
	s, _ := t.states.Get(bare)
	dead := now.UnixMilli() + 1
	if n := len(s.issued); n > 0 {
		dead = max(dead, s.issued[n-1]+1)
	}
	t.states.Add(bare, tokenState{dead: max(dead, s.dead)})
	t.mu.Unlock()
}

// check returns whose token it is; ok is false unless it is ours, of this site, not expired, superseded or revoked.
func (t *tokens) check(token []byte, site string, now time.Time) (bare string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(token))
	n := len(raw) - sha256.Size
	if err != nil || n <= 0 || !hmac.Equal(raw[n:], t.sign(string(raw[:n]))) {
		return "", false
	}
	fields := strings.Split(string(raw[:n]), " ")
	if len(fields) != 4 || fields[0] != tokenVersion || fields[2] != site {
		return "", false
	}
	at, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil || !now.Before(time.UnixMilli(at).Add(t.life)) {
		return "", false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s, _ := t.states.Get(fields[1])
	s.prune(now.UnixMilli())
	if at < s.dead {
		return "", false
	}
	return fields[1], true
}

func (t *tokens) sign(text string) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte("usher visitor token\n" + text))
	return mac.Sum(nil)
}

// login is c2s.Config.Login: a token is the word of a visitor who was here before.
func (g *Gateway) login(s *c2s.Stream, token []byte) bool {
	v, ok := s.Owner().(*visitor)
	if !ok {
		return false
	}
	bare, ok := g.tokens.check(token, v.site.name, g.now())
	local, domain, _ := xmpp.SplitJID([]byte(bare))
	if !ok || len(local) == 0 || !g.ownDomain(domain) {
		return false
	}
	v.claim = bare
	return true
}

// answerToken takes the visitor's request about his token.
func (v *visitor) answerToken(e *xmpp.Element) {
	g := v.g
	if g.tokens == nil {
		v.refuse(e, errUnavailable)
		return
	}
	bare := string(v.bareJID())
	if string(e.Type) == "get" {
		token, expires := g.tokens.issue(bare, v.site.name, g.now())
		v.tell(appendResult(nil, e, xmpp.Client, e.To, v.jid, "<token xmlns='"+nsToken+"' expires='"+
			expires.UTC().Format(time.RFC3339)+"'>"+token+"</token>"))
		return
	}
	revoke := false
	g.eachChild(e.Inner, xmpp.NSClient, func(c *xmpp.Element) bool {
		value, _ := c.Attr("revoke")
		revoke = value == "true" || value == "1"
		return false
	})
	if !revoke {
		v.refuse(e, errBadRequest)
		return
	}
	g.tokens.revoke(bare, g.now())
	v.tell(appendResult(nil, e, xmpp.Client, e.To, v.jid, ""))
}

// settle enters a visitor into the table. One who has come back by a token ends the stream
// that still has his address (RFC 6120 §7.7.2.2), and waits, bounded, until nothing of it is left.
func (g *Gateway) settle(v *visitor, address string) bool {
	for {
		old := g.visitors.add(v, address)
		if old == nil {
			return true
		}
		old.stream.End(c2s.Ending{Reason: c2s.Replaced, Err: &xmpp.StreamError{
			Condition: "conflict", Text: "another stream has taken this address"}})
		if !old.isOut(busyWait + time.Second) { // he may be waiting for a busy link
			return false
		}
	}
}

// isOut waits until close has done its work.
func (v *visitor) isOut(patience time.Duration) bool {
	v.mu.Lock()
	if v.out {
		v.mu.Unlock()
		return true
	}
	if v.gone == nil {
		v.gone = make(chan struct{})
	}
	gone := v.gone
	v.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-gone:
		return true
	case <-timer.C:
		return false
	}
}

// isToken tells a request about the visitor's token.
func isToken(e *xmpp.Element) bool {
	return isRequest(e) && bytes.Equal(e.Child.Space, []byte(nsToken)) && string(e.Child.Local) == "token"
}
