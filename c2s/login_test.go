package c2s

import (
	"encoding/base64"
	"strings"
	"testing"

	"usher/xmpp"
)

// opens is the script up to the offer of mechanisms.
const opens = `
	C: <open to='site.example' version='1.0'/>
	H: open site.example
	S: <open from='site.example'/>
	S?: <stream:features <mechanism>ANONYMOUS</mechanism>
	`

const (
	sasl  = `xmlns='urn:ietf:params:xml:ns:xmpp-sasl'`
	bindS = `xmlns='urn:ietf:params:xml:ns:xmpp-bind'`
)

func play(t *testing.T, scripts map[string]string) {
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) { newRig(t, "ws").play(script) })
	}
}

func TestLogin(t *testing.T) {
	play(t, map[string]string{
		"plain": ready + `
			E: not`,
		"without a resource": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='&lt;1&gt;'><bind ` + bindS + `/></iq>
			H: bind ""
			S?: type='result' id='&lt;1 <jid>abc@visitors.example/r4nd0m</jid>`,
		"an empty resource is none": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource/></bind></iq>
			H: bind ""
			S?: type='result' <jid>abc@visitors.example/r4nd0m</jid>`,
		"a resource": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind a='>resource>' ` + bindS + `><resource>web 1</resource></bind></iq>
			H: bind "web 1"
			S?: type='result' <jid>abc@visitors.example/web 1</jid>`,
		"a resource of another namespace": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource xmlns='urn:other'>web</resource></bind></iq>
			H: bind ""
			S?: type='result' <jid>abc@visitors.example/r4nd0m</jid>`,
		"a resource within something else": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><x><resource>web</resource></x></bind></iq>
			H: bind ""
			S?: type='result' <jid>abc@visitors.example/r4nd0m</jid>`,
		"without a resource, two tags": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `> </bind></iq>
			H: bind ""
			S?: type='result' <jid>abc@visitors.example/r4nd0m</jid>`,
		"a resource is escaped": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource>a&lt;b&amp;c</resource></bind></iq>
			H: bind "a<b&c"
			S?: type='result' <jid>abc@visitors.example/a&lt;b&amp;c</jid>`,
		"a resource in CDATA, a prefix": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><x:bind xmlns:x='urn:ietf:params:xml:ns:xmpp-bind'><x:resource><![CDATA[a<b]]></x:resource></x:bind></iq>
			H: bind "a<b"
			S?: type='result' <jid>abc@visitors.example/a&lt;b</jid>`,
		"a resource is prepared": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource>Ⅸ&#xA0;x</resource></bind></iq>
			H: bind "Ⅸ x"
			S?: type='result'`,
		"bind addressed to the site": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1' to='site.example'><bind ` + bindS + `/></iq>
			H: bind ""
			S?: type='result' from='site.example' <jid>`,
		"trace, from, other cases and versions": `
			C: <open to='Site.Example' from='Me@elsewhere.example' version='1.1' xml:lang='de'/>
			H: open site.example
			S: <open from='site.example' to='me@elsewhere.example'/>
			S?: <mechanism>ANONYMOUS</mechanism>
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'> ` + base64.StdEncoding.EncodeToString([]byte("sirhc")) + ` </auth>
			S?: <success
			C: <open to='SITE.example' version='01.00'/>
			S: <open from='site.example'/>
			S?: <bind`,
		"to a component domain of the site": `
			C: <open to='visitors.example' version='1.0'/>
			H: open visitors.example
			S: <open from='site.example'/>
			S?: <mechanism>ANONYMOUS</mechanism>
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'>=</auth>
			S?: <success
			C: <open to='visitors.example' version='1.0'/>
			S: <open from='site.example'/>
			S?: <bind`,
		"a restart that repeats nothing, as on BOSH": opens + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>
			S?: <success
			C: <open/>
			S: <open from='site.example'/>
			S?: <bind`,
	})
}

func TestBOSHOffersNoStreamManagement(t *testing.T) {
	newRig(t, "bosh").play(strings.Replace(loggedIn, "<sm xmlns='urn:xmpp:sm:3'/>", "", 1) + `
		C: <resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>
		S: <failed xmlns='urn:xmpp:sm:3'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
		E: not`)
}

func TestHeaderIsRefused(t *testing.T) {
	play(t, map[string]string{
		"no version": `
			C: <open to='site.example'/>
			S: <open/>
			E: bad-protocol unsupported-version`,
		"version 0.9": `
			C: <open to='site.example' version='0.9'/>
			S: <open/>
			E: bad-protocol unsupported-version`,
		"version 1": `
			C: <open to='site.example' version='1'/>
			S: <open/>
			E: bad-protocol unsupported-version`,
		"version -1.0": `
			C: <open to='site.example' version='-1.0'/>
			S: <open/>
			E: bad-protocol unsupported-version`,
		"unknown host": `
			C: <open to='other.example' version='1.0'/>
			H: open other.example
			S: <open/>
			E: host-unknown host-unknown`,
		"no host": `
			C: <open version='1.0'/>
			H: open 
			S: <open/>
			E: host-unknown host-unknown`,
		"a host that is an address": `
			C: <open to='me@site.example' version='1.0'/>
			S: <open/>
			E: host-unknown host-unknown`,
		"a host with a resource": `
			C: <open to='site.example/x' version='1.0'/>
			S: <open/>
			E: host-unknown host-unknown`,
		"a host that is no domain": `
			C: <open to='si te' version='1.0'/>
			S: <open/>
			E: host-unknown host-unknown`,
		"a full site, which answers by its name": `
			C: <open to='full.example' version='1.0'/>
			H: open full.example
			S: <open from='site.example'/>
			E: resource-limit resource-constraint`,
		"an error of ours": `
			C: <open to='broken.example' version='1.0'/>
			H: open broken.example
			S: <open/>
			E: internal internal-server-error`,
		"ended while it opens": `
			C: <open to='gone.example' version='1.0'/>
			H: open gone.example
			S: <open from='site.example'/>
			E: shutdown`,
		"twice": opens + `
			C: <open to='site.example' version='1.0'/>
			S: <open from='site.example'/>
			E: bad-protocol bad-format`,
		"again after bind": ready + `
			C: <open to='site.example' version='1.0'/>
			S: <open from='site.example'/>
			E: bad-protocol bad-format`,
		"after the end": opens + `
			C: <auth xmlns='jabber:client'/>
			E: bad-protocol not-authorized
			C: <open to='site.example' version='1.0'/>
			S: <open/>
			E: bad-protocol not-authorized`,
		"a restart elsewhere": opens + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>
			S?: <success
			C: <open to='visitors.example' version='1.0'/>
			S: <open from='site.example'/>
			E: host-unknown host-unknown`,
		"a restart of an old version": opens + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>
			S?: <success
			C: <open to='site.example' version='0.9'/>
			S: <open from='site.example'/>
			E: bad-protocol unsupported-version`,
	})
}

func TestAuthIsRefused(t *testing.T) {
	failure := func(condition string) string {
		return `
			S: <failure ` + sasl + `><` + condition + `/></failure>`
	}
	trace := func(s string) string {
		return opens + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'>` + base64.StdEncoding.EncodeToString([]byte(s)) + `</auth>`
	}
	success := `
			S?: <success`
	play(t, map[string]string{
		"unknown mechanism, then ANONYMOUS": opens + `
			C: <auth ` + sasl + ` mechanism='PLAIN'>AGEAYg==</auth>` + failure("invalid-mechanism") + `
			C: <auth ` + sasl + ` mechanism='anonymous'/>` + failure("invalid-mechanism") + `
			C: <auth ` + sasl + `/>` + failure("invalid-mechanism") + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>` + success,
		"abort": opens + `
			C: <abort ` + sasl + `/>` + failure("aborted") + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>` + success,
		"response to nothing": opens + `
			C: <response ` + sasl + `>AA==</response>` + failure("malformed-request") + `
			E: not`,
		"a server's word": opens + `
			C: <success ` + sasl + `/>` + failure("malformed-request") + `
			E: not`,
		"not base64": opens + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'>a_b-</auth>` + failure("incorrect-encoding") + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'>&#65;A==</auth>` + failure("incorrect-encoding") + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'>YQ=</auth>` + failure("incorrect-encoding") + `
			E: not`,
		"an element for a trace": opens + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'><x/></auth>` + failure("malformed-request"),
		"longest trace":       trace(strings.Repeat("ü", 255)) + success,
		"trace too long":      trace(strings.Repeat("a", 256)) + failure("malformed-request"),
		"trace much too long": trace(strings.Repeat("a", 2000)) + failure("malformed-request"),
		"trace not UTF-8":     trace("a\xff") + failure("malformed-request"),
		"trace with a NUL":    trace("a\x00b") + failure("malformed-request"),
		"five times": opens + strings.Repeat(`
			C: <auth `+sasl+` mechanism='PLAIN'/>`+failure("invalid-mechanism"), 5) + `
			E: policy-violation policy-violation`,
		"twice": opens + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>` + success + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>
			E: bad-protocol not-authorized`,
		"after bind": ready + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>
			E: bad-protocol not-authorized`,
	})
}

func TestTooEarly(t *testing.T) {
	const message = `
		C: <message xmlns='jabber:client' to='a@b'><body>x</body></message>
		E: bad-protocol not-authorized`
	const unexpected = `
		S: <failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
		E: not`
	play(t, map[string]string{
		"before the header":   message,
		"stanza before login": opens + message,
		"bind before login": opens + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `/></iq>
			E: bad-protocol not-authorized`,
		"starttls, which was not offered": opens + `
			C: <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
			E: bad-protocol not-authorized`,
		"bind before the restart": opens + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>
			S?: <success
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `/></iq>
			E: bad-protocol not-authorized`,
		"stanza before bind": loggedIn + message,
		"bind in the namespace of components": loggedIn + `
			C: <iq xmlns='jabber:component:accept' type='set' id='1'><bind ` + bindS + `/></iq>
			E: bad-protocol invalid-namespace`,
		"presence before bind": loggedIn + `
			C: <presence xmlns='jabber:client'/>
			E: bad-protocol not-authorized`,
		"request to somebody before bind": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1' to='a@b'><bind ` + bindS + `/></iq>
			E: bad-protocol not-authorized`,
		"answer before bind": loggedIn + `
			C: <iq xmlns='jabber:client' type='result' id='1'/>
			E: bad-protocol not-authorized`,
		"state before bind": loggedIn + `
			C: <inactive xmlns='urn:xmpp:csi:0'/>
			E: bad-protocol not-authorized`,
		"session before bind": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
			S?: <iq type='error' id='1' <unexpected-request
			E: not`,
		"question to the site before bind": loggedIn + `
			C: <iq xmlns='jabber:client' type='get' id='1' to='site.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>
			S?: <iq type='error' id='1' <unexpected-request
			E: not`,
		"enable before login": opens + `
			C: <enable xmlns='urn:xmpp:sm:3'/>` + unexpected,
		"resume before login": opens + `
			C: <resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>` + unexpected,
		"enable before bind": loggedIn + `
			C: <enable xmlns='urn:xmpp:sm:3'/>` + unexpected,
		"request for an ack before bind": loggedIn + `
			C: <r xmlns='urn:xmpp:sm:3'/>` + unexpected,
		"resume of nothing, then bind": loggedIn + `
			C: <resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>
			S: <failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `/></iq>
			H: bind ""
			S?: type='result'`,
		"the client's own stream error": opens + `
			C: <stream:error xmlns:stream='http://etherx.jabber.org/streams'><not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>
			E: client-closed`,
	})
}

func TestBindIsRefused(t *testing.T) {
	const conflict = `
		C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource>taken</resource></bind></iq>
		H: bind "taken"
		S?: <iq type='error' id='1' type='modify' <conflict`
	play(t, map[string]string{
		"conflict, then another": loggedIn + conflict + `
			C: <iq xmlns='jabber:client' type='set' id='2'><bind ` + bindS + `><resource>web</resource></bind></iq>
			H: bind "web"
			S?: type='result' id='2'`,
		"ten times": loggedIn + strings.Repeat(conflict, 10) + `
			E: policy-violation policy-violation`,
		"an error of ours": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource>broken</resource></bind></iq>
			H: bind "broken"
			S?: <iq type='error' <internal-server-error
			E: not`,
		"malformed resource": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource>a&#x9;b</resource></bind></iq>
			H: bind ""
			S?: type='result' id='1'
			E: not`,
		"resource too long": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource>` + strings.Repeat("a", 1024) + `</resource></bind></iq>
			H: bind ""
			S?: type='result' id='1'
			E: not`,
		"no id": loggedIn + `
			C: <iq xmlns='jabber:client' type='set'><bind ` + bindS + `/></iq>
			S?: <iq type='error' <bad-request
			E: not`,
		"a get": loggedIn + `
			C: <iq xmlns='jabber:client' type='get' id='1'><bind ` + bindS + `/></iq>
			S?: <iq type='error' <unexpected-request
			E: not`,
		"ended while it binds": loggedIn + `
			C: <iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource>ends</resource></bind></iq>
			H: bind "ends"
			E: terminated`,
		"twice": ready + `
			C: <iq xmlns='jabber:client' type='set' id='2'><bind ` + bindS + `><resource>other</resource></bind></iq>
			S?: <iq type='error' id='2' type='cancel' <not-allowed
			E: not`,
	})
}

func TestLoginTime(t *testing.T) {
	play(t, map[string]string{
		"nothing said": `
			T: 14s
			E: not
			T: 1s
			E: login-timeout connection-timeout`,
		"traffic does not extend it": opens + `
			T: 10s
			C: <abort ` + sasl + `/>
			S?: <aborted
			T: 5s
			E: login-timeout connection-timeout`,
		"bind ends it": ready + `
			T: 1h
			E: not`,
	})
	r := newRig(t, "ws")
	if d := r.stream.Deadline().Sub(r.clock.Now()); d != r.cfg.LoginTime {
		t.Errorf("deadline in %v", d)
	}
	r.play(ready)
	if d := r.stream.Deadline(); !d.IsZero() {
		t.Errorf("a bound stream has the deadline %v", d)
	}
	r = newRig(t, "ws")
	r.cfg.LoginTime = 0
	if d := r.stream.Deadline(); !d.IsZero() {
		t.Errorf("a stream without login time has the deadline %v", d)
	}
}

// What End is told while the Handler binds waits until the Handler has done.
func TestClosedComesAfterBind(t *testing.T) {
	r := newRig(t, "ws")
	r.play(loggedIn)
	r.say(`<iq xmlns='jabber:client' type='set' id='1'><bind ` + bindS + `><resource>ends</resource></bind></iq>`)
	want := []string{`bind "ends"`, "closed terminated"}
	if len(r.gate.told) != 2 || r.gate.told[0] != want[0] || r.gate.told[1] != want[1] {
		t.Errorf("told %q", r.gate.told)
	}
	if r.stream.Bound() != "abc@visitors.example/ends" || r.stream.Owner() != "ends" {
		t.Errorf("bound %q, owner %v", r.stream.Bound(), r.stream.Owner())
	}
}

func TestFail(t *testing.T) {
	for condition, want := range map[string]string{
		"not-well-formed":  "bad-xml not-well-formed",
		"restricted-xml":   "bad-xml restricted-xml",
		"policy-violation": "policy-violation policy-violation",
		"bad-format":       "bad-framing bad-format",
	} {
		r := newRig(t, "ws")
		r.stream.Fail(&xmpp.StreamError{Condition: condition})
		r.play("E: " + want)
		if r.bell.rung == 0 {
			t.Errorf("%s: the transport was not woken", condition)
		}
	}
}

// RFC 6120 §4.7.4: the last header that names a language decides.
func TestLang(t *testing.T) {
	for _, c := range []struct{ first, restart, want string }{
		{"", "", ""}, {"de", "", "de"}, {"de", "fr-CA", "fr-CA"}, {"", "fr", "fr"},
		{"de", strings.Repeat("x", 36), "de"},
	} {
		r := newRig(t, "ws")
		r.say(`<open to='site.example' version='1.0' xml:lang='` + c.first + `'/>`)
		r.say(`<auth ` + sasl + ` mechanism='ANONYMOUS'/>`)
		r.say(`<open to='site.example' version='1.0' xml:lang='` + c.restart + `'/>`)
		if got := r.stream.Lang(); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
