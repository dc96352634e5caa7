package gateway

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"usher/c2s"
	"usher/workgroup"
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
// remembered of a visitor is when his last ones were issued, and whether he has revoked them. Where there is an archive it has
// that too, under a key that doesn't name him, as long as a token that is not to be taken might else be.
type tokens struct {
	key    []byte // set before the first visitor; never changed then
	life   time.Duration
	forget func(tokenID) // what was forgotten here needn't be kept either; set like key, nil without an archive

	mu     sync.Mutex
	states *expirable.LRU[tokenID, tokenState]
}

// tokenID stands for a visitor's bare JID.
type tokenID [16]byte

// tokenState is what is remembered of one visitor's tokens. Times are Unix milliseconds.
type tokenState struct {
	dead   int64   // what was issued before is not valid
	issued []int64 // ascending: the last issues, not before dead
}

// tokenItem is the prefix of its keys in the archive.
const tokenItem = "token/"

// newTokens makes them with the configured key, else with a random one.
func newTokens(cfg *ResumeConfig) *tokens {
	t := &tokens{key: []byte(cfg.TokenKey.Value()), life: cfg.TokenLife}
	if len(t.key) == 0 {
		t.key = make([]byte, 32)
		rand.Read(t.key)
	}
	evicted := func(id tokenID, _ tokenState) {
		if t.forget != nil {
			t.forget(id)
		}
	}
	t.states = expirable.NewLRU(maxTokenStates, evicted, cfg.TokenLife)
	return t
}

func (t *tokens) id(bare string) tokenID {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte("usher visitor\n" + bare))
	return tokenID(mac.Sum(nil))
}

// item is what the archive keeps of a state.
func (id tokenID) item(s tokenState) workgroup.Item {
	value := strconv.AppendInt(nil, s.dead, 10)
	for _, at := range s.issued {
		value = strconv.AppendInt(append(value, ' '), at, 10)
	}
	return workgroup.Item{Key: tokenItem + hex.EncodeToString(id[:]), Value: value}
}

// last is the time of the last issue or revocation.
func (s *tokenState) last() int64 {
	if n := len(s.issued); n > 0 {
		return s.issued[n-1]
	}
	return s.dead
}

// readState is the way back from item.
func readState(i workgroup.Item) (id tokenID, s tokenState, ok bool) {
	raw, err := hex.DecodeString(strings.TrimPrefix(i.Key, tokenItem))
	fields := strings.Fields(string(i.Value))
	if err != nil || len(raw) != len(id) || len(fields) == 0 || len(fields) > maxSuccessors+1 {
		return id, s, false
	}
	times := make([]int64, len(fields))
	for n, f := range fields {
		if times[n], err = strconv.ParseInt(f, 10, 64); err != nil {
			return id, s, false
		}
	}
	return tokenID(raw), tokenState{dead: times[0], issued: times[1:]}, slices.IsSorted(times[1:])
}

// restore takes what the archive has kept, and returns what it needn't keep any longer: with the last token that a state is about, all
// that it forbids have expired.
func (t *tokens) restore(items []workgroup.Item, now time.Time) (stale []workgroup.Item) {
	type kept struct {
		id    tokenID
		state tokenState
	}
	var all []kept
	for _, i := range items {
		if !strings.HasPrefix(i.Key, tokenItem) {
			continue
		}
		id, s, ok := readState(i)
		if !ok || s.last()+t.life.Milliseconds() <= now.UnixMilli() {
			stale = append(stale, workgroup.Item{Key: i.Key})
			continue
		}
		all = append(all, kept{id, s})
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Compare(a.state.last(), b.state.last()) }) // the oldest give way
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range all {
		t.states.Add(k.id, k.state)
	}
	return stale
}

// prune forgets the successors that have made all before them invalid.
func (s *tokenState) prune(now int64) {
	for len(s.issued) > 0 && (s.issued[0]+tokenOverlap.Milliseconds() <= now || len(s.issued) > maxSuccessors) {
		s.dead = s.issued[0]
		s.issued = s.issued[1:]
	}
}

// issue makes a token for a visitor. Those he had stay valid for tokenOverlap. item is to be kept where that supersedes anything; had
// tells that he has had tokens.
func (t *tokens) issue(bare, site string, had bool, now time.Time) (token string, expires time.Time, item *workgroup.Item) {
	at, id := now.UnixMilli(), t.id(bare)
	t.mu.Lock()
	s, known := t.states.Get(id)
	if n := len(s.issued); n > 0 {
		at = max(at, s.issued[n-1]+1)
	}
	at = max(at, s.dead)
	s.issued = append(slices.Clone(s.issued), at)
	s.prune(now.UnixMilli())
	t.states.Add(id, s)
	t.mu.Unlock()
	if had || known {
		kept := id.item(s)
		item = &kept
	}
	text := strings.Join([]string{tokenVersion, bare, site, strconv.FormatInt(at, 10)}, " ")
	return base64.RawURLEncoding.EncodeToString(append([]byte(text), t.sign(text)...)), time.UnixMilli(at).Add(t.life), item
}

// revoke ends all tokens that a visitor has. The item is to be kept.
func (t *tokens) revoke(bare string, now time.Time) workgroup.Item {
	id := t.id(bare)
	t.mu.Lock()
	defer t.mu.Unlock()
	s, _ := t.states.Get(id)
	dead := now.UnixMilli() + 1
	if n := len(s.issued); n > 0 {
		dead = max(dead, s.issued[n-1]+1)
	}
	s = tokenState{dead: max(dead, s.dead)}
	t.states.Add(id, s)
	return id.item(s)
}

// check returns whose token it is and when it expires; ok is false unless it is ours, of this site, not expired, superseded or revoked.
func (t *tokens) check(token []byte, site string, now time.Time) (bare string, expires time.Time, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(token))
	n := len(raw) - sha256.Size
	if err != nil || n <= 0 || !hmac.Equal(raw[n:], t.sign(string(raw[:n]))) {
		return "", expires, false
	}
	fields := strings.Split(string(raw[:n]), " ")
	if len(fields) != 4 || fields[0] != tokenVersion || fields[2] != site {
		return "", expires, false
	}
	at, err := strconv.ParseInt(fields[3], 10, 64)
	expires = time.UnixMilli(at).Add(t.life)
	if err != nil || !now.Before(expires) {
		return "", expires, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s, _ := t.states.Get(t.id(fields[1]))
	s.prune(now.UnixMilli())
	return fields[1], expires, at >= s.dead
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
	bare, expires, ok := g.tokens.check(token, v.site.name, g.now())
	local, domain, _ := xmpp.SplitJID([]byte(bare))
	if !ok || len(local) == 0 || !g.ownDomain(domain) {
		return false
	}
	v.claim, v.tokenEnds = &bare, expires.UnixMilli()
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
		v.mu.Lock()
		had := v.tokenEnds > 0
		v.mu.Unlock()
		token, expires, item := g.tokens.issue(bare, v.site.name, had, g.now())
		v.mu.Lock()
		v.tokenEnds = expires.UnixMilli()
		v.mu.Unlock()
		payload := "<token xmlns='" + nsToken + "' expires='" + expires.UTC().Format(time.RFC3339) + "'>" + token + "</token>"
		// If there is no room to keep it, the old one may be valid for longer: better than that he has none.
		if item == nil || !g.desk.keep(appendResult(nil, e, xmpp.Component, e.To, v.jid, payload), *item) {
			v.tell(appendResult(nil, e, xmpp.Client, e.To, v.jid, payload))
		}
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
	item := g.tokens.revoke(bare, g.now())
	v.mu.Lock()
	v.tokenEnds = 0
	v.mu.Unlock()
	switch {
	case g.desk == nil:
		v.tell(appendResult(nil, e, xmpp.Client, e.To, v.jid, ""))
	case !g.desk.keep(appendResult(nil, e, xmpp.Component, e.To, v.jid, ""), item):
		v.refuse(e, errDeskFull) // it is revoked, but a restart might forget that
	}
}

// isToken tells a request about the visitor's token.
func isToken(e *xmpp.Element) bool {
	return isRequest(e) && bytes.Equal(e.Child.Space, []byte(nsToken)) && string(e.Child.Local) == "token"
}
