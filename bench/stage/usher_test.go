package stage

import (
	"strings"
	"testing"
)

// A metric is the sum over the series that have the labels asked for, and of no other whose name begins alike.
func TestMetric(t *testing.T) {
	const page = `# HELP usher_closes_total streams that ended
usher_closes_total{reason="slow",transport="ws"} 3
usher_closes_total{reason="slow",transport="bosh"} 4
usher_closes_total{reason="gone",transport="ws"} 5
usher_closes_total_more 100
usher_link_up{domain="a",other_reason="slow"} 1
usher_memory_bytes 2.5e+07
`
	for name, want := range map[string]float64{
		`usher_closes_total`:                                 12,
		`usher_closes_total{reason="slow"}`:                  7,
		`usher_closes_total{transport="ws"}`:                 8,
		`usher_closes_total{reason="slow",transport="ws"}`:   3,
		`usher_closes_total{transport="bosh",reason="slow"}`: 4,
		`usher_memory_bytes`:                                 2.5e7,
	} {
		if got, err := metric(page, name); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"usher_closes", `usher_closes_total{reason="none"}`, `usher_link_up{reason="slow"}`, "usher"} {
		if got, err := metric(page, name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v; want none", name, got, err)
		}
	}
}

// A process that ends says why; one that is started again is where it was.
func TestUsherEndsAndStarts(t *testing.T) {
	s := open(t, Options{Target: Fake, Ushers: 2, Links: 2})
	if len(s.Ushers) != 2 || !s.Fake || len(s.Processes) != 2 {
		t.Fatalf("not two Ushers in front of a fake server: %+v", s)
	}
	u := s.Ushers[1]
	for _, domain := range []string{"visitors2.localhost", "visitors2-2.localhost"} {
		if s.Upstream.Peer(domain) == nil {
			t.Errorf("no link of %s", domain)
		}
	}
	pid := u.Pid
	u.Kill()
	if _, err := u.Metric(t.Context(), "usher_sessions"); err == nil {
		t.Error("a dead process answers")
	}
	if err := u.Until(t.Context(), "a miracle", func() (bool, error) { return false, nil }); err == nil || !strings.Contains(err.Error(), "usher has ended (signal: killed)") {
		t.Errorf("waiting for a dead process: %v", err)
	}
	if err := u.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m, err := u.Collect(t.Context()); u.Pid == pid || u.Ended() != nil || err != nil || m.Heap < 100_000 {
		t.Errorf("process %d after %d: %v, %v, %+v", u.Pid, pid, u.Ended(), err, m)
	}
	if s.Ushers[0].Ended() != nil {
		t.Error("the other one has ended too")
	}
}

// What can't be set up is refused with a word about it, and leaves nothing running.
func TestRefused(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for says, o := range map[string]Options{
		"no such target":                {Target: "xmppd"},
		"several processes of Usher":    {Target: UsherProsody, Ushers: 2},
		"a desk needs Usher and a real": {Target: Fake, Agents: 1},
		"no URL is given":               {Target: Given},
		"nonsense: unknown key":         {Target: Fake, Bin: bin, Config: "nonsense: 1"},
		"no such file":                  {Target: Fake, Bin: "/nonexistent/usher"},
	} {
		if s, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, %v; want %q", o, s, err, says)
		}
	}
}
