package c2s

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestHandlersMechanism: a mechanism of the Handler's own is offered beside ANONYMOUS and decided by Config.Login; a
// login that it refuses leaves the stream open for another one.
func TestHandlersMechanism(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	auth := func(text string) string {
		return `
			C: <auth ` + sasl + ` mechanism='X-KEY'>` + text + `</auth>`
	}
	failure := func(condition string) string {
		return `
			S: <failure ` + sasl + `><` + condition + `/></failure>`
	}
	const (
		opens = `
			C: <open to='site.example' version='1.0'/>
			H: open site.example
			S: <open from='site.example'/>
			S: <stream:features xmlns:stream='http://etherx.jabber.org/streams'><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism><mechanism>X-KEY</mechanism></mechanisms></stream:features>`
		asked = `
			H: login `
		success = `
			S: <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`
	)
	long := strings.Repeat("k", maxResponse)
	for name, script := range map[string]string{
		"the right word":    opens + auth(encode("sesame")) + asked + "sesame" + success,
		"space around it":   opens + auth("\t"+encode("sesame")+" ") + asked + "sesame" + success,
		"the longest word":  opens + auth(encode(long)) + asked + long + failure("not-authorized"),
		"a longer one":      opens + auth(encode(long+"k")) + failure("not-authorized"),
		"a much longer one": opens + auth(encode(strings.Repeat(long, 9))) + failure("not-authorized"),
		"no word":           opens + auth("") + failure("not-authorized"),
		"the empty word":    opens + auth("=") + failure("not-authorized"),
		"not base64":        opens + auth("a_b-") + failure("incorrect-encoding"),
		"an element":        opens + auth("<x/>") + failure("malformed-request"),
		"another mechanism": opens + `
			C: <auth ` + sasl + ` mechanism='X-OTHER'>` + encode("sesame") + `</auth>` + failure("invalid-mechanism"),
		"no mechanism named": opens + `
			C: <auth ` + sasl + `>` + encode("sesame") + `</auth>` + failure("invalid-mechanism"),
		"the wrong word, then ANONYMOUS": opens + auth(encode("simsim")) + asked + "simsim" + failure("not-authorized") + `
			C: <auth ` + sasl + ` mechanism='ANONYMOUS'/>` + success,
		"the wrong word too often": opens + strings.Repeat(auth(encode("simsim"))+asked+"simsim"+failure("not-authorized"), maxLogins) + `
			E: policy-violation policy-violation`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "ws")
			r.gate.host.Mechanism = "X-KEY"
			r.cfg.Login = func(s *Stream, response []byte) bool {
				r.gate.tell("login %s", response)
				return string(response) == "sesame"
			}
			r.play(script)
		})
	}
	t.Run("where there is none it isn't known", func(t *testing.T) {
		newRig(t, "ws").play(`
			C: <open to='site.example' version='1.0'/>
			H: open site.example
			S: <open from='site.example'/>
			S?: <mechanism>ANONYMOUS</mechanism></mechanisms>` + auth(encode("sesame")) + failure("invalid-mechanism"))
	})
}
