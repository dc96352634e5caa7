package bosh

import (
	"runtime"
	"strings"
	"testing"
)

// parked counts the goroutines that wait for clients.
func parked() int {
	b := make([]byte, 4<<20)
	return strings.Count(string(b[:runtime.Stack(b, true)]), "bosh.(*exchange).park(")
}

// A held request has no goroutine once the client has been silent for a while, be it the first on its connection or not, and the connection goes on as before.
func TestHeldRequestRests(t *testing.T) {
	for name, dial := range map[string]func(e *edge, w *wire) *wire{
		"a connection's next request":  func(_ *edge, w *wire) *wire { return w },
		"a connection's first request": func(e *edge, _ *wire) *wire { return e.dial() },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, nil)
			w := e.dial()
			c := w.login("")
			w = dial(e, w)
			w.write(httpRequest("POST", "", c.body("", "")))
			until(t, "the held request rests", func() bool { return e.srv.Held() == 1 && parked() == 0 })
			e.send(0, "1")
			if _, got := w.read(); !strings.Contains(got, "hello 1") {
				t.Errorf("got %q", got)
			}
			w.write(httpRequest("POST", "", c.body("", "")))
			until(t, "the next one rests", func() bool { return e.srv.Held() == 1 && parked() == 0 })
			w.Close()
			until(t, "it is noticed that he has gone", func() bool { return e.srv.Held() == 0 })
		})
	}
}

// Who polls doesn't keep a goroutine between two polls: his next request rests as soon as it is held, and wakes when something comes.
func TestPollRestsAtOnce(t *testing.T) {
	e := newEdge(t, nil)
	w := e.dial()
	c := w.login("wait='1'")
	for range 2 {
		w.write(httpRequest("POST", "", c.body("", "")))
		if _, got := w.read(); got != string(emptyBody) {
			t.Fatalf("got %q", got)
		}
	}
	w.write(httpRequest("POST", "", c.body("", "")))
	until(t, "the request is held", func() bool {
		x := e.srv.lot.all()[0]
		x.s.mu.Lock()
		defer x.s.mu.Unlock()
		if x.phase == held && x.warm {
			t.Error("a poll waits in a goroutine for more")
		}
		return x.phase == held
	})
	e.send(0, "1")
	for { // unless the wait was over before
		_, got := w.read()
		if strings.Contains(got, "hello 1") {
			break
		}
		if got != string(emptyBody) {
			t.Fatalf("got %q", got)
		}
		w.write(httpRequest("POST", "", c.body("", "")))
	}
	w.write(httpRequest("POST", "", c.body("", message("2"))))
	if id := <-e.received; id != "2" {
		t.Errorf("the server heard %q", id)
	}
}
