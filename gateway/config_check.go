package gateway

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a static binary knows `hours.zone` on a machine without zone files
)

var (
	siteName     = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	nodeName     = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	languageTag  = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
	mediaType    = regexp.MustCompile(`^[a-z0-9.+-]+/([a-z0-9.+-]+|\*)$`)
	colour       = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)
	conversation = regexp.MustCompile(`^c-[a-z2-7]{26}$`)
	unusableNode = regexp.MustCompile(`[^A-Za-z0-9._-]`)
)

// check does what needs more than one value, canonicalises domains and resolves paths.
// A value that is already reported as wrong is left alone where that would say it twice.
func (d *decoder) check() {
	c := d.cfg
	d.checkEdge(c)
	d.checkUpstream(&c.Upstream)
	d.checkTimes(c)
	d.checkServices(c)
	d.checkSites(c)
}

func (d *decoder) checkEdge(c *Config) {
	for _, l := range []struct {
		key  string
		list []Listen
	}{{"listen", c.Listen}, {"admin", c.Admin}} {
		if len(l.list) == 0 {
			d.fail(l.key, "must not be empty")
		}
		for i, at := range l.list {
			if at.Network == "unix" {
				l.list[i].Address = d.path(at.Address)
			}
		}
	}
	for _, at := range c.Admin {
		if slices.Contains(c.Listen, at) && !strings.HasSuffix(at.Address, ":0") {
			d.fail("admin", "%s is a public listener too", at)
		} else if at.Network == "tcp" && !isLoopback(at.Address) {
			d.warnf("admin", "%s can be reached from elsewhere: health, metrics and profiles are never meant to be public", at)
		}
	}
	if c.Public != "" {
		u, err := url.Parse(c.Public)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.TrimSuffix(c.Public, "/") != u.Scheme+"://"+u.Host {
			d.fail("public", "%q: want https://host[:port] and nothing after it", c.Public)
		}
		c.Public = strings.TrimSuffix(c.Public, "/")
	}
	for i, h := range c.AdminHosts {
		if h == "" || strings.ContainsAny(h, ":/ ") {
			d.fail(fmt.Sprintf("admin_hosts[%d]", i), "%q is no host name (no port, no scheme)", h)
		}
		c.AdminHosts[i] = strings.ToLower(h)
	}
	if c.Node == "" {
		host, _ := os.Hostname() // a node that doesn't know its name is "usher"
		c.Node = cmp.Or(unusableNode.ReplaceAllString(host[:min(len(host), 64)], "-"), "usher")
	} else if !nodeName.MatchString(c.Node) {
		d.fail("node", "%q: want 1 to 64 of A-Z a-z 0-9 . _ -", c.Node)
	}
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		d.fail("proxy_protocol", "needs trusted_proxies: nobody else may use it")
	}
	for i, p := range c.TrustedProxies {
		if p.IsValid() && p != p.Masked() {
			d.fail(fmt.Sprintf("trusted_proxies[%d]", i), "%s has bits set after its length: want %s", p, p.Masked())
		}
	}
	if c.TLS != nil {
		d.checkTLS(c.TLS)
	}
}

func isLoopback(hostport string) bool {
	host, _, _ := net.SplitHostPort(hostport)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (d *decoder) checkTLS(t *TLSConfig) {
	t.Cert, t.Key, t.ACME.Cache = d.path(t.Cert), d.path(t.Key), d.path(t.ACME.Cache)
	if len(t.ACME.Hosts) > 0 {
		if d.isSet("tls.cert") || d.isSet("tls.key") {
			d.fail("tls.acme", "stands instead of cert and key: want one or the other")
		}
		if built("6") {
			return
		}
	}
	if _, err := tls.LoadX509KeyPair(t.Cert, t.Key); err != nil {
		d.fail("tls.cert", "%s", err)
	}
}

// domain canonicalises a domain (RFC 7622 §3.2) and reports one that is none.
func (d *decoder) domain(key string, s *string) {
	if *s == "" {
		if d.isSet(key) && !d.failed(key) {
			d.fail(key, "missing value")
		}
		return
	}
	local, domain, err := bareJID(*s)
	if err != nil {
		d.fail(key, "%q is no domain: %v", *s, err)
	} else if local != "" {
		d.fail(key, "%q is no domain: it has a localpart", *s)
	} else {
		*s = domain
	}
}

// failed returns whether something has been said about exactly this key.
func (d *decoder) failed(key string) bool {
	return slices.ContainsFunc(d.errs, func(e *ConfigError) bool { return e.Key == key })
}

// unique reports a value that an earlier key has already.
func (d *decoder) unique(seen map[string]string, value, key string) {
	if value == "" {
		return
	}
	if first, ok := seen[value]; ok {
		d.fail(key, "%q is %s already (line %d)", value, first, d.line(first))
		return
	}
	seen[value] = key
}

func (d *decoder) checkUpstream(u *UpstreamConfig) {
	u.CAFile = d.path(u.CAFile)
	if len(u.Address) == 0 {
		d.fail("upstream.address", "must not be empty")
	}
	for i, a := range u.Address {
		key := "upstream.address"
		if d.isSet(fmt.Sprintf("%s[%d]", key, i)) {
			key = fmt.Sprintf("%s[%d]", key, i)
		}
		u.Address[i] = d.dialAddress(key, a)
	}
	taken := map[string]string{}
	for i := range u.Components {
		key := fmt.Sprintf("upstream.components[%d].domain", i)
		d.domain(key, &u.Components[i].Domain)
		d.unique(taken, u.Components[i].Domain, key)
	}
	d.domain("upstream.rooms", &u.Rooms)
	d.unique(taken, u.Rooms, "upstream.rooms")
	for i := range u.Accounts {
		a, key := &u.Accounts[i], fmt.Sprintf("upstream.accounts[%d]", i)
		d.domain(key+".domain", &a.Domain)
		d.unique(taken, a.Domain, key+".domain")
		a.Address = d.dialAddress(key+".address", a.Address)
		a.CAFile = d.path(a.CAFile)
		switch {
		case a.TLS != "none":
		case a.CAFile != "" || a.ServerName != "":
			d.warnf(key+".tls", "is none, so ca_file and server_name have no effect")
		case !strings.HasPrefix(a.Address, "unix:") && !isLoopback(a.Address):
			d.warnf(key+".tls", "is none and %s is elsewhere: what agents say can be read on the way, and no login but SCRAM is let through", a.Address)
		}
	}
	if len(u.Components) > 0 {
		if u.Desk == "" {
			u.Desk = u.Components[0].Domain
		} else {
			d.domain("upstream.desk", &u.Desk)
			if !slices.ContainsFunc(u.Components, func(c Component) bool { return c.Domain == u.Desk }) {
				d.fail("upstream.desk", "%q is no domain of upstream.components", u.Desk)
			}
		}
	}
	if u.Retry.Min > u.Retry.Max {
		d.fail("upstream.retry", "min (%s) is more than max (%s)", u.Retry.Min, u.Retry.Max)
	}
	if u.TLS == "none" && (u.CAFile != "" || u.ServerName != "") {
		d.warnf("upstream.tls", "is none, so ca_file and server_name have no effect")
	}
}

// dialAddress checks host:port or unix:PATH.
func (d *decoder) dialAddress(key, a string) string {
	if path, ok := strings.CutPrefix(a, "unix:"); ok {
		if path == "" {
			d.fail(key, "no path after unix:")
		}
		return "unix:" + d.path(path)
	}
	if err := checkHostPort(a, false); err != nil && !d.failed(key) {
		d.fail(key, "%v: want host:port or unix:PATH", err)
	}
	return a
}

// checkTimes are bounds between values of the carriers and the limits.
func (d *decoder) checkTimes(c *Config) {
	for _, t := range []struct {
		key string
		d   time.Duration
	}{
		{"bosh.wait", c.BOSH.Wait}, {"bosh.polling", c.BOSH.Polling},
		{"bosh.inactivity", c.BOSH.Inactivity}, {"bosh.maxpause", c.BOSH.MaxPause},
	} {
		if t.d%time.Second != 0 {
			d.fail(t.key, "want whole seconds: XEP-0124 has no others")
		}
	}
	if c.BOSH.Requests <= c.BOSH.Hold { // XEP-0124 §7.1: requests is hold + 1 at least
		d.fail("bosh.requests", "must be more than bosh.hold (%d)", c.BOSH.Hold)
	}
	if c.BOSH.Inactivity < c.BOSH.Polling {
		d.fail("bosh.inactivity", "is shorter than bosh.polling (%s): a polling client would be lost", c.BOSH.Polling)
	}
	if c.BOSH.MaxPause > 0 && c.BOSH.MaxPause < c.BOSH.Inactivity {
		d.warnf("bosh.maxpause", "is shorter than bosh.inactivity (%s)", c.BOSH.Inactivity)
	}
	if c.Resume.Grace > c.Resume.Max {
		d.fail("resume.grace", "is longer than resume.max (%s)", c.Resume.Max)
	}
	l := &c.Limits
	if d.failed("limits.stanza") {
		return
	}
	if l.Outbox < l.Stanza && !d.failed("limits.outbox") {
		d.fail("limits.outbox", "is smaller than limits.stanza: one stanza would end its reader")
	}
	if Size(l.Prelogin.Bytes) > l.Stanza {
		d.fail("limits.prelogin.bytes", "is larger than limits.stanza")
	}
	if l.Prelogin.Sessions > l.Sessions {
		if d.isSet("limits.prelogin.sessions") {
			d.fail("limits.prelogin.sessions", "is more than limits.sessions (%d)", l.Sessions)
		} else {
			l.Prelogin.Sessions = l.Sessions
		}
	}
}

// checkServices are those around the edge: archive, files, mail.
func (d *decoder) checkServices(c *Config) {
	if c.Archive.Path == "" {
		d.fail("archive.path", "missing value")
	}
	c.Archive.Path, c.Files.Path = d.path(c.Archive.Path), d.path(c.Files.Path)
	for i, t := range c.Files.Types {
		if !mediaType.MatchString(t) {
			d.fail(fmt.Sprintf("files.types[%d]", i), "%q is no media type", t)
		}
	}
	if c.Files.Path != "" && c.Public == "" && !slices.ContainsFunc(c.Listen, func(l Listen) bool { return l.Network == "tcp" && isLoopback(l.Address) }) {
		d.fail("files.path", "needs public: agents are told where a file is")
	}
	if c.Files.Path != "" && !d.failed("sites") && !slices.ContainsFunc(c.Sites, func(s Site) bool { return len(s.Workgroups) > 0 }) {
		d.warnf("files.path", "has no effect: files are sent in chats with agents, and no site has workgroups")
	}
	if c.Files.Max > c.Files.PerVisitor {
		d.fail("files.max", "is more than files.per_visitor")
	}
	if c.SMTP.Address != "" {
		if err := checkHostPort(c.SMTP.Address, false); err != nil {
			d.fail("smtp.address", "%v: want host:port", err)
		}
		if c.SMTP.From == "" {
			d.fail("smtp.from", "missing: mail needs a sender")
		}
	}
	if c.SMTP.From != "" {
		d.mailAddress("smtp.from", c.SMTP.From)
	}
	if c.Drain.SeeOtherURI != "" {
		d.webURL("drain.see_other_uri", c.Drain.SeeOtherURI)
	}
}

func (d *decoder) mailAddress(key, s string) {
	if _, err := mail.ParseAddress(s); err != nil {
		d.fail(key, "%q is no mail address", s)
	}
}

func (d *decoder) webURL(key, s string) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		d.fail(key, "%q is no http or https URL", s)
	}
}

func (d *decoder) language(key, s string) {
	if !languageTag.MatchString(s) && !d.failed(key) {
		d.fail(key, "%q is no language tag", s)
	}
}

func (d *decoder) checkSites(c *Config) {
	names, domains, desks := map[string]string{}, map[string]string{}, map[string]string{}
	for i := range c.Sites {
		s, key := &c.Sites[i], fmt.Sprintf("sites[%d]", i)
		if d.isSet(key+".name") && !siteName.MatchString(s.Name) && !d.failed(key+".name") {
			d.fail(key+".name", "%q: want 1 to 32 of a-z 0-9 -", s.Name)
		}
		d.unique(names, s.Name, key+".name")
		d.domain(key+".domain", &s.Domain)
		d.unique(domains, s.Domain, key+".domain")
		if s.Domain != "" {
			d.checkSiteDomain(c, s.Domain, key+".domain")
		}
		s.Identity.Audience = cmp.Or(s.Identity.Audience, s.Name)
		if n := len(s.Identity.HMACKey.Value()); n > 0 && n < 32 { // RFC 7518 §3.2
			d.warnf(key+".identity.hmac_key", "has %d bytes: less than 32 can be guessed from one visitor's token", n)
		}
		if s.Webhook.URL != "" {
			d.webURL(key+".webhook.url", s.Webhook.URL)
			if !s.Webhook.Secret.IsSet() {
				d.fail(key+".webhook.secret", "missing: each call is signed with it")
			}
		}
		d.language(key+".language", s.Language)
		for j, l := range s.Languages {
			d.language(fmt.Sprintf("%s.languages[%d]", key, j), l)
		}
		if len(s.Languages) > 0 && !slices.Contains(s.Languages, s.Language) {
			d.fail(key+".languages", "has not the site's language, %s", s.Language)
		}
		d.checkWidget(s, key)
		d.checkWorkgroups(c, s, key, desks)
	}
}

// checkSiteDomain refuses a stream's `to` that would mean two things.
func (d *decoder) checkSiteDomain(c *Config, domain, key string) {
	if domain == c.Upstream.Rooms {
		d.fail(key, "%q is the MUC service (upstream.rooms)", domain)
	}
	for i, a := range c.Upstream.Accounts {
		if a.Domain == domain {
			d.fail(key, "%q is upstream.accounts[%d].domain already", domain, i)
		}
	}
}

func (d *decoder) checkText(key string, t Text) {
	for _, lang := range sortedKeys(t) {
		if lang != "" {
			d.language(join(key, lang), lang)
		}
		if len(t[lang]) > maxText {
			d.fail(key, "has %d bytes: at most %d", len(t[lang]), maxText)
		}
	}
}

func (d *decoder) checkWorkgroups(c *Config, s *Site, site string, desks map[string]string) {
	names := map[string]string{}
	for i := range s.Workgroups {
		w, key := &s.Workgroups[i], fmt.Sprintf("%s.workgroups[%d]", site, i)
		named := key + ".name"
		d.unique(names, w.Name, named)
		if d.isSet(key + ".address") {
			named = key + ".address"
		}
		d.checkWorkgroupAddress(c, w, named, desks)
		if w.Timers.IdleWarn >= w.Timers.IdleClose {
			if d.isSet(key + ".timers.idle_warn") {
				d.fail(key+".timers.idle_warn", "must be shorter than idle_close (%s)", w.Timers.IdleClose)
			}
			w.Timers.IdleWarn = w.Timers.IdleClose / 2 // the default is not for so short a one
		}
		d.checkPeople(w, key)
		if w.Hours != nil {
			d.checkHours(w.Hours, key+".hours")
		}
		d.checkForm(w.Form, key+".form")
		d.checkForm(w.Offline.Form, key+".offline.form")
		for j, m := range w.Offline.Mail {
			d.mailAddress(fmt.Sprintf("%s.offline.mail[%d]", key, j), m)
		}
	}
	for i := range s.Workgroups {
		key, o := fmt.Sprintf("%s.workgroups[%d].queue.overflow", site, i), s.Workgroups[i].Queue.Overflow
		if o == "" {
			continue
		}
		if _, ok := names[o]; !ok {
			d.fail(key, "the site has no workgroup %q", o)
		} else if o == s.Workgroups[i].Name {
			d.fail(key, "%q overflows into itself", o)
		}
	}
}

func (d *decoder) checkWorkgroupAddress(c *Config, w *Workgroup, key string, desks map[string]string) {
	w.Address = cmp.Or(w.Address, w.Name)
	if w.Address == "" || c.Upstream.Desk == "" {
		return
	}
	local, domain, err := bareJID(w.Address + "@" + c.Upstream.Desk)
	if err != nil {
		d.fail(key, "%q is no localpart: %v", w.Address, err)
		return
	}
	w.Address = local
	if conversation.MatchString(local) {
		d.fail(key, "%q: c- and 26 characters are reserved for conversations", local)
	}
	jid := local + "@" + domain
	if first, ok := desks[jid]; ok {
		d.fail(key, "the workgroup %s exists already (%s, line %d): set address", jid, first, d.line(first))
		return
	}
	desks[jid] = key
}

func (d *decoder) checkPeople(w *Workgroup, key string) {
	agents := map[string]string{}
	for i, a := range w.Agents {
		k := fmt.Sprintf("%s.agents[%d]", key, i)
		d.unique(agents, string(a.JID), k)
		for j, l := range a.Languages {
			d.language(fmt.Sprintf("%s.languages[%d]", k, j), l)
		}
	}
}

func (d *decoder) checkHours(h *HoursConfig, key string) {
	if d.isSet(key + ".zone") {
		if _, err := time.LoadLocation(h.Zone); err != nil || h.Zone == "" || h.Zone == "Local" {
			d.fail(key+".zone", "%q is no time zone: want one such as Europe/Berlin", h.Zone)
		}
	}
	var days [7]string
	for _, name := range sortedKeys(h.Week) {
		k := join(key+".week", name)
		from, to, err := weekdayRange(name)
		if err != nil {
			d.fail(k, "%v", err)
			continue
		}
		for i := from; i <= to; i++ {
			if days[i] != "" {
				d.fail(k, "%s is in %s already", weekdays[i], days[i])
				break
			}
			days[i] = name
		}
		spans := h.Week[name]
		for i := 1; i < len(spans); i++ {
			if spans[i].From < spans[i-1].To && spans[i].To != 0 {
				d.fail(fmt.Sprintf("%s[%d]", k, i), "begins before the one ahead of it ends")
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (d *decoder) checkForm(form []FormField, key string) {
	seen := map[string]string{}
	for i, f := range form {
		k := fmt.Sprintf("%s[%d]", key, i)
		d.unique(seen, f.Var, k+".var")
		if d.isSet(k+".var") && f.Var == "" && !d.failed(k+".var") {
			d.fail(k+".var", "missing value")
		}
		d.checkText(k+".label", f.Label)
	}
}
