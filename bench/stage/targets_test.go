package stage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"usher/bench/load"
)

// TestTargets: whatever is started, two get into a room there over each transport and over a bare link of the server; and over the transports so do two who
// have been told of the stage in JSON.
func TestTargets(t *testing.T) {
	for _, o := range []Options{
		{Target: UsherProsody, TLS: true}, {Target: UsherEjabberd, Links: 2}, {Target: Prosody, TLS: true}, {Target: Ejabberd, TLS: true},
	} {
		name := o.Target
		if o.TLS {
			name += ", TLS"
		}
		t.Run(name, func(t *testing.T) {
			s := open(t, o)
			if s.Fake || s.Server == nil || s.Upstream != nil || len(s.Processes) != 1+strings.Count(o.Target, "+") {
				t.Errorf("not what was asked for: %+v", s)
			}
			for _, p := range s.Processes {
				if _, err := os.Stat(fmt.Sprintf("/proc/%d", p.Pid)); err != nil {
					t.Errorf("%s: %v", p.Name, err)
				}
			}
			meets(t, s, o.TLS, WebSocket, BOSH, Component)
			meets(t, told(t, s), o.TLS, WebSocket, BOSH) // a second link of one domain is a conflict
			log, err := os.ReadFile(s.Server.LogFile())
			if err != nil || bytes.Contains(log, []byte("uthenticated")) || bytes.Contains(log, []byte("session")) {
				t.Errorf("the server logs what costs it time (%v):\n%s", err, log)
			}
		})
	}
}

// told is s as another process has it.
func told(t *testing.T, s *Stage) *Stage {
	t.Helper()
	text, err := json.Marshal(s.Plan())
	if err != nil {
		t.Fatal(err)
	}
	var p Plan
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	other := Join(p)
	if other.Target != s.Target || len(other.Processes) != len(s.Processes) || len(other.Ushers) != len(s.Ushers) {
		t.Errorf("%+v is not %+v", other, s)
	}
	for i, u := range other.Ushers {
		if v, err := u.Metric(t.Context(), "usher_sessions"); err != nil || u.Pid != s.Ushers[i].Pid {
			t.Errorf("Usher %d can't be asked: %v, %v", i, v, err)
		}
	}
	return other
}

// meets brings two into a room over each transport.
func meets(t *testing.T, s *Stage, secure bool, transports ...string) {
	t.Helper()
	for _, transport := range transports {
		e, err := s.Endpoint(transport, 5)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Endpoint(transport, 7); again != e || err != nil {
			t.Errorf("%s: another endpoint: %v", transport, err)
		}
		if want := secure && transport != Component; want != (strings.HasPrefix(e.URL, "https:") || strings.HasPrefix(e.URL, "wss:")) {
			t.Errorf("%s is %s", transport, e.URL)
		}
		w := load.NewWorker()
		room := e.Room("room-" + transport)
		for _, nick := range []string{"anna", "ben"} {
			one, err := e.Open(t.Context(), w)
			if err != nil {
				t.Fatalf("%s: %v", transport, err)
			}
			t.Cleanup(one.Close)
			if err := one.Join(w, room, nick+transport+fmt.Sprint(s.Server == nil)); err != nil {
				t.Fatalf("%s: %v", transport, err)
			}
		}
	}
}

// What is given is taken as it is, and nothing is started.
func TestGiven(t *testing.T) {
	s, err := Open(t.Context(), Options{BOSH: "http://127.0.0.1:1/http-bind", Domain: "d.example", Rooms: "r.example", User: "u", Password: "p",
		Pids: map[string]int{"b": 2, "a": 1}, Wait: 7})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e, err := s.Endpoint(BOSH, 3)
	if err != nil || e.URL != "http://127.0.0.1:1/http-bind" || e.Domain != "d.example" || e.Rooms != "r.example" || e.User != "u" || e.Wait != 7 {
		t.Errorf("%+v, %v", e, err)
	}
	s.Wait(9)
	if again, err := s.Endpoint(BOSH, 3); err != nil || again == e || again.Wait != 9 {
		t.Errorf("the wait is not 9: %+v, %v", again, err)
	}
	if len(s.Processes) != 2 || s.Processes[0].Name != "a" || s.Processes[0].Pid != 1 || len(s.Ushers) != 0 || s.Fake {
		t.Errorf("%+v", s)
	}
	if _, err := s.Endpoint(WebSocket, 0); err == nil || !strings.Contains(err.Error(), `can't be reached over "ws"`) {
		t.Errorf("over WebSocket: %v", err)
	}
}
