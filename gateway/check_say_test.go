package gateway

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"usher/xmpp/xmpptest"
)

// TestCheckSays: what is wrong is said as what is wrong, on a real server.
func TestCheckSays(t *testing.T) {
	s := xmpptest.RunProsody(t, xmpptest.ServerOptions{ExtraRooms: "  restrict_room_creation = true", Components: []xmpptest.Component{
		{Domain: "visitors.localhost", Secret: "s3cret"}, {Domain: "more.localhost", Secret: "0ther"}}})
	config := func(change ...string) string {
		path := checkConfig(t, "auto", s.ComponentAddr(), "")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.NewReplacer(change...).Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		change []string
		status int
		says   []string // LEVEL ABOUT: and words in it
	}{
		"a config that can't be read": {[]string{"rooms: ", "romms: "}, checkErrors, []string{"error config: romms: unknown key"}},
		"a wrong secret": {[]string{"0ther", "wrong"}, checkErrors, []string{
			"ok link visitors.localhost: came back", "ok server localhost: Prosody", "error link more.localhost: refuses the secret"}},
		"an unknown component":          {[]string{"more.localhost", "else.localhost"}, checkErrors, []string{"error link else.localhost: doesn't know a component"}},
		"no MUC service":                {[]string{"conference.localhost", "rooms.localhost"}, checkErrors, []string{"error rooms rooms.localhost: no MUC service"}},
		"a MUC service that is for few": {nil, checkErrors, []string{"ok link more.localhost: came back", "error rooms conference.localhost: lets Usher make no rooms"}},
		"another server than configured": {[]string{"server: auto", "server: ejabberd", "workgroups: [{name: support, agents: [alice@localhost]}]", "workgroups: []"},
			checkWarnings, []string{"warning server localhost: says ejabberd, but it calls itself prosody"}},
		"no support desk needs no rooms": {[]string{"workgroups: [{name: support, agents: [alice@localhost]}]", "workgroups: []"}, checkGreen, []string{"ok rooms conference.localhost: no rooms are needed"}},
		"nobody listens":                 {[]string{s.ComponentAddr(), "127.0.0.1:1"}, checkErrors, []string{"error link visitors.localhost: nothing answers"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, report := checked(t, config(c.change...))
			var all []string
			for _, f := range report.Findings {
				all = append(all, f.Level+" "+f.About+": "+f.Text)
			}
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			for _, want := range c.says {
				head, words, _ := strings.Cut(want, ": ")
				found := false
				for _, f := range all {
					found = found || strings.HasPrefix(f, head+": ") && strings.Contains(f, words)
				}
				if !found {
					t.Errorf("%q isn't said:\n%s", want, strings.Join(all, "\n"))
				}
			}
		})
	}
}

// TestCheckBesideRunning: a check with the configuration of a running Usher leaves that one's links alone, though this server
// would throw them out for a newer one, and says so.
func TestCheckBesideRunning(t *testing.T) {
	s := xmpptest.RunProsody(t, xmpptest.ServerOptions{Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}}})
	g := startEdge(t, edgeConfig(s.ComponentAddr(), ""))
	before := g.links()[0]
	path := filepath.Join(t.TempDir(), "same.yaml")
	text := strings.Replace(edgeConfig(s.ComponentAddr(), ""), "admin: 127.0.0.1:0", "admin: "+g.doors.inner[0].Addr().String(), 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, report := checked(t, path)
	if status != checkWarnings {
		t.Errorf("status %d", status)
	}
	said := ""
	for _, f := range report.Findings {
		said += f.Level + " " + f.About + ": " + f.Text + "\n"
	}
	for _, want := range []string{"ok link visitors.localhost: up since", "warning rooms conference.localhost: an Usher with this configuration is running"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q isn't said:\n%s", want, said)
		}
	}
	if after := g.links()[0]; after.State != "up" || !after.Since.Equal(before.Since) {
		t.Errorf("the running one's link was lost: %+v, before %+v", after, before)
	}
}

// TestCheckWords: what an operator reads.
func TestCheckWords(t *testing.T) {
	r := CheckReport{Findings: []Finding{
		{Level: "ok", About: "config", Text: "usher.yaml can be read"},
		{Level: "error", About: "link v.example", Text: "the server doesn't know a component of this name", Changes: []Change{
			{File: "prosody.cfg.lua", Do: "append", Text: "Component \"v.example\"\n\tcomponent_secret = \"SECRET\"\n", Proven: true},
			{File: "ejabberd.yml", Do: "below", Find: "listen:", Text: "  -\n    port: 5347\n", Proven: true},
			{File: "ejabberd.yml", Do: "replace", Find: "  a:\n    b", Text: "  a:\n    c\n"},
			{File: "the admin console", Do: "text", Text: "Do this.", Proven: true},
		}},
	}}
	var out bytes.Buffer
	r.print(&out)
	want := `ok       config: usher.yaml can be read
error    link v.example: the server doesn't know a component of this name
         At the end of prosody.cfg.lua, add:
             Component "v.example"
             	component_secret = "SECRET"
         SECRET is the component's ` + "`secret`" + ` in Usher's own configuration.
         In ejabberd.yml, below the line
             listen:
         add:
               -
                 port: 5347
         In ejabberd.yml, instead of
               a:
                 b
         write:
               a:
                 c
         (from documentation, not run)
         In the admin console:
             Do this.
It does not work yet. Make the changes above, let the server read its configuration again, and run this once more.
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	for level, status := range map[string]int{"ok": checkGreen, "warning": checkWarnings, "error": checkErrors} {
		if got := (&CheckReport{Findings: []Finding{{Level: "ok"}, {Level: level}}}).status(); got != status {
			t.Errorf("%s: exit status %d", level, got)
		}
	}
}
