package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"usher/xmpp/xmpptest"
)

// desk is a real server with Usher's support desk in front of it, shared by the cases of a test.
type desk struct {
	server *xmpptest.Server
	usher  *usher
	addr   string
	hook   *hook
}

// deskCase is one situation, with a workgroup and people of its own, so that cases run beside each other.
type deskCase struct {
	name    string
	site    string // of deskSites; "" = shop
	group   string // more keys of the workgroup
	timers  string // other timers than deskTimers
	agents  int
	example func(t *testing.T, s *scene)
}

// scene is what a case is given.
type scene struct {
	*desk
	t          *testing.T
	domain     string // of the site
	workgroup  string // JID
	agents     []string
	supervisor string
}

// deskSites are the sites' domains; the last isn't a component's.
var deskSites = map[string]string{"shop": "visitors.localhost", "signed": "signed.localhost", "help": "help.example"}

// deskTimers are short where a case waits for them, and long where one must not come in between.
const deskTimers = "visitor_join: 20s, join: 20s, queue: 60s, net: 30s, visitor_lost: 30s, agent_lost: 30s, cool: 1s, wrap: 100ms, ready: 1ms"

const (
	adminToken = "e2e-admin"
	jwtKey     = "a key that only the site and its Usher know"
	hookSecret = "e2e-hook"
)

const deskConfig = `
listen: %[1]s
admin: %[2]s
admin_token: ` + adminToken + `
log: {level: debug}
upstream:
  server: %[3]s
  address: %[4]s
  components: [{domain: visitors.localhost, secret: s3cret}]
  rooms: %[5]s
  retry: {min: 100ms, max: 500ms}
resume: {token_key: a-key-that-outlives-the-process-0123, grace: 5s}
archive: {path: usher.db}
limits: {visitor: {joins: 0, messages: 0}}
sites:
`

const deskSite = `
  - name: %[1]s
    domain: %[2]s
    origins: ["*"]
    identity: {hmac_key: "` + jwtKey + `"}
    webhook: {url: "%[3]s", secret: ` + hookSecret + `}
    workgroups:
`

// runDesk starts a server, and Usher with a workgroup for each case.
func runDesk(t *testing.T, server string, cases []deskCase) *desk {
	t.Helper()
	d := &desk{addr: port(t), hook: runHook(t)}
	accounts := []xmpptest.Account{{User: "stranger", Password: "pw"}}
	sites := map[string]*strings.Builder{}
	for _, c := range cases {
		site := cmp.Or(c.site, "shop")
		if sites[site] == nil {
			sites[site] = new(strings.Builder)
			fmt.Fprintf(sites[site], deskSite, site, deskSites[site], d.hook.url)
		}
		var agents []string
		for _, user := range append(c.users(), c.name+"-lead") {
			accounts = append(accounts, xmpptest.Account{User: user, Password: "pw-" + user})
		}
		for _, user := range c.users() {
			agents = append(agents, user+"@localhost")
		}
		fmt.Fprintf(sites[site], "      - {name: %s, agents: [%s], supervisors: [%s-lead@localhost], offer_timeout: 20s, timers: {%s}%s}\n",
			c.name, strings.Join(agents, ", "), c.name, overrideTimers(c.timers), c.group)
	}
	d.server = servers[server](t, xmpptest.ServerOptions{
		Components: []xmpptest.Component{{Domain: "visitors.localhost", Secret: "s3cret"}}, Accounts: accounts,
	})
	admin := port(t)
	config := fmt.Sprintf(deskConfig, d.addr, admin, server, d.server.ComponentAddr(), d.server.Rooms())
	for _, site := range sites {
		config += site.String()
	}
	d.usher = runUsher(t, config, d.addr, admin)
	return d
}

func (c *deskCase) users() (users []string) {
	for i := range c.agents {
		users = append(users, fmt.Sprintf("%s-%d", c.name, i+1))
	}
	return users
}

// overrideTimers puts a case's own timers over the common ones.
func overrideTimers(own string) string {
	all := strings.Split(deskTimers, ", ")
	for _, one := range strings.Split(own, ", ") {
		name, _, _ := strings.Cut(one, ":")
		all = slices.DeleteFunc(all, func(t string) bool { return strings.HasPrefix(t, name+":") })
		all = append(all, one)
	}
	return strings.Join(slices.DeleteFunc(all, func(t string) bool { return t == "" }), ", ")
}

// play runs the cases beside each other.
func (d *desk) play(t *testing.T, cases []deskCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.example(t, d.scene(t, c))
		})
	}
}

func (d *desk) scene(t *testing.T, c deskCase) *scene {
	return &scene{
		desk: d, t: t, domain: deskSites[cmp.Or(c.site, "shop")], workgroup: c.name + "@visitors.localhost",
		agents: c.users(), supervisor: c.name + "-lead",
	}
}

// visitor logs one in at the scene's site, agent signs one in and waits until he serves, lead the supervisor.
func (s *scene) visitor() *visitor { s.t.Helper(); return s.desk.visitor(s.t, s.domain, s.workgroup) }

func (s *scene) agent(i int, more ...map[string]any) *member {
	s.t.Helper()
	return s.member(s.agents[i], more...)
}

func (s *scene) lead() *member { s.t.Helper(); return s.member(s.supervisor) }

func (s *scene) member(user string, more ...map[string]any) *member {
	s.t.Helper()
	args := map[string]any{}
	for _, m := range more {
		args = m
	}
	return s.signIn(s.t, user, args).serves(s.workgroup)
}

// transcript is a conversation as the archive gives it (docs/interface.md C).
type transcript struct {
	ID        string
	Number    int
	Site      string
	Workgroup string
	Visitor   struct {
		JID, Name, Email, Sub, Page string
		Verified                    bool
	}
	Asked, Accepted, Closed string // RFC 3339 in UTC, or nothing
	Reason                  string
	Agents                  []string
	Rating                  *struct {
		Value int
		Text  string
	}
	Events []struct {
		Seq                          int
		Time                         string
		Kind, From, Nick, Role, Body string
		StanzaID                     string `json:"stanza_id"`
	}
}

// archived is the transcript by `usher archive show`, which works beside the running server. The admin listener's API has to say the same.
func (d *desk) archived(t *testing.T, id string) *transcript {
	t.Helper()
	var shown []byte
	var one, other any
	until(t, "`usher archive show` and the API say the same", func() bool { // what has just happened may come between the two
		shown = d.command(t, "archive", "-config", d.usher.config, "show", "-json", id)
		for _, page := range []struct {
			b  []byte
			to *any
		}{{shown, &one}, {d.api(t, "/api/archive/"+id), &other}} {
			*page.to = nil
			if err := json.Unmarshal(page.b, page.to); err != nil {
				t.Fatalf("%v: %s", err, page.b)
			}
		}
		return fmt.Sprint(one) == fmt.Sprint(other)
	})
	tr := new(transcript)
	if err := json.Unmarshal(shown, tr); err != nil {
		t.Fatalf("%v: %s", err, shown)
	}
	if tr.ID != id {
		t.Fatalf("asked for %s, got %s", id, shown)
	}
	last := 0
	for _, e := range tr.Events {
		if e.Seq <= last {
			t.Errorf("event %d stands after %d", e.Seq, last)
		}
		last = e.Seq
	}
	return tr
}

func (d *desk) command(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(d.usher.program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("usher %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return out
}

// api fetches a page of the admin listener.
func (d *desk) api(t *testing.T, path string) []byte {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+d.usher.admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s: %s", path, res.Status, b.String())
	}
	return b.Bytes()
}

// story is what happened, a line each: kind and role, and for what was said the text. Notices are the service's own words; left out.
func (tr *transcript) story() (lines []string) {
	for _, e := range tr.Events {
		switch e.Kind {
		case "notice":
		case "message", "note", "rating":
			lines = append(lines, e.Kind+" "+e.Role+": "+e.Body)
		default:
			lines = append(lines, e.Kind+" "+e.Role)
		}
	}
	return lines
}

// said is what people said, with their roles.
func (tr *transcript) said() (lines []string) {
	for _, e := range tr.Events {
		if e.Kind == "message" {
			lines = append(lines, e.Role+": "+e.Body)
		}
	}
	return lines
}

func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n  %s\nwant:\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
