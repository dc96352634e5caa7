package c2s

import (
	"testing"
	"time"
)

// resumable is a rig whose sessions outlive their streams.
func resumable(t testing.TB, transport string) *rig {
	r := newRig(t, transport)
	r.gate.undelivered = true
	r.cfg.Resume = Resume{
		Max: 5 * time.Minute, Wheel: r.wheel,
		Lost: func(s *Stream, e Ending, promised time.Duration) time.Duration {
			r.gate.tell("lost %v, promised %v", e.Reason, promised)
			return promised
		},
		Resumed: func(s, old *Stream) error {
			r.gate.tell("resumed %s of %v", s.Bound(), s.Owner())
			return nil
		},
	}
	return r
}

// playResume runs each script on a stream of its own, whose process resumes.
func playResume(t *testing.T, scripts map[string]string) {
	t.Helper()
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			r := resumable(t, "ws")
			r.gate.old = r.stream
			r.play(script)
		})
	}
}

const (
	smns = `xmlns='urn:xmpp:sm:3'`
	// promised is a client that may resume; its session's id is $id.
	promised = ready + `
		C: <enable ` + smns + ` resume='true'/>
		I: <enabled ` + smns + ` id='$id' resume='true' max='300'/>`
	askedAck = `
		S: <r ` + smns + `/>`
	m1     = "\n" + `S: <message xmlns='jabber:client' id='1'/>`
	m2     = "\n" + `S: <message xmlns='jabber:client' id='2'/>`
	m3     = "\n" + `S: <message xmlns='jabber:client' id='3'/>`
	parked = `
		X: connection-lost
		H: lost connection-lost, promised 5m0s`
	resumedBy = `
		H: resumed abc@visitors.example/web of web
		H: closed replaced`
)

func TestResume(t *testing.T) {
	playResume(t, map[string]string{
		"what wasn't acknowledged, and what came meanwhile": promised + `
			M: 1` + m1 + askedAck + `
			M: 2` + m2 + parked + `
			M: 3
			=: second` + loggedIn + `
			C: <resume ` + smns + ` previd='$id' h='1'/>` + resumedBy + `
			S: <resumed ` + smns + ` previd='$id' h='0'/>` + m2 + m3 + askedAck + `
			C: <a ` + smns + ` h='3'/>
			E: not`,
	})
}
