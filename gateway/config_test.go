package gateway

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// minimal is the least that a config must have.
const minimal = `upstream:
  components: [{domain: visitors.localhost, secret: s3cret}]
sites:
  - {name: shop, domain: visitors.localhost}
`

// minimalOpen is the same with room for more keys of the site.
const minimalOpen = `upstream:
  components: [{domain: visitors.localhost, secret: s3cret}]
sites:
  - name: shop
    domain: visitors.localhost
`

func mustParse(t *testing.T, text string) (*Config, []string) {
	t.Helper()
	cfg, warnings, err := parseConfig(filepath.Join(t.TempDir(), "u.yaml"), []byte(text))
	if err != nil {
		t.Fatalf("%v\nin:\n%s", err, text)
	}
	return cfg, warnings
}

// The file of the design document loads as it stands.
func TestConfigDesign(t *testing.T) {
	cfg, warnings, err := Load("testdata/design.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings:\n%s", strings.Join(warnings, "\n"))
	}
	s := cfg.Sites[0]
	if !slices.Equal(s.Allow, []Allow{{Local: "*", Domain: "conference.localhost"}}) || !s.CreateRooms || s.Limits.Address != cfg.Limits.Address {
		t.Errorf("site: %+v", s)
	}
	if w := s.Workgroups[0]; w.Address != "support" || len(w.Agents) != 2 || w.Agents[1].JID != "bob@localhost" || w.Timers.Queue != 4*time.Minute {
		t.Errorf("workgroup: %+v", w)
	}
	if cfg.Upstream.Desk != "visitors.localhost" || cfg.Upstream.Components[0].Secret.Value() != "s3cret" {
		t.Errorf("upstream: %+v", cfg.Upstream)
	}
	if a := cfg.Upstream.Accounts[0]; a.TLS != "none" || a.ProxyProtocol != "none" || a.AuthFailures.Burst != 5 {
		t.Errorf("account: %+v", a)
	}
	if cfg.Archive.Path != "testdata/usher.db" {
		t.Errorf("archive.path = %q, want it beside the config file", cfg.Archive.Path)
	}
	if cfg.Node == "" || cfg.TLS != nil {
		t.Errorf("node %q, tls %v", cfg.Node, cfg.TLS)
	}
}

// The demo's config is one that a newcomer reads first: it loads, and nothing in it is doubtful.
func TestConfigDemo(t *testing.T) {
	cfg, warnings, err := Load("../demo/usher.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings:\n%s", strings.Join(warnings, "\n"))
	}
	if s := cfg.Sites[0]; s.Theme.Picture.SVG == "" || len(s.Proactive.Rules) != 1 || len(cfg.Upstream.Accounts) != 1 {
		t.Errorf("site %+v", s)
	}
}

// Each text stands for a whole file; its errors are all that is said.
func TestConfigErrors(t *testing.T) {
	t.Setenv("USHER_TEST_EMPTY", "")
	tests := []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", []string{"u.yaml: upstream: missing", "u.yaml: sites: missing"}},
		{"no YAML", "listen: [a\nadmin: b", []string{"u.yaml:2: not YAML: ',' or ']' must be specified"}},
		{"a list", "- a", []string{"u.yaml:1: want a mapping, got a list"}},
		{"two documents", minimal + "---\nlisten: 127.0.0.1:1\n", []string{"u.yaml:6: a second document: want one"}},
		{"all at once", `listn: 127.0.0.1:8080
ws: {ping: 0s, fragments: many}
upstream:
  components: [{domain: a.example}]
  tls: yes
  ping:
sites:
  - name: Shop
    origins: [shop.example.com]
`, []string{
			"u.yaml:1: listn: unknown key; did you mean listen?",
			"u.yaml:2: ws.ping: must be more than 0",
			"u.yaml:2: ws.fragments: want a whole number, got text",
			"u.yaml:4: upstream.components[0].secret: missing: want secret, secret_file or secret_env",
			`u.yaml:5: upstream.tls: "yes" is none of none, direct`,
			"u.yaml:6: upstream.ping: missing value",
			"u.yaml:8: sites[0].domain: missing",
			`u.yaml:8: sites[0].name: "Shop": want 1 to 32 of a-z 0-9 -`,
			`u.yaml:9: sites[0].origins[0]: "shop.example.com" is no origin: want scheme://host[:port], https://*.example.com or *`,
		}},
		{"set twice", "public: ''\n" + minimal + "public: ''\n", []string{"u.yaml:6: public: is set twice, first in line 1"}},
		{"a number for text", "node: 12\n" + minimal, []string{"u.yaml:1: node: want text, got a number: put it in quotes"}},
		{"a tag", "node: !!str 12\n" + minimal, []string{"u.yaml:1: node: YAML tags are not supported"}},
		{"no such anchor", "node: *name\n" + minimal, []string{"u.yaml:1: node: no anchor of this name before it"}},
		{"no such kind of listener", "listen: [127.0.0.1:8080, 'unix:', localhost]\n" + minimal, []string{
			`u.yaml:1: listen[1]: "unix:": nothing usable after "unix:"`,
			`u.yaml:1: listen[2]: "localhost" is no address: want host:port, unix:PATH or systemd:NAME`}},
		{"the same listener", "admin: 127.0.0.1:8080\n" + minimal, []string{"u.yaml:1: admin: 127.0.0.1:8080 is a public listener too"}},
		{"no listener", "listen: []\n" + minimal, []string{"u.yaml:1: listen: must not be empty"}},
		{"twice the same listener", "listen: [127.0.0.1:1, 127.0.0.1:1]\n" + minimal, []string{"u.yaml:1: listen[1]: the same as listen[0]"}},
		{"public with a path", "public: https://chat.example.com/x\n" + minimal,
			[]string{`u.yaml:1: public: "https://chat.example.com/x": want https://host[:port] and nothing after it`}},
		{"admin hosts", "admin_hosts: [a.example:80]\n" + minimal, []string{`u.yaml:1: admin_hosts[0]: "a.example:80" is no host name (no port, no scheme)`}},
		{"node", "node: a b\n" + minimal, []string{`u.yaml:1: node: "a b": want 1 to 64 of A-Z a-z 0-9 . _ -`}},
		{"log", "log: {level: loud, format: xml}\n" + minimal, []string{
			`u.yaml:1: log.level: "loud" is none of debug, info, warn, error`, `u.yaml:1: log.format: "xml" is none of text, json`}},
		{"no certificate", "tls: {cert: no.crt}\n" + minimal, []string{"u.yaml:1: tls.cert: open DIR/no.crt: no such file or directory"}},
		{"proxies", "trusted_proxies: [10.0.0.1/8, 10.0.0.1, x]\n" + minimal, []string{
			`u.yaml:1: trusted_proxies[1]: "10.0.0.1" is no network: want one such as 10.0.0.0/8 or 192.0.2.7/32`,
			`u.yaml:1: trusted_proxies[2]: "x" is no network: want one such as 10.0.0.0/8 or 192.0.2.7/32`,
			"u.yaml:1: trusted_proxies[0]: 10.0.0.1/8 has bits set after its length: want 10.0.0.0/8"}},
		{"PROXY protocol from nobody", "proxy_protocol: true\n" + minimal, []string{"u.yaml:1: proxy_protocol: needs trusted_proxies: nobody else may use it"}},
		{"bosh", "bosh: {hold: 2, requests: 1, wait: 1500ms, inactivity: 2s}\n" + minimal, []string{
			"u.yaml:1: bosh.hold: must be at most 1",
			"u.yaml:1: bosh.wait: want whole seconds: XEP-0124 has no others",
			"u.yaml:1: bosh.requests: must be more than bosh.hold (2)",
			"u.yaml:1: bosh.inactivity: is shorter than bosh.polling (5s): a polling client would be lost"}},
		{"limits", "limits:\n  stanza: 4KiB\n  outbox: 0\n" + minimal, []string{
			"u.yaml:2: limits.stanza: must be at least 10000 bytes",
			"u.yaml:3: limits.outbox: must be at least 1 bytes"}},
		{"limits that don't fit", "limits:\n  outbox: 32KiB\n  prelogin: {bytes: 128KiB, sessions: 30000}\n" + minimal, []string{
			"u.yaml:2: limits.outbox: is smaller than limits.stanza: one stanza would end its reader",
			"u.yaml:3: limits.prelogin.bytes: is larger than limits.stanza",
			"u.yaml:3: limits.prelogin.sessions: is more than limits.sessions (19000)"}},
		{"values of limits", "limits:\n  depth: 0\n  address: {new: fast, v6_prefix: 129}\n  visitor: {rooms: -1, joins: '5/min,0'}\n" + minimal, []string{
			"u.yaml:2: limits.depth: must be at least 1",
			`u.yaml:3: limits.address.new: "fast" is no rate: want one such as 20/s, 60/min,20 or 64KiB/s (s, min, h; a burst after the comma; 0 = no limit)`,
			"u.yaml:3: limits.address.v6_prefix: must be at most 128",
			`u.yaml:4: limits.visitor.joins: "5/min,0": a burst of less than 1 lets nothing through`,
			"u.yaml:4: limits.visitor.rooms: must be at least 0"}},
		{"sizes and durations", "files: {max: 10 MiB, retention: -1d}\nresume: {max: 5, grace: 1d}\n" + minimal, []string{
			`u.yaml:1: files.max: "10 MiB" is no size: want a number of bytes, or one with KiB, MiB, GiB, kB, MB or GB`,
			`u.yaml:1: files.retention: "-1d" is no duration: want one such as 500ms, 30s, 4m, 2h or 7d`,
			`u.yaml:2: resume.max: "5" is no duration: want one such as 500ms, 30s, 4m, 2h or 7d`,
			"u.yaml:2: resume.grace: is longer than resume.max (5m0s)"}},
		{"mail", "smtp: {address: mail.example, from: nobody}\n" + minimal, []string{
			`u.yaml:1: smtp.address: "mail.example" is no address: want host:port`, `u.yaml:1: smtp.from: "nobody" is no mail address`}},
		{"services", "archive: {path: ''}\nfiles: {types: [text], max: 60MiB}\ndrain: {see_other_uri: x}\n" + minimal, []string{
			"u.yaml:1: archive.path: missing value",
			`u.yaml:2: files.types[0]: "text" is no media type`,
			"u.yaml:2: files.max: is more than files.per_visitor",
			`u.yaml:3: drain.see_other_uri: "x" is no http or https URL`}},
		{"upstream", `upstream:
  address: [127.0.0.1, "unix:"]
  rooms: rooms@a.example
  desk: other.example
  retry: {min: 1m}
  components:
    - {domain: a.example, secret: x}
    - {domain: A.EXAMPLE, secret: ""}
    - {domain: "a b", secret: x, secret_env: HOME}
    - {domain: b.example, secret_env: USHER_TEST_EMPTY}
    - {domain: c.example, secret_file: none}
  accounts: [{domain: a.example, address: x, tls: no}]
sites: [{name: shop, domain: shop.example}]
`, []string{
			`u.yaml:2: upstream.address[0]: "127.0.0.1" is no address: want host:port or unix:PATH`,
			"u.yaml:2: upstream.address[1]: no path after unix:",
			`u.yaml:3: upstream.rooms: "rooms@a.example" is no domain: it has a localpart`,
			`u.yaml:4: upstream.desk: "other.example" is no domain of upstream.components`,
			"u.yaml:5: upstream.retry: min (1m0s) is more than max (30s)",
			"u.yaml:8: upstream.components[1].secret: missing value",
			`u.yaml:8: upstream.components[1].domain: "a.example" is upstream.components[0].domain already (line 7)`,
			"u.yaml:9: upstream.components[2].secret_env: secret is set too: want exactly one of them",
			`u.yaml:9: upstream.components[2].domain: "a b" is no domain: `,
			"u.yaml:10: upstream.components[3].secret_env: the environment has no USHER_TEST_EMPTY",
			"u.yaml:11: upstream.components[4].secret_file: none cannot be read: no such file or directory",
			`u.yaml:12: upstream.accounts[0].tls: "no" is none of starttls, direct, none`,
			`u.yaml:12: upstream.accounts[0].domain: "a.example" is upstream.components[0].domain already (line 7)`,
			`u.yaml:12: upstream.accounts[0].address: "x" is no address: want host:port or unix:PATH`}},
		{"no component", "upstream: {components: []}\nsites: []\n", []string{
			"u.yaml:1: upstream.components: must not be empty", "u.yaml:2: sites: must not be empty"}},
		{"sites", `upstream: {components: [{domain: a.example, secret: x}], accounts: [{domain: acc.example}]}
sites:
  - {name: shop, domain: a.example, sessions: -1, memory: 1.5B}
  - {name: shop, domain: A.example}
  - {name: this-name-is-longer-than-32-letters, domain: conference.localhost}
  - {name: acc, domain: acc.example, transports: [ws, ws, raw]}
  - {name: bare, domain: a.example/x, transports: []}
`, []string{
			`u.yaml:3: sites[0].sessions: must be at least 0`,
			`u.yaml:3: sites[0].memory: "1.5B" is no whole number of bytes`,
			`u.yaml:4: sites[1].name: "shop" is sites[0].name already (line 3)`,
			`u.yaml:4: sites[1].domain: "a.example" is sites[0].domain already (line 3)`,
			`u.yaml:5: sites[2].name: "this-name-is-longer-than-32-letters": want 1 to 32 of a-z 0-9 -`,
			`u.yaml:5: sites[2].domain: "conference.localhost" is the MUC service (upstream.rooms)`,
			`u.yaml:6: sites[3].transports[2]: "raw" is none of ws, bosh`,
			`u.yaml:6: sites[3].transports[1]: the same as sites[3].transports[0]`,
			`u.yaml:6: sites[3].domain: "acc.example" is upstream.accounts[0].domain already`,
			"u.yaml:7: sites[4].transports: must not be empty",
			`u.yaml:7: sites[4].domain: "a.example/x" is no domain: a resource has no place here`}},
		{"allow", minimalOpen + `    allow: [visitors, "*@a.example", "*@b@c", "a*@x", "a.example/r", "", x@y, "*@A.example"]
`, []string{
			`u.yaml:6: sites[0].allow[2]: "*@b@c" is no entry of allow: two @`,
			`u.yaml:6: sites[0].allow[3]: "a*@x" is no entry of allow: * stands for a whole localpart`,
			`u.yaml:6: sites[0].allow[4]: "a.example/r" is no entry of allow: a resource has no place here (want domain, local@domain, *@domain or visitors)`,
			`u.yaml:6: sites[0].allow[5]: "" is no entry of allow: `,
			"u.yaml:6: sites[0].allow[7]: the same as sites[0].allow[1]"}},
		{"a site's own things", minimalOpen + `    limits: {stanza: 1}
    identity: {ed25519_keys: [abc], hmac_key: a, hmac_key_env: HOME}
    webhook: {url: "ftp://x", events: [opened]}
    language: x
    languages: [de]
    theme: {colour: red, position: top, dark: maybe}
    texts: {title: {"d": Hallo}, other: [x]}
    proactive: {mode: loud}
`, []string{
			"u.yaml:6: sites[0].limits.stanza: unknown key",
			"u.yaml:7: sites[0].identity.hmac_key_env: hmac_key is set too: want exactly one of them",
			"u.yaml:7: sites[0].identity.ed25519_keys[0]: no Ed25519 public key: want 32 bytes in base64",
			`u.yaml:8: sites[0].webhook.events[0]: "opened" is none of offline, closed, rated`,
			`u.yaml:8: sites[0].webhook.url: "ftp://x" is no http or https URL`,
			"u.yaml:8: sites[0].webhook.secret: missing: each call is signed with it",
			`u.yaml:9: sites[0].language: "x" is no language tag`,
			"u.yaml:10: sites[0].languages: has not the site's language, x",
			`u.yaml:11: sites[0].theme.position: "top" is none of right, left`,
			`u.yaml:11: sites[0].theme.dark: "maybe" is none of auto, on, off`,
			`u.yaml:11: sites[0].theme.colour: "red" is no colour: want #rgb or #rrggbb`,
			"u.yaml:12: sites[0].texts.other: want a mapping, got a list",
			`u.yaml:12: sites[0].texts.title.d: "d" is no language tag`,
			`u.yaml:13: sites[0].proactive.mode: "loud" is none of none, greet, presence`}},
		{"workgroups", minimalOpen + `    workgroups:
      - {name: support, agents: [alice@localhost, {jid: Alice@localhost}, nobody, {skills: [x]}], strategy: fair, max_chats: 0}
      - {name: sales, address: SUPPORT, queue: {limit: 0, overflow: sales}, filters: [mood]}
      - {name: sales, address: c-abcdefghijklmnopqrstuvwxyz, queue: {overflow: nobody}}
      - {name: "a@b", timers: {idle_warn: 6m}, invite: never, away: x}
      - {title: none}
  - name: other
    domain: other.example
    workgroups: [{name: support}]
`, []string{
			`u.yaml:7: sites[0].workgroups[0].agents[2]: "nobody" is no bare JID: no localpart`,
			"u.yaml:7: sites[0].workgroups[0].agents[3].jid: missing",
			`u.yaml:7: sites[0].workgroups[0].strategy: "fair" is none of random, least-busy, round-robin, ring-all`,
			"u.yaml:7: sites[0].workgroups[0].max_chats: must be at least 1",
			`u.yaml:7: sites[0].workgroups[0].agents[1]: "alice@localhost" is sites[0].workgroups[0].agents[0] already (line 7)`,
			`u.yaml:8: sites[0].workgroups[1].filters[0]: "mood" is none of language, skills, sticky`,
			"u.yaml:8: sites[0].workgroups[1].queue.limit: must be at least 1",
			"u.yaml:8: sites[0].workgroups[1].address: the workgroup support@visitors.localhost exists already (sites[0].workgroups[0].name, line 7): set address",
			`u.yaml:8: sites[0].workgroups[1].queue.overflow: "sales" overflows into itself`,
			`u.yaml:9: sites[0].workgroups[2].name: "sales" is sites[0].workgroups[1].name already (line 8)`,
			`u.yaml:9: sites[0].workgroups[2].address: "c-abcdefghijklmnopqrstuvwxyz": c- and 26 characters are reserved for conversations`,
			`u.yaml:9: sites[0].workgroups[2].queue.overflow: the site has no workgroup "nobody"`,
			`u.yaml:10: sites[0].workgroups[3].away: "x" is none of reserve, never`,
			`u.yaml:10: sites[0].workgroups[3].invite: "never" is none of on-accept, with-offer`,
			`u.yaml:10: sites[0].workgroups[3].name: "a@b" is no localpart: `,
			"u.yaml:10: sites[0].workgroups[3].timers.idle_warn: must be shorter than idle_close (6m0s)",
			"u.yaml:11: sites[0].workgroups[4].name: missing",
			"u.yaml:14: sites[1].workgroups[0].name: the workgroup support@visitors.localhost exists already (sites[0].workgroups[0].name, line 7): set address"}},
		{"hours and forms", minimalOpen + `    workgroups:
      - name: support
        hours:
          zone: Mars/Olympus
          week: {mon-fri: ["09:00-17:00", "16:00-18:00"], fri: ["25:00-26:00"], sun-mon: [], someday: ["10:00-09:00"]}
          holidays: [2026-02-30]
        form: [{var: a}, {var: a, type: list-single}, {label: x}]
        offline: {mail: [x], form: [{var: ""}]}
`, []string{
			`u.yaml:9: sites[0].workgroups[0].hours.zone: "Mars/Olympus" is no time zone: want one such as Europe/Berlin`,
			`u.yaml:10: sites[0].workgroups[0].hours.week.fri[0]: "25:00-26:00" is no opening time: want one such as 09:00-17:30 within one day`,
			`u.yaml:10: sites[0].workgroups[0].hours.week.someday[0]: "10:00-09:00" is no opening time: want one such as 09:00-17:30 within one day`,
			"u.yaml:10: sites[0].workgroups[0].hours.week.mon-fri: fri is in fri already",
			"u.yaml:10: sites[0].workgroups[0].hours.week.mon-fri[1]: begins before the one ahead of it ends",
			`u.yaml:10: sites[0].workgroups[0].hours.week.someday: "someday" is no day of the week: want mon to sun, or a range such as mon-fri`,
			`u.yaml:10: sites[0].workgroups[0].hours.week.sun-mon: "sun-mon" is no day of the week: want mon to sun, or a range such as mon-fri`,
			`u.yaml:11: sites[0].workgroups[0].hours.holidays[0]: "2026-02-30" is no date: want one such as 2026-12-25`,
			`u.yaml:12: sites[0].workgroups[0].form[1].type: "list-single" is none of text-single, text-multi, boolean`,
			"u.yaml:12: sites[0].workgroups[0].form[2].var: missing",
			`u.yaml:12: sites[0].workgroups[0].form[1].var: "a" is sites[0].workgroups[0].form[0].var already (line 12)`,
			"u.yaml:13: sites[0].workgroups[0].offline.form[0].var: missing value",
			`u.yaml:13: sites[0].workgroups[0].offline.mail[0]: "x" is no mail address`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			_, _, err := parseConfig(filepath.Join(dir, "u.yaml"), []byte(tt.text))
			var errs ConfigErrors
			if !errors.As(err, &errs) {
				t.Fatalf("got %T %v, want ConfigErrors", err, err)
			}
			got := strings.Split(strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir+"/u.yaml", "u.yaml"), dir, "DIR"), "\n")
			if len(got) != len(errs) {
				t.Errorf("%d lines for %d errors", len(got), len(errs))
			}
			for i := range max(len(got), len(tt.want)) {
				g, w := "", ""
				if i < len(got) {
					g = got[i]
				}
				if i < len(tt.want) {
					w = tt.want[i]
				}
				// What ends in ": " leaves the rest to the library that has said it.
				if g != w && !(strings.HasSuffix(w, ": ") && strings.HasPrefix(g, w) && len(g) > len(w)) {
					t.Errorf("error %d:\n got %s\nwant %s", i, g, w)
				}
			}
		})
	}
}

func TestConfigLoadNoFile(t *testing.T) {
	_, _, err := Load(filepath.Join(t.TempDir(), "none.yaml"))
	if err == nil || !strings.HasSuffix(err.Error(), "none.yaml: cannot be read: no such file or directory") {
		t.Errorf("got %v", err)
	}
}

// An alias can't grow a small file without bound.
func TestConfigAliasBomb(t *testing.T) {
	var b strings.Builder
	many := func(what string) string { return "[" + strings.TrimSuffix(strings.Repeat(what+", ", 60), ", ") + "]" }
	b.WriteString(minimalOpen + "    workgroups:\n")
	fmt.Fprintf(&b, "      - {name: a, agents: [&agent {jid: a@a.example, skills: %s}]}\n", many("x"))
	fmt.Fprintf(&b, "      - &group {name: b, agents: %s}\n", many("*agent"))
	b.WriteString(strings.Repeat("      - *group\n", 60))
	_, _, err := parseConfig("u.yaml", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "the file is too large, aliases counted") {
		t.Errorf("got %v", err)
	}
}

func TestConfigAnchors(t *testing.T) {
	cfg, _ := mustParse(t, `upstream:
  components: [{domain: visitors.localhost, secret: s3cret}]
sites:
  - {name: a, domain: a.example, origins: &o ["https://shop.example"]}
  - {name: b, domain: b.example, origins: *o}
`)
	if len(cfg.Sites[1].Origins) != 1 || cfg.Sites[1].Origins[0] != cfg.Sites[0].Origins[0] {
		t.Errorf("origins %v", cfg.Sites[1].Origins)
	}
}

func TestConfigWarnings(t *testing.T) {
	_, warnings := mustParse(t, "admin: 0.0.0.0:9091\nupstream:\n  server_name: x.example\n  components: [{domain: a.example, secret: x}]\n"+
		"sites: [{name: a, domain: a.example, memory: 1MiB, identity: {hmac_key: short}}]\nbosh: {maxpause: 10s}\nlimits: {memory: 2GiB}\n")
	var got []string
	for _, w := range warnings {
		got = append(got, w[strings.LastIndex(w, "u.yaml"):])
	}
	want := []string{
		"u.yaml:7: limits.memory: has no effect yet in this version",
		"u.yaml:5: sites[0].memory: has no effect yet in this version",
		"u.yaml:1: admin: 0.0.0.0:9091 can be reached from elsewhere: health, metrics and profiles are never meant to be public",
		"u.yaml:2: upstream.tls: is none, so ca_file and server_name have no effect",
		"u.yaml:6: bosh.maxpause: is shorter than bosh.inactivity (1m0s)",
		"u.yaml:5: sites[0].identity.hmac_key: has 5 bytes: less than 32 can be guessed from one visitor's token",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestConfigSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("from file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("USHER_TEST_SECRET", "from env")
	text := `admin_token: plain
upstream:
  components: [{domain: a.example, secret_file: secret}, {domain: b.example, secret_env: USHER_TEST_SECRET}]
sites: [{name: a, domain: a.example}]
`
	cfg, _, err := parseConfig(filepath.Join(dir, "u.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		got  Secret
		want string
	}{{cfg.AdminToken, "plain"}, {cfg.Upstream.Components[0].Secret, "from file"}, {cfg.Upstream.Components[1].Secret, "from env"}} {
		if s.got.Value() != s.want {
			t.Errorf("secret is %q, want %q", s.got.Value(), s.want)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s.got)
		if printed := fmt.Sprintf("%v %+v %#v %s", s.got, cfg.Upstream, cfg.Upstream, log.String()); strings.Contains(printed, s.want) {
			t.Errorf("%q shows in %s", s.want, printed)
		}
	}
}

func TestConfigSiteLimits(t *testing.T) {
	cfg, _ := mustParse(t, `sites:
  - {name: a, domain: a.example, limits: {visitor: {rooms: 3, messages: "0"}}}
  - {name: b, domain: b.example}
limits: {visitor: {rooms: 7}, address: {sessions: 9}}
upstream: {components: [{domain: a.example, secret: x}]}
`)
	a, b := cfg.Sites[0].Limits, cfg.Sites[1].Limits
	if a.Visitor.Rooms != 3 || a.Visitor.Messages != (Rate{}) || a.Visitor.Stanzas != (Rate{20, 60}) || a.Address.Sessions != 9 {
		t.Errorf("own limits: %+v", a)
	}
	if b.Visitor.Rooms != 7 || b.Visitor.Messages != (Rate{1, 20}) || b.Address.Sessions != 9 {
		t.Errorf("limits: %+v", b)
	}
}

// A workgroup may do without some of its timers; a short idle_close takes the default warning with it.
func TestConfigTimers(t *testing.T) {
	for given, want := range map[string]Timers{
		"idle_close: 2s":                {IdleWarn: time.Second, IdleClose: 2 * time.Second, Cool: 20 * time.Second, Wrap: 30 * time.Second, Ready: 5 * time.Second},
		"idle_close: 2s, idle_warn: 1h": {},
		"cool: 0s, wrap: 0s, ready: 0s": {IdleWarn: 3 * time.Minute, IdleClose: 6 * time.Minute},
		"net: 0s":                       {},
	} {
		cfg, _, err := parseConfig(filepath.Join(t.TempDir(), "u.yaml"), []byte(minimalOpen+"    workgroups: [{name: support, timers: {"+given+"}}]\n"))
		if err != nil {
			if want != (Timers{}) {
				t.Errorf("%s: %v", given, err)
			}
			continue
		}
		got := cfg.Sites[0].Workgroups[0].Timers
		if got = (Timers{IdleWarn: got.IdleWarn, IdleClose: got.IdleClose, Cool: got.Cool, Wrap: got.Wrap, Ready: got.Ready}); got != want {
			t.Errorf("%s: %+v, want %+v", given, got, want)
		}
	}
}

// writeCertificate writes NAME.crt and NAME.key for a host.
func writeCertificate(t testing.TB, dir, name, host string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		ext, kind string
		der       []byte
	}{{".crt", "CERTIFICATE", cert}, {".key", "PRIVATE KEY", raw}} {
		b := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der})
		if err := os.WriteFile(filepath.Join(dir, name+f.ext), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzConfig: whatever the file says, it's either a config that the library's
// own parser takes for YAML, or a list of errors that each name the file.
func FuzzConfig(f *testing.F) {
	f.Add(minimal)
	f.Add(printed(f))
	f.Add("listen: [a\n")
	f.Add("a: &a [*a]\n<<: *a\n")
	f.Add("sites:\n- name: &n shop\n  domain: *n\n  limits: {visitor: {bytes: 1e9GiB/s}}\n")
	f.Add("\rx:\ry\n")
	f.Add("? [a]\n: b\n--- |\n x\n")
	f.Fuzz(func(t *testing.T, text string) {
		cfg, _, err := parseConfig("u.yaml", []byte(text))
		var errs ConfigErrors
		switch {
		case err == nil:
			var any yaml.MapSlice
			if yaml.Unmarshal([]byte(text), &any) != nil {
				t.Errorf("taken, though it's no YAML mapping: %q", text)
			}
			if len(cfg.Sites) == 0 || len(cfg.Upstream.Components) == 0 || cfg.Limits.Stanza < 10000 {
				t.Errorf("taken, though incomplete: %q", text)
			}
		case !errors.As(err, &errs) || len(errs) == 0:
			t.Errorf("got %T %v", err, err)
		default:
			for _, e := range errs {
				if e.File != "u.yaml" || e.Text == "" || e.Line < 0 || e.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 {
					t.Errorf("error %+v of %q", e, text)
				}
			}
		}
	})
}
