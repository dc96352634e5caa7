package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/bench/measure"
)

// faults is what a result counts of wrong messages.
type faults struct{ Lost, Doubled, Reordered, OwnLost, OwnDoubled, OwnReordered int64 }

func faultsOf(r *measure.Result) faults {
	c := r.Counters
	return faults{c["lost"], c["doubled"], c["reordered"], c["own copies lost"], c["own copies doubled"], c["own copies reordered"]}
}

// one runs a scenario that is to make one result.
func one(t *testing.T, args ...string) *measure.Result {
	t.Helper()
	var out, progress bytes.Buffer
	if status := run(t.Context(), append(args, "-json"), &out, &progress); status != 0 {
		t.Fatalf("status %d\n%s", status, progress.String())
	}
	in := json.NewDecoder(&out)
	var r measure.Result
	if err := in.Decode(&r); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	if in.More() {
		t.Error("more results than one")
	}
	return &r
}

// TestChatSeesFaults has a scripted server do to single copies of messages what must not happen.
func TestChatSeesFaults(t *testing.T) {
	// at is the fate of one copy: the fifth message of the first one in the first room.
	at := func(what fate, toSelf bool) func(int, bool, said) fate {
		return func(room int, own bool, m said) fate {
			if room == 0 && m.side == 0 && m.number == 5 && own == toSelf {
				return what
			}
			return given
		}
	}
	last := func(room int, own bool, m said) fate {
		if room == 0 && !own && m.number > 9 {
			return dropped
		}
		return given
	}
	for name, c := range map[string]struct {
		script func(room int, own bool, m said) fate
		want   faults
		err    string
	}{
		"nothing is wrong":              {at(given, false), faults{}, ""},
		"one is lost":                   {at(dropped, false), faults{Lost: 1}, ""},
		"one is doubled":                {at(twice, false), faults{Doubled: 1}, ""},
		"one is late":                   {at(held, false), faults{Reordered: 1}, ""},
		"the last are lost":             {last, faults{Lost: 4}, ""},
		"one's own copy is lost":        {at(dropped, true), faults{OwnLost: 1}, ""},
		"one's own copy is doubled":     {at(twice, true), faults{OwnDoubled: 1}, ""},
		"one's own copy is late":        {at(held, true), faults{OwnReordered: 1}, ""},
		"one comes to another room":     {at(astray, false), faults{Lost: 1}, errForeign.Error()},
		"one is sent back as an error":  {at(returned, false), faults{Lost: 1}, "a message was refused"},
		"own copy goes to another room": {at(astray, true), faults{OwnLost: 1}, errForeign.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFaulty(t, c.script)
			// 4 say 10 each, and one before that to warm up.
			r := one(t, "chat", "-ws", server.url(), "-domain", "faulty.test", "-rooms", "rooms.test", "-n", "4", "-rate", "200", "-for", "200ms", "-late", "1s")
			if got := faultsOf(r); got != c.want {
				t.Errorf("counted %+v, want %+v", got, c.want)
			}
			if sent := r.Counters["sent"]; sent != 40 {
				t.Errorf("%d sent, want 40", sent)
			}
			if got, want := r.Counters["delivered"], 40-c.want.Lost; got != want {
				t.Errorf("%d delivered, want %d", got, want)
			}
			if l := r.Latency("message"); l == nil || l.Count != 40-c.want.Lost {
				t.Errorf("latencies of other messages than were delivered: %+v", l)
			}
			found := false
			for text := range r.Errors {
				found = found || c.err != "" && strings.Contains(text, c.err)
			}
			if found != (c.err != "") || len(r.Errors) > 1 {
				t.Errorf("errors %v, want %q", r.Errors, c.err)
			}
		})
	}
}

// TestChatClosedLoop: one message of each pair is on its way, or as many as -depth says, and who gets it answers; so a lost one silences its pair.
func TestChatClosedLoop(t *testing.T) {
	t.Parallel()
	for depth, arg := range map[int]string{1: "1", 3: "3"} {
		type room struct {
			said [2]uint64 // by each side, after the first
		}
		rooms := make([]room, 3)
		server := newFaulty(t, func(n int, own bool, m said) fate {
			if own || m.number == 1 {
				return given
			}
			r := &rooms[n]
			r.said[m.side]++
			if n == 0 && m.number == 4 && m.side == 1 {
				return dropped
			}
			return given
		})
		r := one(t, "chat", "-ws", server.url(), "-domain", "faulty.test", "-rooms", "rooms.test", "-n", "6", "-depth", arg, "-for", "300ms", "-late", "1s")
		if got, want := faultsOf(r), (faults{Lost: 1}); got != want {
			t.Errorf("depth %d: counted %+v, want %+v", depth, got, want)
		}
		server.mu.Lock()
		for n, r := range rooms {
			gap := int(r.said[0]) - int(r.said[1])
			switch {
			case n == 0 && depth == 1 && r.said != [2]uint64{3, 3}:
				t.Errorf("room 1: said %d after one was lost, want 3 each", r.said)
			case n > 0 && (r.said[1] < 4 || gap < -depth || gap > depth):
				t.Errorf("depth %d, room %d: said %d: they don't answer each other", depth, n+1, r.said)
			}
		}
		server.mu.Unlock()
	}
}

// TestChatOutlivesPartners: a session that ends takes its pair out, and the others go on; when all have ended, so does the run.
func TestChatOutlivesPartners(t *testing.T) {
	t.Parallel()
	t.Run("one", func(t *testing.T) {
		server := newFaulty(t, func(room int, own bool, m said) fate {
			if room == 0 && m.number == 4 && !own {
				return cut
			}
			return given
		})
		r := one(t, "chat", "-ws", server.url(), "-domain", "faulty.test", "-rooms", "rooms.test", "-n", "6", "-rate", "200", "-for", "400ms", "-late", "1s")
		if r.Counters["sent"] < 70 || len(r.Errors) == 0 {
			t.Errorf("the others did not go on, or nobody noticed: %v, errors %v", r.Counters, r.Errors)
		}
		if lost := r.Counters["lost"]; lost < 1 || lost > 3 {
			t.Errorf("%d lost: it must be what was on its way then", lost)
		}
	})
	t.Run("all", func(t *testing.T) {
		server := newFaulty(t, func(_ int, _ bool, m said) fate {
			if m.number == 4 {
				return cut
			}
			return given
		})
		var out, progress bytes.Buffer
		status := run(t.Context(), []string{"chat", "-ws", server.url(), "-domain", "faulty.test", "-rooms", "rooms.test", "-n", "6", "-rate", "200", "-for", "1h"}, &out, &progress)
		if status != 1 || !strings.Contains(progress.String(), errNobody.Error()) {
			t.Errorf("status %d: %s", status, progress.String())
		}
		if !strings.Contains(out.String(), "delivered") {
			t.Errorf("no result of what was before:\n%s", out.String())
		}
	})
}

// TestChatReal is chat in small, with real servers.
func TestChatReal(t *testing.T) {
	bin, err := usher()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ target, transport, rate string }{
		{"usher+prosody", "ws", "0"}, {"usher+ejabberd", "bosh", "100"},
	} {
		t.Run(strings.Join([]string{c.target, c.transport, c.rate}, " "), func(t *testing.T) {
			r := one(t, "chat", "-target", c.target, "-transport", c.transport, "-rate", c.rate, "-bin", bin, "-n", "20", "-for", "1s")
			if got := faultsOf(r); got != (faults{}) || len(r.Errors) > 0 {
				t.Errorf("counted %+v, errors %v", got, r.Errors)
			}
			if n := r.Counters["delivered"]; n < 20 || c.rate == "100" && n != 100 || n > r.Counters["sent"] {
				t.Errorf("%v", r.Counters)
			}
			for _, name := range []string{figureDelivered, figureCPU, figureEdgeCPU, figureServerCPU} {
				if !slices.ContainsFunc(r.Figures, func(f measure.Figure) bool { return f.Name == name && f.Value > 0 }) {
					t.Errorf("no figure %q: %+v", name, r.Figures)
				}
			}
		})
	}
}

// TestTalkFlags: what can't be done is said before anything is started.
func TestTalkFlags(t *testing.T) {
	for args, want := range map[string]string{
		"chat -n 3":          "-n: an even number",
		"chat -target usher": "has no rooms",
		"chat -ws ws://127.0.0.1:1/ -domain faulty.test": "-rooms",
		"chat -size 10":     "-size",
		"chat -depth 0":     "-depth",
		"chat -late 0":      "-late",
		"soak -rate 0":      "-rate",
		"soak -every 1ms":   "-every",
		"soak -processes 2": "-processes",
	} {
		var out, progress bytes.Buffer
		if status := run(t.Context(), strings.Fields(args), &out, &progress); status != 2 || !strings.Contains(progress.String(), want) {
			t.Errorf("%s: status %d, %s", args, status, progress.String())
		}
	}
}

func TestMessage(t *testing.T) {
	for _, size := range []int{headWidth, headWidth + 1, 100, 5000} {
		m := newMessage("room@rooms.test", 0xabc, 1, size)
		before := len(m.b)
		m.set(1<<40+7, 3*time.Hour)
		got, ok := parseMessage(m.b)
		if want := (said{0xabc, 1, 1<<40 + 7, 3 * time.Hour}); !ok || got != want {
			t.Errorf("read %+v, %v; want %+v", got, ok, want)
		}
		body := m.b[bytes.Index(m.b, []byte("<body>"))+6 : bytes.Index(m.b, []byte("</body>"))]
		if len(body) != size || len(m.b) != before {
			t.Errorf("a body of %d bytes, want %d: %s", len(body), size, m.b)
		}
		for n := range body { // one that is cut off is none
			if n < headWidth {
				if got, ok := parseMessage(m.b[:bytes.Index(m.b, body)+n]); ok {
					t.Errorf("read %+v in %d bytes", got, n)
				}
			}
		}
	}
	for _, other := range []string{
		"<message type='groupchat'><subject/></message>", "<presence><body>bench </body></presence>", "<message><body>" + strings.Repeat("x", 200) + "</body></message>",
		"<message><body>bench 0000000g a 000000000001 0000000000000001 </body></message>", "<message><body>bench 00000000 c 000000000001 0000000000000001 </body></message>",
	} {
		if got, ok := parseMessage([]byte(other)); ok {
			t.Errorf("read %+v in %s", got, other)
		}
	}
}
