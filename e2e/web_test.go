package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"usher/xmpp/xmpptest"
)

// story is something that happens on a web page, with a workgroup and people of its own, so that stories run beside each other.
type story struct {
	name     string
	site     string // of webSites; "" = shop
	group    string // more keys of the workgroup
	timers   string // other timers than deskTimers
	agents   int
	browsers []string // nil = Chromium only
	alone    bool     // it measures: nothing else runs beside it
	tell     func(t *testing.T, w *web)
}

// web is what a story is given.
type web struct {
	*scene
	*browser
	shop  *shop
	group string // the workgroup's name
	site  string
}

// webSites are the sites: domain, and more keys.
var webSites = map[string][2]string{
	"shop":   {"visitors.localhost", ""},
	"calls":  {"calls.example", "    consent: We keep what you write for a year.\n    proactive: {mode: presence}\n"},
	"greets": {"greets.example", "    consent: We keep what you write for a year.\n    proactive: {mode: greet, rules: [{page: \"*/lamps\", after: 1s, text: {en: Which lamp do you like?}}]}\n"},
}

const webConfig = `
listen: %[1]s
admin: %[2]s
admin_token: ` + adminToken + `
log: {level: debug}
upstream:
  server: prosody
  address: %[3]s
  components: [{domain: visitors.localhost, secret: s3cret}]
  rooms: %[4]s
  retry: {min: 100ms, max: 500ms}
  accounts: [{domain: localhost, address: %[5]s, tls: none}]
resume: {token_key: a-key-that-outlives-the-process-0123}
archive: {path: usher.db}
files: {path: files}
limits: {visitor: {joins: 0, messages: 0}, address: {sessions: 0, new: 0}}
sites:
`

// TestWeb: visitors with the widget on pages of a foreign origin, in real browsers, before the real binary and a real server.
func TestWeb(t *testing.T) {
	stories := webStories()
	d := runWebDesk(t, stories)
	s := runShop(t)
	for _, kind := range []string{"chromium", "firefox"} {
		t.Run(kind, func(t *testing.T) {
			b := startBrowser(t, kind)
			t.Run("stories", func(t *testing.T) { // returns when the parallel ones are done, which begin when the others are
				for _, one := range stories {
					if !slices.Contains(one.plays(), kind) {
						continue
					}
					t.Run(one.name, func(t *testing.T) {
						if !one.alone {
							t.Parallel()
						}
						one.tell(t, &web{scene: one.scene(t, d, kind), browser: b, shop: s, group: one.groupIn(kind), site: one.where()})
					})
				}
			})
		})
	}
}

func (s *story) plays() []string {
	if s.browsers == nil {
		return []string{"chromium"}
	}
	return s.browsers
}

func (s *story) where() string {
	if s.site == "" {
		return "shop"
	}
	return s.site
}

// groupIn is the workgroup's name: each browser has one of its own.
func (s *story) groupIn(kind string) string { return s.name + "-" + kind[:2] }

func (s *story) scene(t *testing.T, d *desk, kind string) *scene {
	group := s.groupIn(kind)
	return &scene{
		desk: d, t: t, domain: webSites[s.where()][0], workgroup: group + "@visitors.localhost", agents: s.users(group), supervisor: group + "-lead",
	}
}

func (s *story) users(group string) (users []string) {
	for i := range s.agents {
		users = append(users, fmt.Sprintf("%s-%d", group, i+1))
	}
	return users
}

// runWebDesk starts a server, and Usher with a workgroup for each story and browser.
func runWebDesk(t *testing.T, stories []story) *desk {
	t.Helper()
	d := &desk{addr: port(t), hook: runHook(t)}
	var accounts []xmpptest.Account
	sites := map[string]*strings.Builder{}
	for _, s := range stories {
		site := s.where()
		if sites[site] == nil {
			sites[site] = new(strings.Builder)
			fmt.Fprintf(sites[site], "  - name: %s\n    domain: %s\n    origins: [\"*\"]\n%s    workgroups:\n", site, webSites[site][0], webSites[site][1])
		}
		for _, kind := range s.plays() {
			group := s.groupIn(kind)
			users := s.users(group)
			for _, user := range append(users, group+"-lead") {
				accounts = append(accounts, xmpptest.Account{User: user, Password: "pw-" + user})
			}
			fmt.Fprintf(sites[site], "      - {name: %s, agents: [%s@localhost], supervisors: [%s-lead@localhost], offer_timeout: 60s, timers: {%s}%s}\n",
				group, strings.Join(users, "@localhost, "), group, overrideTimers(s.timers), s.group)
		}
	}
	d.server = xmpptest.RunProsody(t, xmpptest.ServerOptions{
		Components: []xmpptest.Component{{Domain: "visitors.localhost", Secret: "s3cret"}}, Accounts: accounts,
	})
	admin := port(t)
	config := fmt.Sprintf(webConfig, d.addr, admin, d.server.ComponentAddr(), d.server.Rooms(), d.server.C2SAddr())
	for _, site := range sites {
		config += site.String()
	}
	d.usher = runUsher(t, config, d.addr, admin)
	return d
}

// pictureFile is where a picture goes: e2e/pictures/, which isn't committed.
func pictureFile(t *testing.T, name string) string {
	t.Helper()
	if err := os.MkdirAll("pictures", 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join("pictures", regexp.MustCompile(`[^\w.-]+`).ReplaceAllString(name, "-")+".png")
}
