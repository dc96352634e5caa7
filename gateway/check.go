package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"usher/workgroup"
	"usher/xmpp"
)

// Exit statuses of `usher check`.
const (
	checkGreen    = 0
	checkWarnings = 1
	checkErrors   = 2
)

// CheckReport is what `usher check -json` prints.
type CheckReport struct {
	Server   ServerReport `json:"server"`
	Findings []Finding    `json:"findings"`
}

// ServerReport is the XMPP server as it calls itself, or as upstream.server names it.
type ServerReport struct {
	Kind    string `json:"kind"` // prosody, ejabberd, mongooseim, openfire, tigase, or empty: unknown
	Version string `json:"version"`
}

// Finding is one thing that was looked at.
type Finding struct {
	Level   string   `json:"level"` // ok, warning, error
	About   string   `json:"about"` // config, link DOMAIN, rooms DOMAIN
	Text    string   `json:"text"`
	Changes []Change `json:"changes,omitempty"` // what to do about it
}

// Change is one edit of the server's configuration.
type Change struct {
	File   string `json:"file"`
	Do     string `json:"do"`             // append (at the end of the file), below (the line Find), replace (the lines Find), or text (in words)
	Find   string `json:"find,omitempty"` // whole lines
	Text   string `json:"text"`           // SECRET stands for the component's secret in Usher's configuration
	Proven bool   `json:"proven"`         // applied to the stock configuration of this version, and found to work; else from documentation, not run
}

const checkUsage = "usage: usher check -config FILE [-json]\n"

// CheckCommand is `usher check`: it connects each link, sends itself a stanza over it, has a support room made, looked
// at and destroyed, and says in words what to change in the server's configuration. It returns the exit status. Beside a
// running Usher of the same configuration it connects nothing, since some servers would throw that one out: it asks its admin listener instead.
func CheckCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("usher check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, checkUsage) }
	path := flags.String("config", "", "config `file`")
	asJSON := flags.Bool("json", false, "print JSON")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return checkGreen
	case err != nil:
		return checkErrors
	case *path == "" || flags.NArg() > 0:
		fmt.Fprint(stderr, checkUsage)
		return checkErrors
	}
	c := &checker{}
	c.run(ctx, *path)
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(c.report); err != nil {
			fmt.Fprintln(stderr, "usher check:", err)
			return checkErrors
		}
	} else {
		c.report.print(stdout)
	}
	return c.report.status()
}

func (r *CheckReport) status() int {
	status := checkGreen
	for _, f := range r.Findings {
		switch f.Level {
		case "error":
			return checkErrors
		case "warning":
			status = checkWarnings
		}
	}
	return status
}

func (r *CheckReport) print(w io.Writer) {
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%-8s %s: %s\n", f.Level, f.About, strings.ReplaceAll(f.Text, "\n", "\n         "))
		for _, c := range f.Changes {
			fmt.Fprint(w, c.words())
		}
	}
	switch r.status() {
	case checkGreen:
		fmt.Fprintln(w, "All is well.")
	case checkWarnings:
		fmt.Fprintln(w, "It works, but see the warnings.")
	default:
		fmt.Fprintln(w, "It does not work yet. Make the changes above, let the server read its configuration again, and run this once more.")
	}
}

// words is the change as an operator reads it.
func (c *Change) words() string {
	var b strings.Builder
	line := func(s string) { b.WriteString("         " + s + "\n") }
	block := func(s string) {
		for l := range strings.Lines(s) {
			line("    " + strings.TrimRight(l, "\n"))
		}
	}
	switch c.Do {
	case "append":
		line("At the end of " + c.File + ", add:")
	case "below":
		line("In " + c.File + ", below the line")
		block(c.Find)
		line("add:")
	case "replace":
		line("In " + c.File + ", instead of")
		block(c.Find)
		line("write:")
	default:
		line("In " + c.File + ":")
	}
	block(c.Text)
	if strings.Contains(c.Text, "SECRET") {
		line("SECRET is the component's `secret` in Usher's own configuration.")
	}
	if !c.Proven {
		line("(from documentation, not run)")
	}
	return b.String()
}

// checker is one run of `usher check`.
type checker struct {
	cfg    *Config
	report CheckReport
}

func (c *checker) add(level, about, format string, args ...any) *Finding {
	c.report.Findings = append(c.report.Findings, Finding{Level: level, About: about, Text: fmt.Sprintf(format, args...)})
	return &c.report.Findings[len(c.report.Findings)-1]
}

func (c *checker) run(ctx context.Context, path string) {
	cfg, warnings, err := Load(path)
	if err != nil {
		c.add("error", "config", "%v", err)
		return
	}
	c.cfg = cfg
	for _, w := range warnings {
		c.add("warning", "config", "%s", w)
	}
	if len(warnings) == 0 {
		c.add("ok", "config", "%s can be read", path)
	}
	if cfg.Upstream.Server != "auto" {
		c.report.Server.Kind = cfg.Upstream.Server
	}
	switch report, err := c.running(ctx); {
	case err != nil:
		c.add("warning", "links", "the admin listener is %s: whether an Usher with this configuration is running can't be asked there, and "+
			"a second connection may end its links. They are not checked. Give `admin` an address, or check with another configuration", err)
	case report != nil:
		c.beside(ctx, report)
	default:
		c.links(ctx)
	}
}

// running asks the admin listener whether an Usher of this configuration is running: nil if not. The error names a listener that can't be asked.
func (c *checker) running(ctx context.Context) (*ReadyReport, error) {
	for _, l := range c.cfg.Admin {
		if l.Network == "systemd" {
			return nil, errors.New(l.String())
		}
		body, err := askAdmin(ctx, l, "/readyz")
		var report ReadyReport
		if err != nil || json.Unmarshal(body, &report) != nil || len(report.Links) == 0 {
			continue
		}
		return &report, nil
	}
	return nil, nil
}

// askAdmin reads a page of a running Usher's admin listener.
func askAdmin(ctx context.Context, l Listen, page string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		address := l.Address
		if host, port, err := net.SplitHostPort(address); err == nil && l.Network == "tcp" && (host == "" || net.ParseIP(host).IsUnspecified()) {
			address = net.JoinHostPort("localhost", port)
		}
		return new(net.Dialer).DialContext(ctx, l.Network, address)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+page, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 4<<20))
}

// beside reports what a running Usher says of itself. Its links are its own: a server lets in one connection for a name, and Prosody
// with component_conflict_resolve = "kick_old" would end the running one's.
func (c *checker) beside(ctx context.Context, report *ReadyReport) {
	for _, l := range report.Links {
		if l.State == "up" {
			c.add("ok", "link "+l.Domain, "up since %s, %.1f ms there and back, %d visitors (as the running Usher says)", l.Since, l.RTT, l.Visitors)
		} else {
			c.add("error", "link "+l.Domain, "%s since %s (as the running Usher says; its log has the reason)", l.State, l.Since)
		}
	}
	about := "rooms " + c.cfg.Upstream.Rooms
	for _, l := range c.cfg.Admin {
		page, err := askAdmin(ctx, l, "/metrics")
		if err != nil {
			continue
		}
		for _, m := range roomErrors.FindAllStringSubmatch(string(page), -1) {
			if m[3] == "0" {
				continue
			}
			f := c.add("warning", about, "the running Usher has failed %s times to make or use a support room: %s, %s", m[3], m[2], m[1])
			f.Changes = c.roomChanges(&workgroup.ProbeError{Step: m[2], Condition: m[1]})
		}
		break
	}
	c.add("warning", about, "an Usher with this configuration is running and holds its links, so no room was tried. Stop it first for a full check")
}

// roomErrors finds usher_room_errors_total that counts something: condition, step, count.
var roomErrors = regexp.MustCompile(`(?m)^usher_room_errors_total\{condition="([^"]*)",step="([^"]*)"\} ([0-9]+)$`)

// links checks each link, and with the desk's the rooms.
func (c *checker) links(ctx context.Context) {
	up := &c.cfg.Upstream
	secure, err := up.tlsConfig()
	if err != nil {
		c.add("error", "config", "%v", err)
		return
	}
	var failed []*checkLink
	for _, component := range up.Components {
		l := &checkLink{domain: component.Domain}
		if err := l.open(ctx, up, component, secure); err != nil {
			l.err = err
			failed = append(failed, l)
			continue
		}
		c.echo(l)
		if component.Domain == up.Desk {
			c.askVersion(l)
			c.rooms(l)
		} else if c.report.Server.Version == "" {
			c.askVersion(l)
		}
		l.close()
	}
	for _, l := range failed { // last: by now the server may be known
		f := c.add("error", "link "+l.domain, "%s", linkTrouble(up, l.err))
		f.Changes = c.linkChanges(l.err)
	}
}

// linkTrouble says in words why a link can't be made.
func linkTrouble(up *UpstreamConfig, err error) string {
	at := strings.Join(up.Address, ", ")
	var se *xmpp.StreamError
	switch {
	case !errors.As(err, &se):
		return fmt.Sprintf("nothing answers as a component listener (XEP-0114) at %s: %v", at, err)
	case se.Condition == "not-authorized":
		return "the server refuses the secret: it must be the same in both configurations"
	case se.Condition == "host-unknown":
		return "the server doesn't know a component of this name"
	case se.Condition == "conflict":
		return "the name is in use: by another Usher or another component, or the server serves it itself"
	}
	return fmt.Sprintf("the server refuses the link: %v", se)
}

// echo sends a stanza through the server to itself.
func (c *checker) echo(l *checkLink) {
	began := time.Now()
	id := "check-" + l.domain
	ping := "<message from='" + l.domain + "' to='" + l.domain + "' id='" + id + "'><check xmlns='urn:usher:check:0'/></message>"
	err := l.send([]byte(ping))
	for err == nil {
		var b []byte
		if b, err = l.receive(); err == nil && strings.Contains(string(b), "urn:usher:check:0") {
			c.add("ok", "link "+l.domain, "connected; a stanza to itself came back through the server in %s", time.Since(began).Round(100*time.Microsecond))
			return
		}
	}
	c.add("error", "link "+l.domain, "connected, but a stanza to itself doesn't come back (%v): another connection may hold the same name", err)
}

// rooms has a support room made, if there is a support desk.
func (c *checker) rooms(l *checkLink) {
	about := "rooms " + c.cfg.Upstream.Rooms
	desk := false
	for _, s := range c.cfg.Sites {
		desk = desk || len(s.Workgroups) > 0
	}
	if !desk {
		c.add("ok", about, "no site has workgroups, so no rooms are needed")
		return
	}
	report, err := workgroup.Probe(l.domain, c.cfg.Upstream.Rooms, l.send, l.receive)
	var pe *workgroup.ProbeError
	switch {
	case errors.As(err, &pe):
		f := c.add("error", about, "%s", roomTrouble(pe))
		f.Changes = c.roomChanges(pe)
	case err != nil:
		c.add("error", about, "%v", err)
	case report.Limit > 0:
		c.add("ok", about, "a support room was made, is hidden and members-only, holds %d, let its guest in and no stranger, and is destroyed", report.Limit)
	default:
		c.add("ok", about, "a support room was made, is hidden and members-only, let its guest in and no stranger, and is destroyed "+
			"(this server has no limit of occupants; membership is the gate)")
	}
}
