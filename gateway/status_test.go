package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestStatus: a page learns what its own site's workgroup is like, and whom to believe is the site's origins.
func TestStatus(t *testing.T) {
	s := newScript(t)
	l := newLedger()
	yaml := strings.Replace(deskConfig(s.u.Addr(), "unused.db"), "    workgroups:\n      - {name: support, agents: [alice@localhost]",
		"    origins: [\"https://shop.example\"]\n    workgroups:\n      - {name: night, address: night, agents: [alice@localhost], hours: {zone: UTC, week: {}}}\n      - {name: support, agents: [alice@localhost]", 1)
	g := startEdge(t, yaml, func(g *Gateway) { g.openArchive = func() (keeper, error) { return l, nil } })
	base := "http://" + g.doors.public[0].Addr().String() + "/status?"
	ask := func(method, query, origin string) (*http.Response, groupStatus) {
		t.Helper()
		request, err := http.NewRequest(method, base+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			request.Header.Set("Origin", origin)
		}
		r, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		var got groupStatus
		if r.StatusCode == 200 && method == "GET" {
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatalf("%s: %v", b, err)
			}
		}
		return r, got
	}
	is := func(query string, want groupStatus) {
		t.Helper()
		var got groupStatus
		eventually(t, query, func() bool {
			_, got = ask("GET", query, "")
			return got == want
		})
	}
	is("site=shop&workgroup=night", groupStatus{Site: "shop", Workgroup: "night", State: "closed"})
	s.available("bob@localhost", clubDesk)
	is("site=club", groupStatus{Site: "club", Workgroup: "support", State: "open", Agents: 1})
	s.available("alice@localhost", shopDesk)
	is("site=shop&workgroup=support", groupStatus{Site: "shop", Workgroup: "support", State: "open", Agents: 1})
	v := newGuest(t, g, testComponent)
	v.sendf(joinQueue, "j", shopDesk)
	v.expect("iq", "id='j'", "type='result'")
	is("site=shop&workgroup=support", groupStatus{Site: "shop", Workgroup: "support", State: "busy", Agents: 1, Waiting: 1, Estimate: 15})
	if err := s.u.Send(testComponent, []byte("<presence type='unavailable' from='bob@localhost/desk' to='"+clubDesk+"'/>")); err != nil {
		t.Fatal(err)
	}
	is("site=club", groupStatus{Site: "club", Workgroup: "support", State: "offline"})

	for _, c := range []struct {
		method, query, origin string
		status                int
		allowed               string
	}{
		{"GET", "site=shop&workgroup=support", "https://shop.example", 200, "https://shop.example"},
		{"HEAD", "site=shop&workgroup=support", "https://shop.example", 200, "https://shop.example"},
		{"GET", "site=shop&workgroup=support", "https://evil.example", 200, ""},
		{"GET", "site=club", "https://evil.example", 200, "https://evil.example"}, // its origins are *
		{"OPTIONS", "site=shop", "https://shop.example", 204, "https://shop.example"},
		{"POST", "site=club", "https://shop.example", 405, "https://shop.example"},
		{"GET", "site=shop", "", 404, ""}, // which of the two?
		{"GET", "site=shop&workgroup=none", "", 404, ""},
		{"GET", "site=club&workgroup=night", "", 404, ""}, // another site's
		{"GET", "site=none", "", 404, ""},
		{"GET", "", "", 404, ""},
	} {
		r, _ := ask(c.method, c.query, c.origin)
		if r.StatusCode != c.status || r.Header.Get("Access-Control-Allow-Origin") != c.allowed || !strings.Contains(r.Header.Get("Vary"), "Origin") {
			t.Errorf("%s ?%s of %q: %d, allowed %q", c.method, c.query, c.origin, r.StatusCode, r.Header.Get("Access-Control-Allow-Origin"))
		}
		if cache := r.Header.Get("Cache-Control"); (c.status == 200) != (cache == "max-age=10") {
			t.Errorf("%s ?%s: Cache-Control %q", c.method, c.query, cache)
		}
	}
}
