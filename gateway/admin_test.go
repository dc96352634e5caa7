package gateway

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"usher/archive"
	"usher/c2s"
	"usher/pool"
	"usher/workgroup"
	"usher/xmpp"
)

func TestAdmin(t *testing.T) {
	since := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	links := []pool.Status{{Domain: "a.example", State: "up", Since: since, RTT: 400 * time.Microsecond, Visitors: 12}, {Domain: "b.example", State: "down"}}
	draining := false
	serve := func(token string, links []pool.Status, r *http.Request) *httptest.ResponseRecorder {
		cfg := &Config{AdminHosts: []string{"usher.internal"}, AdminToken: Secret{token}}
		srv := newAdmin(cfg, prometheus.NewRegistry(), func() ReadyReport { return readyReport(draining, links) },
			func() *archive.Archive { return nil }, eraser{}, discard())
		w := httptest.NewRecorder()
		srv.Handler.ServeHTTP(w, r)
		return w
	}
	tests := []struct {
		name   string
		method string
		host   string
		path   string
		token  string // configured
		auth   string // sent
		status int
		body   string // is in it
	}{
		{"health", "GET", "127.0.0.1:9091", "/healthz", "", "", 200, "ok"},
		{"HEAD", "HEAD", "127.0.0.1:9091", "/healthz", "", "", 200, ""},
		{"ready", "GET", "[::1]:9091", "/readyz", "", "", 200,
			`{"ready":true,"draining":false,"links":[{"domain":"a.example","state":"up","since":"2026-11-22T12:00:00Z","rtt_ms":0.4,"visitors":12},` +
				`{"domain":"b.example","state":"down","since":"","rtt_ms":0,"visitors":0}]}`},
		{"metrics", "GET", "localhost", "/metrics", "", "", 200, ""},
		{"a known host", "GET", "Usher.Internal:9091", "/healthz", "", "", 200, "ok"},
		{"a foreign host", "GET", "evil.example", "/healthz", "", "", 404, ""},
		{"a foreign host, metrics", "GET", "evil.example", "/metrics", "", "", 404, ""},
		{"no host", "GET", "", "/healthz", "", "", 404, ""},
		{"profiles without a token", "GET", "localhost", "/debug/pprof/", "", "", 403, "no admin_token"},
		{"anything without a token", "GET", "localhost", "/api/archive", "", "Bearer ", 403, "no admin_token"},
		{"a change", "POST", "localhost", "/healthz", "", "", 403, "no admin_token"},
		{"no token sent", "GET", "localhost", "/debug/pprof/", "t0ken", "", 401, ""},
		{"a wrong one", "GET", "localhost", "/debug/pprof/", "t0ken", "Bearer t0ke", 401, ""},
		{"an empty one", "GET", "localhost", "/debug/pprof/", "t0ken", "Bearer ", 401, ""},
		{"Bearer", "GET", "localhost", "/debug/pprof/", "t0ken", "Bearer t0ken", 200, "goroutine"},
		{"bearer", "GET", "localhost", "/debug/pprof/cmdline", "t0ken", "bearer t0ken", 200, ""},
		{"Basic", "GET", "localhost", "/debug/pprof/", "t0ken", "Basic dTp0MGtlbg==", 200, "goroutine"},
		{"Basic with it as the name", "GET", "localhost", "/debug/pprof/", "t0ken", "Basic dDBrZW46eA==", 401, ""},
		{"nothing there", "GET", "localhost", "/nothing", "t0ken", "Bearer t0ken", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "http://x"+tt.path, nil)
			r.Host = tt.host
			if tt.auth != "" {
				r.Header.Set("Authorization", tt.auth)
			}
			w := serve(tt.token, links, r)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
				t.Errorf("got %d %q, want %d with %q", w.Code, w.Body, tt.status, tt.body)
			}
		})
	}
	ready := httptest.NewRequest("GET", "http://localhost/readyz", nil)
	if w := serve("", links[1:], ready); w.Code != 503 || !strings.HasPrefix(w.Body.String(), `{"ready":false,"draining":false,`) {
		t.Errorf("no link: %d %s", w.Code, w.Body)
	}
	draining = true
	if w := serve("", links, ready); w.Code != 503 || !strings.HasPrefix(w.Body.String(), `{"ready":false,"draining":true,`) {
		t.Errorf("draining: %d %s", w.Code, w.Body)
	}
	if w := serve("", nil, ready); !strings.Contains(w.Body.String(), `"links":[]`) {
		t.Errorf("no links: %s", w.Body)
	}
}

// testRegistry has two sites and a link of each state.
func testRegistry() (*counters, *prometheus.Registry) {
	cfg := defaultConfig()
	cfg.Sites = []Site{{Name: "shop", Workgroups: []Workgroup{{Name: "support"}}}, {Name: "blog", Workgroups: []Workgroup{{Name: "support"}}}}
	cfg.Upstream.Accounts = []Account{{Domain: "acc.example"}}
	count := newCounters(cfg.Sites, cfg.Upstream.Accounts)
	return count, newRegistry(cfg, count, gauges{
		Links: func() []pool.Status {
			return []pool.Status{{Domain: "a.example", State: "up", RTT: 250 * time.Millisecond}, {Domain: "b.example", State: "connecting"}}
		},
		HoldBytes: func(domain string) int64 { return int64(len(domain)) },
		Outbox:    func() int64 { return 77 }, Forgotten: func() int64 { return 78 }, BOSHHeld: func() int { return 5 }, BOSHPolls: func() int64 { return 6 },
		Desk: func() []workgroup.Gauges {
			return []workgroup.Gauges{{Site: "shop", Workgroup: "support", Queue: 3, Chats: 2, Agents: map[string]int{"ready": 4}},
				{Site: "blog", Workgroup: "support", Queue: 1, Agents: map[string]int{"ready": 1, "busy": 2}}}
		},
		Lag: func() float64 { return 1.5 }, Failures: func() uint64 { return 8 },
	})
}

func TestMetrics(t *testing.T) {
	count, registry := testRegistry()
	count.stanza(Up, xmpp.Message)
	count.stanza(Down, xmpp.IQ)
	count.stanza(Down, xmpp.IQ)
	count.counted(overWS)(true, 10)
	count.counted(overBOSH)(false, 20)
	count.drop(DropHoldAge)
	count.loginFailed(LoginNoLink)
	count.closed(c2s.Shutdown, "bosh")
	count.site("shop").opened("ws")
	count.site("shop").opened("ws")
	count.site("shop").closed("ws")
	count.site("blog").opened("bosh")
	for _, o := range []workgroup.Observation{
		{Kind: "wait", Site: "shop", Workgroup: "support", Seconds: 7},
		{Kind: "offer", Site: "blog", Workgroup: "support", Label: "lapsed"},
		{Kind: "offer", Site: "blog", Workgroup: "support", Label: "invented"},
		{Kind: "room-error", Label: "form", Detail: "not-allowed"},
		{Kind: "room-error", Label: "form", Detail: "a server's own words"},
	} {
		count.observed(&o)
	}
	if n := count.site("shop").open(); n != 1 {
		t.Errorf("%d open", n)
	}
	want := `usher_agents{state="busy",workgroup="support"} 2
usher_agents{state="ready",workgroup="support"} 5
usher_archive_errors_total 8
usher_archive_lag_seconds 1.5
usher_bosh_forgotten_total 78
usher_bosh_held 5
usher_bosh_polls_total 6
usher_bytes_total{direction="down",transport="bosh"} 20
usher_bytes_total{direction="down",transport="ws"} 0
usher_bytes_total{direction="up",transport="bosh"} 0
usher_bytes_total{direction="up",transport="ws"} 10
usher_link_hold_bytes{domain="a.example"} 9
usher_link_hold_bytes{domain="b.example"} 9
usher_link_rtt_seconds{domain="a.example"} 0.25
usher_link_rtt_seconds{domain="b.example"} 0
usher_link_up{domain="a.example"} 1
usher_link_up{domain="b.example"} 0
usher_chats{site="blog",workgroup="support"} 0
usher_chats{site="shop",workgroup="support"} 2
usher_memory_budget_bytes 1.073741824e+09
usher_offers_total{outcome="lapsed",workgroup="support"} 1
usher_offers_total{outcome="other",workgroup="support"} 1
usher_offers_total{outcome="taken",workgroup="support"} 0
usher_outbox_bytes 77
usher_queue_length{site="blog",workgroup="support"} 1
usher_queue_length{site="shop",workgroup="support"} 3
usher_room_errors_total{condition="not-allowed",step="form"} 1
usher_room_errors_total{condition="other",step="form"} 1
usher_sessions{site="blog",transport="bosh"} 1
usher_sessions{site="blog",transport="ws"} 0
usher_sessions{site="shop",transport="bosh"} 0
usher_sessions{site="shop",transport="ws"} 1
usher_setups_total{site="blog",transport="bosh"} 1
usher_setups_total{site="blog",transport="ws"} 0
usher_setups_total{site="shop",transport="bosh"} 0
usher_setups_total{site="shop",transport="ws"} 2
usher_stanzas_total{direction="down",kind="iq"} 2
usher_stanzas_total{direction="down",kind="message"} 0
usher_stanzas_total{direction="down",kind="presence"} 0
usher_stanzas_total{direction="up",kind="iq"} 0
usher_stanzas_total{direction="up",kind="message"} 1
usher_stanzas_total{direction="up",kind="presence"} 0
usher_wait_seconds_bucket{site="shop",workgroup="support",le="5"} 0
usher_wait_seconds_bucket{site="shop",workgroup="support",le="10"} 1
usher_wait_seconds_sum{site="shop",workgroup="support"} 7
usher_wait_seconds_count{site="blog",workgroup="support"} 0
`
	got := scrape(t, registry)
	for line := range strings.Lines(want) {
		if !strings.Contains(got, "\n"+line) {
			t.Errorf("no line %s", line)
		}
	}
	// Of the long lists: the one series that was counted.
	for name, list := range map[string]struct {
		series  int
		nonzero string
	}{
		"usher_drops_total":          {int(numDropReasons), `{reason="hold_age"}`},
		"usher_login_failures_total": {int(numLoginFailures), `{reason="no_link"}`},
		"usher_closes_total":         {2 * len(c2s.Reasons()), `{reason="shutdown",transport="bosh"}`},
	} {
		series := regexp.MustCompile(`(?m)^`+name+`({.*}) (\d+)$`).FindAllStringSubmatch(got, -1)
		if len(series) != list.series {
			t.Errorf("%s has %d series, want %d from the start", name, len(series), list.series)
		}
		for _, m := range series {
			if want := map[bool]string{true: "1", false: "0"}[m[1] == list.nonzero]; m[2] != want {
				t.Errorf("%s%s is %s, want %s", name, m[1], m[2], want)
			}
		}
	}
}

// scrape reads the metrics as Prometheus does.
func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// docs/interface.md lists the metrics that there are, with their labels.
func TestMetricsInterface(t *testing.T) {
	doc, err := os.ReadFile("../docs/interface.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (usher_\w+) \| ([^|]*?) ?\|`).FindAllStringSubmatch(string(doc), -1) {
		told[m[1]] = m[2]
	}
	for _, m := range metricTable {
		labels, ok := told[m.name]
		if !ok || labels != strings.Join(m.labels, ", ") {
			t.Errorf("docs/interface.md has %s with labels %q, want %q", m.name, labels, strings.Join(m.labels, ", "))
		}
		delete(told, m.name)
	}
	for name, want := range map[string]string{
		"usher_wait_seconds": "site, workgroup", "usher_offers_total": "workgroup, outcome", "usher_room_errors_total": "step, condition",
	} {
		if told[name] != want {
			t.Errorf("docs/interface.md has %s with labels %q, want %q", name, told[name], want)
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("docs/interface.md has %s, the program hasn't", name)
	}
	count, registry := testRegistry()
	count.drop(DropRepeat)
	scraped := scrape(t, registry)
	for _, m := range metricTable {
		if !strings.Contains(scraped, "\n"+m.name+"{") && !strings.Contains(scraped, "\n"+m.name+" ") {
			t.Errorf("%s has no series at the start", m.name)
		}
	}
}

func TestLoginFailureOf(t *testing.T) {
	for _, r := range c2s.Reasons() {
		if f := loginFailureOf(r); f == LoginOther && r != c2s.Unknown && r != c2s.Terminated && r != c2s.Internal {
			t.Errorf("a login that ends with %s counts as other", r)
		}
	}
}

// Counting on the hot paths allocates nothing.
func TestAllocCounters(t *testing.T) {
	count := newCounters([]Site{{Name: "shop"}}, nil)
	hook := count.counted(overWS)
	if n := testing.AllocsPerRun(100, func() {
		count.stanza(Up, xmpp.Message)
		count.drop(DropRepeat)
		count.closed(c2s.Inactive, "bosh")
		hook(true, 100)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
