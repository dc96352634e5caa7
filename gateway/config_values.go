package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"usher/xmpp"
)

const day = 24 * time.Hour

// Size is a number of bytes.
type Size int64

// UnmarshalText reads "64KiB", "1.5MiB", "10kB" or a plain number.
func (s *Size) UnmarshalText(b []byte) error {
	n, err := parseSize(string(b))
	if err != nil {
		return err
	}
	if n != float64(int64(n)) {
		return fmt.Errorf("%q is no whole number of bytes", b)
	}
	*s = Size(n)
	return nil
}

var sizeUnits = []struct {
	name  string
	bytes float64
}{ // a unit before those that it ends in
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1},
}

func parseSize(s string) (float64, error) {
	for _, u := range sizeUnits {
		if digits, ok := strings.CutSuffix(s, u.name); ok {
			n, err := parseNumber(digits)
			if err == nil && n*u.bytes > 1<<50 {
				err = errors.New("too large")
			}
			if err != nil {
				return 0, fmt.Errorf("%q is no size: want a number of bytes, or one with KiB, MiB, GiB, kB, MB or GB", s)
			}
			return n * u.bytes, nil
		}
	}
	panic("unreachable: every text ends in the empty unit")
}

// parseNumber takes plain decimals only: no sign, exponent, hexadecimal or underscore.
func parseNumber(s string) (float64, error) {
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// Rate is a token bucket: PerSecond flow in, at most Burst are kept; its zero value doesn't limit. It converts to a c2s.Rate.
type Rate struct{ PerSecond, Burst float64 }

// UnmarshalText reads "20/s", "60/min,20" or "64KiB/s,1MiB". Without a burst it is
// what flows in during the unit named. "0" doesn't limit.
func (r *Rate) UnmarshalText(b []byte) error {
	s := string(b)
	*r = Rate{}
	if s == "0" {
		return nil
	}
	bad := fmt.Errorf("%q is no rate: want one such as 20/s, 60/min,20 or 64KiB/s (s, min, h; a burst after the comma; 0 = no limit)", s)
	flow, burst, hasBurst := strings.Cut(s, ",")
	amount, unit, ok := strings.Cut(flow, "/")
	seconds := map[string]float64{"s": 1, "min": 60, "h": 3600}[unit]
	n, err := parseSize(amount)
	if !ok || seconds == 0 || err != nil {
		return bad
	}
	r.PerSecond, r.Burst = n/seconds, max(n, 1)
	if hasBurst {
		if r.Burst, err = parseSize(strings.TrimSpace(burst)); err != nil {
			return bad
		}
	}
	if n == 0 {
		*r = Rate{}
	} else if r.Burst < 1 {
		return fmt.Errorf("%q: a burst of less than 1 lets nothing through", s)
	}
	return nil
}

// parseDuration reads Go's syntax plus d for days; 0 needs no unit.
func parseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no duration: want one such as 500ms, 30s, 4m, 2h or 7d", s)
	rest, days := s, time.Duration(0)
	if digits, after, ok := strings.Cut(s, "d"); ok {
		n, err := parseNumber(digits)
		if err != nil || n > 36500 {
			return 0, bad
		}
		rest, days = after, time.Duration(n*float64(day))
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d+days < d {
		return 0, bad
	}
	return days + d, nil
}

// Secret is a password or key. It prints as *** wherever it is printed.
type Secret struct{ value string }

// Value returns the secret itself, "" if none is set.
func (s Secret) Value() string { return s.value }

// IsSet returns whether there is one.
func (s Secret) IsSet() bool { return s.value != "" }

func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "***"
}

// GoString, LogValue and MarshalText keep it out of dumps, logs and encoders too.
func (s Secret) GoString() string             { return s.String() }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(s.String()) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Listen is one place to listen at.
type Listen struct {
	Network string // tcp, unix or systemd
	Address string // host:port, a path, or the name of the socket unit's FileDescriptorName
}

func (l Listen) String() string {
	if l.Network == "tcp" {
		return l.Address
	}
	return l.Network + ":" + l.Address
}

// UnmarshalText reads "host:port", "unix:PATH" or "systemd:NAME".
func (l *Listen) UnmarshalText(b []byte) error {
	s := string(b)
	if network, rest, ok := strings.Cut(s, ":"); ok && (network == "unix" || network == "systemd") {
		if rest == "" || strings.ContainsRune(rest, 0) {
			return fmt.Errorf("%q: nothing usable after %q", s, network+":")
		}
		*l = Listen{network, rest}
		return nil
	}
	if err := checkHostPort(s, true); err != nil {
		return fmt.Errorf("%w: want host:port, unix:PATH or systemd:NAME", err)
	}
	*l = Listen{"tcp", s}
	return nil
}

// checkHostPort wants host:port; a listener may leave out the host and use port 0.
func checkHostPort(s string, listener bool) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is no address", s)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 && !listener {
		return fmt.Errorf("%q has no usable port", s)
	}
	if host == "" && !listener || strings.ContainsAny(host, " /@") {
		return fmt.Errorf("%q has no usable host", s)
	}
	return nil
}

// Origin is one allowed origin of web pages (RFC 6454), canonical.
type Origin struct {
	Any       bool   // *: any, or none sent
	Scheme    string // http or https
	Host      string // lower case, with the port if it isn't the scheme's own
	Subdomain bool   // https://*.example.com: any name below Host
}

// UnmarshalText reads scheme://host[:port], https://*.example.com, or *.
func (o *Origin) UnmarshalText(b []byte) error {
	s := strings.ToLower(string(b))
	if s == "*" {
		*o = Origin{Any: true}
		return nil
	}
	bad := fmt.Errorf("%q is no origin: want scheme://host[:port], https://*.example.com or *", b)
	scheme, host, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return bad
	}
	host, sub := strings.CutPrefix(host, "*.")
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	u, err := url.Parse(scheme + "://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || !isASCII(host) || strings.ContainsAny(host, "*\"'<>` ") {
		return bad // browsers send internationalised names in their ASCII form
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return bad
		}
	} else if strings.HasSuffix(host, ":") {
		return bad
	}
	*o = Origin{Scheme: scheme, Host: host, Subdomain: sub}
	return nil
}

// Match returns whether it allows this Origin header. An origin that isn't http
// or https ("null", an extension's) is matched by * only.
func (o Origin) Match(origin string) bool {
	if o.Any {
		return true
	}
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok || scheme != o.Scheme {
		return false
	}
	if o.Subdomain {
		return len(host) > len(o.Host)+1 && host[len(host)-len(o.Host)-1] == '.' && strings.HasSuffix(host, o.Host)
	}
	return host == o.Host
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] < 0x20 {
			return false
		}
	}
	return true
}

// Allow is one entry of a site's allow list. Resources always match.
type Allow struct {
	Visitors bool   // the word visitors: other visitors
	Local    string // "" = the domain itself; "*" = the domain and every JID in it; else this localpart only
	Domain   string
}

// UnmarshalText reads domain, local@domain, *@domain or visitors.
func (a *Allow) UnmarshalText(b []byte) error {
	s := string(b)
	if s == "visitors" {
		*a = Allow{Visitors: true}
		return nil
	}
	bare, every := strings.CutPrefix(s, "*@")
	local, domain, err := bareJID(bare)
	if err != nil {
		return fmt.Errorf("%q is no entry of allow: %w (want domain, local@domain, *@domain or visitors)", s, err)
	}
	if every {
		if local != "" {
			return fmt.Errorf("%q is no entry of allow: two @", s)
		}
		local = "*"
	} else if strings.Contains(local, "*") {
		return fmt.Errorf("%q is no entry of allow: * stands for a whole localpart", s)
	}
	*a = Allow{Local: local, Domain: domain}
	return nil
}

// bareJID checks and canonicalises (RFC 7622) an address without a resource.
func bareJID(s string) (local, domain string, err error) {
	c, err := xmpp.CanonJID([]byte(s))
	if err != nil {
		return "", "", err
	}
	l, d, r := xmpp.SplitJID(c)
	if len(r) > 0 || strings.ContainsRune(s, '/') {
		return "", "", errors.New("a resource has no place here")
	}
	return string(l), string(d), nil
}

// JID is a bare JID with a localpart, canonical.
type JID string

func (j *JID) UnmarshalText(b []byte) error {
	local, domain, err := bareJID(string(b))
	if err == nil && local == "" {
		err = errors.New("no localpart")
	}
	if err != nil {
		return fmt.Errorf("%q is no bare JID: %w", b, err)
	}
	*j = JID(local + "@" + domain)
	return nil
}

// PublicKey is an Ed25519 key: 32 bytes in base64.
type PublicKey ed25519.PublicKey

func (k *PublicKey) UnmarshalText(b []byte) error {
	raw, err := base64.StdEncoding.DecodeString(string(b))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return errors.New("no Ed25519 public key: want 32 bytes in base64")
	}
	*k = PublicKey(raw)
	return nil
}

// Text is a text of ours by language; "" is the language that fits all.
type Text map[string]string

// Span is an opening time, minutes since midnight: From <= t < To.
type Span struct{ From, To int }

// UnmarshalText reads 09:00-12:30; 24:00 may end a day.
func (s *Span) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(string(b), "-")
	f, err1 := parseClock(from)
	t, err2 := parseClock(to)
	if !ok || err1 != nil || err2 != nil || f >= t {
		return fmt.Errorf("%q is no opening time: want one such as 09:00-17:30 within one day", b)
	}
	*s = Span{f, t}
	return nil
}

func parseClock(s string) (int, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 {
		return 0, errors.New("no time of day")
	}
	return t.Hour()*60 + t.Minute(), nil
}

// Date is a day of the calendar.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// UnmarshalText reads 2026-12-25.
func (d *Date) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return fmt.Errorf("%q is no date: want one such as 2026-12-25", b)
	}
	d.Year, d.Month, d.Day = t.Date()
	return nil
}

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// weekdayRange reads mon, or mon-fri, as indexes of weekdays, both included.
func weekdayRange(s string) (from, to int, err error) {
	a, b, ok := strings.Cut(s, "-")
	if !ok {
		b = a
	}
	from, to = -1, -1
	for i, w := range weekdays {
		if a == w {
			from = i
		}
		if b == w {
			to = i
		}
	}
	if from < 0 || to < from {
		return 0, 0, fmt.Errorf("%q is no day of the week: want mon to sun, or a range such as mon-fri", s)
	}
	return from, to, nil
}
