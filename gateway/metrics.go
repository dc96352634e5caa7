package gateway

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"usher/c2s"
	"usher/pool"
	"usher/workgroup"
	"usher/xmpp"
)

// version is set by the linker (Makefile) and never assigned.
var version string

// Version is what the build says of itself: what the Makefile gave it, else the module's version or the commit.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "devel"
}

// direction is the way of a stanza or of bytes.
type direction uint8

const (
	Up   direction = iota // from visitors
	Down                  // to visitors
	numDirections
)

var directionNames = [numDirections]string{"up", "down"}

// The carriers, as labels: c2s.Info.Transport is one of them.
const (
	overWS = iota
	overBOSH
	numTransports
)

var transportNames = [numTransports]string{"ws", "bosh"}

func transportOf(name string) int {
	if name == transportNames[overBOSH] {
		return overBOSH
	}
	return overWS
}

// kindNames stand in the order of xmpp.Kind; Other is no stanza and isn't counted.
var kindNames = [...]string{xmpp.Message: "message", xmpp.Presence: "presence", xmpp.IQ: "iq"}

// DropReason says why a stanza went no further: a closed list, used as a metric label.
type DropReason uint8

const (
	DropUnknownVisitor  DropReason = iota // for an address of ours where nobody is
	DropForbiddenOut                      // the visitor may not reach the address
	DropForbiddenIn                       // the address may not reach the visitor
	DropHoldBytes                         // link down: too much is held already
	DropHoldAge                           // link down: held for too long
	DropLinkBusy                          // the link's buffer is full
	DropWrappedSender                     // XEP-0280, XEP-0297: claims another sender
	DropRepeat                            // had it before the link was lost
	DropIQUnmatched                       // answers no request
	DropInvalidAddress                    // `to` is no JID
	DropTooManyRequests                   // too many IQ requests are unanswered
	DropRateMessages                      // limits.visitor.messages
	DropRateJoins                         // limits.visitor.joins, rooms
	DropEdgeFull                          // a limit of the whole process
	DropPresenceGone                      // the farewells for a link that is away are full
	DropErrorReply                        // an error that must not be answered (RFC 6120 §8.3.1)
	DropPendingOverflow                   // too many messages are unconfirmed
	DropPresenceLimit                     // too many have the visitor's presence
	DropRoomLimit                         // limits.visitor.rooms
	DropRoomUndone                        // a join made a room where none may be made
	DropNotHeld                           // link down: for a support room, which is made anew
	DropDeskFull                          // the desk's mailbox is full
	DropDeskLink                          // the desk's link is away or busy
	DropDeskAddress                       // of the desk, to an address of ours that can be nobody
	DropDeskVisitor                       // of the desk, to a visitor who is gone
	DropInvites                           // the desk has opened too many rooms to one visitor
	DropAside                             // in a support room behind a `!`: not meant for the visitor
	DropAbsent                            // of a room that the visitor was taken out of while his client is away
	DropUndelivered                       // the session ended before the client had it
	numDropReasons
)

var dropNames = [...]string{
	"unknown_visitor", "forbidden_out", "forbidden_in", "hold_bytes", "hold_age", "link_busy", "wrapped_sender",
	"repeat", "iq_unmatched", "invalid_address", "too_many_requests", "rate_messages", "rate_joins", "edge_full",
	"presence_gone", "error_reply", "pending_overflow", "presence_limit", "room_limit", "room_undone",
	"not_held", "desk_full", "desk_link", "desk_address", "desk_visitor", "invites", "aside", "absent", "undelivered",
}

// Does not compile unless each reason has a name.
var _ = [1]struct{}{}[len(dropNames)-int(numDropReasons)]

// String is the metric label.
func (r DropReason) String() string { return dropNames[r] }

// LoginFailure says why a client didn't become a visitor: a closed list, used as a metric label.
type LoginFailure uint8

const (
	LoginOther       LoginFailure = iota
	LoginHostUnknown              // `to` is no site's
	LoginOrigin                   // the web page's origin is not allowed
	LoginTransport                // the site doesn't have this transport
	LoginEdgeFull                 // limits.sessions, limits.prelogin.sessions, memory
	LoginSiteFull                 // the site's sessions
	LoginAddressFull              // limits.address.sessions
	LoginAddressRate              // limits.address.new
	LoginNoLink                   // no server that could take the client is reached
	LoginDraining                 // the edge stops
	LoginTooSlow                  // limits.login_time
	LoginLeft                     // the client went away
	LoginBadProtocol              // what it sent was wrong
	numLoginFailures
)

var loginNames = [...]string{
	"other", "host_unknown", "origin", "transport", "edge_full", "site_full", "address_full", "address_rate",
	"no_link", "draining", "too_slow", "left", "bad_protocol",
}

var _ = [1]struct{}{}[len(loginNames)-int(numLoginFailures)]

// String is the metric label.
func (f LoginFailure) String() string { return loginNames[f] }

// loginFailureOf files the end of a stream that was never bound.
func loginFailureOf(r c2s.Reason) LoginFailure {
	switch r {
	case c2s.HostUnknown:
		return LoginHostUnknown
	case c2s.LoginTimeout:
		return LoginTooSlow
	case c2s.ServerLost, c2s.ServerClosed:
		return LoginNoLink
	case c2s.ClientClosed, c2s.ConnectionLost, c2s.Inactive, c2s.PongTimeout, c2s.Stalled, c2s.Replaced:
		return LoginLeft
	case c2s.BadFraming, c2s.BadXML, c2s.BadProtocol, c2s.PolicyViolation:
		return LoginBadProtocol
	case c2s.ResourceLimit, c2s.Overflow, c2s.Unacked:
		return LoginEdgeFull
	case c2s.Shutdown:
		return LoginDraining
	}
	return LoginOther
}

// counters is what the hot paths count: plain atomic fields, found by index. It is made
// with all its series, so that each is there at 0 from the start.
type counters struct {
	stanzas [numDirections][len(kindNames)]atomic.Uint64
	octets  [numDirections][numTransports]atomic.Uint64
	drops   [numDropReasons]atomic.Uint64
	logins  [numLoginFailures]atomic.Uint64
	closes  [][numTransports]atomic.Uint64 // by c2s.Reason
	resumes [numResumeOutcomes]atomic.Uint64
	sites   map[string]*siteCounters // fixed
	desk    deskCounters

	accounts map[string]*accountCounters // by domain; fixed
}

// siteCounters is one site's part, by transport.
type siteCounters struct {
	sessions [numTransports]atomic.Int64
	setups   [numTransports]atomic.Uint64
	parked   atomic.Int64 // of the sessions, those whose clients are away
}

// accountLogin is how a login to an account came out: a closed list, used as a metric label.
type accountLogin uint8

const (
	accountIn      accountLogin = iota
	accountFailed               // the server has refused it
	accountLimited              // too many from this address have failed: it wasn't tried
	numAccountLogins
)

var accountLoginNames = [numAccountLogins]string{"success", "failure", "limited"}

// accountCounters is the part of one accounts domain, by transport.
type accountCounters struct {
	sessions [numTransports]atomic.Int64
	logins   [numAccountLogins]atomic.Uint64
}

func (a *accountCounters) login(l accountLogin)    { a.logins[l].Add(1) }
func (a *accountCounters) opened(transport string) { a.sessions[transportOf(transport)].Add(1) }
func (a *accountCounters) closed(transport string) { a.sessions[transportOf(transport)].Add(-1) }

func newCounters(sites []Site, accounts []Account) *counters {
	c := &counters{
		closes: make([][numTransports]atomic.Uint64, len(c2s.Reasons())), sites: map[string]*siteCounters{},
		desk: newDeskCounters(sites), accounts: map[string]*accountCounters{},
	}
	for i := range accounts {
		c.accounts[accounts[i].Domain] = &accountCounters{}
	}
	for i := range sites {
		c.sites[sites[i].Name] = &siteCounters{}
	}
	return c
}

func (c *counters) stanza(d direction, k xmpp.Kind)         { c.stanzas[d][k].Add(1) }
func (c *counters) bytes(d direction, transport int, n int) { c.octets[d][transport].Add(uint64(n)) }
func (c *counters) drop(r DropReason)                       { c.drops[r].Add(1) }
func (c *counters) loginFailed(f LoginFailure)              { c.logins[f].Add(1) }
func (c *counters) closed(r c2s.Reason, transport string)   { c.closes[r][transportOf(transport)].Add(1) }
func (c *counters) site(name string) *siteCounters          { return c.sites[name] }
func (s *siteCounters) moved(transport string)              { s.sessions[transportOf(transport)].Add(1) }
func (s *siteCounters) setup(transport string)              { s.setups[transportOf(transport)].Add(1) }
func (s *siteCounters) opened(transport string) {
	s.moved(transport)
	s.setup(transport)
}
func (s *siteCounters) closed(transport string) { s.sessions[transportOf(transport)].Add(-1) }
func (s *siteCounters) open() (n int64) {
	return s.sessions[overWS].Load() + s.sessions[overBOSH].Load()
}

// counted gives a carrier its Bytes hook.
func (c *counters) counted(transport int) func(in bool, n int) {
	return func(in bool, n int) {
		d := Down
		if in {
			d = Up
		}
		c.bytes(d, transport, n)
	}
}

// gauges is what is asked for when somebody reads the metrics. Each may be called at any time, by any goroutine.
type gauges struct {
	Links     func() []pool.Status
	HoldBytes func(domain string) int64 // held for visitors of this home while its link is down
	Outbox    func() int64              // bytes queued for all visitors
	Forgotten func() int64              // c2s.Config's
	BOSHHeld  func() int
	BOSHPolls func() int64
	Desk      func() []workgroup.Gauges // empty without workgroups
	Lag       func() float64            // seconds since the oldest decision that isn't on the disk
	Failures  func() uint64             // of the archive
}

// collector turns counters and gauges into metrics (docs/interface.md, part C).
type collector struct {
	count  *counters
	gauges gauges
	budget float64
	descs  []*prometheus.Desc
}

// newRegistry returns a registry with all our metrics and those of the Go runtime and the process.
func newRegistry(cfg *Config, count *counters, g gauges) *prometheus.Registry {
	r := prometheus.NewRegistry()
	c := &collector{count: count, gauges: g, budget: float64(cfg.Limits.Memory)}
	for i := range metricTable {
		m := &metricTable[i]
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, m.labels, nil))
	}
	r.MustRegister(count.desk.waits, count.desk.offers, count.desk.roomErrors)
	r.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// emit hands out one value of a metric.
type emit func(value float64, labels ...string)

// metricTable is every metric of ours: its name, labels and where its values come from.
var metricTable = []struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	values     func(c *collector, put emit)
}{
	{"usher_build_info", "Version of this build.", prometheus.GaugeValue, []string{"version", "go"},
		func(_ *collector, put emit) { put(1, Version(), runtime.Version()) }},
	{"usher_sessions", "Visitors that are logged in.", prometheus.GaugeValue, []string{"site", "transport"},
		func(c *collector, put emit) {
			for name, s := range c.count.sites {
				for t := range s.sessions {
					put(float64(s.sessions[t].Load()), name, transportNames[t])
				}
			}
		}},
	{"usher_setups_total", "Visitors that have logged in.", prometheus.CounterValue, []string{"site", "transport"},
		func(c *collector, put emit) {
			for name, s := range c.count.sites {
				for t := range s.setups {
					put(float64(s.setups[t].Load()), name, transportNames[t])
				}
			}
		}},
	{"usher_account_sessions", "Relayed streams that are logged in to an account.", prometheus.GaugeValue, []string{"domain", "transport"},
		func(c *collector, put emit) {
			for domain, a := range c.count.accounts {
				for t := range a.sessions {
					put(float64(a.sessions[t].Load()), domain, transportNames[t])
				}
			}
		}},
	{"usher_account_logins_total", "Logins to accounts, by how they came out.", prometheus.CounterValue, []string{"domain", "outcome"},
		func(c *collector, put emit) {
			for domain, a := range c.count.accounts {
				for l := range a.logins {
					put(float64(a.logins[l].Load()), domain, accountLoginNames[l])
				}
			}
		}},
	{"usher_login_failures_total", "Clients that did not become visitors.", prometheus.CounterValue, []string{"reason"},
		func(c *collector, put emit) {
			for f := range numLoginFailures {
				put(float64(c.count.logins[f].Load()), f.String())
			}
		}},
	{"usher_stanzas_total", "Stanzas taken: up from visitors, down from the server.", prometheus.CounterValue, []string{"direction", "kind"},
		func(c *collector, put emit) {
			for d := range c.count.stanzas {
				for k := xmpp.Message; k <= xmpp.IQ; k++ {
					put(float64(c.count.stanzas[d][k].Load()), directionNames[d], kindNames[k])
				}
			}
		}},
	{"usher_bytes_total", "Bytes on the wire between clients and the edge.", prometheus.CounterValue, []string{"direction", "transport"},
		func(c *collector, put emit) {
			for d := range c.count.octets {
				for t := range c.count.octets[d] {
					put(float64(c.count.octets[d][t].Load()), directionNames[d], transportNames[t])
				}
			}
		}},
	{"usher_drops_total", "Stanzas that went no further.", prometheus.CounterValue, []string{"reason"},
		func(c *collector, put emit) {
			for r := range numDropReasons {
				put(float64(c.count.drops[r].Load()), r.String())
			}
		}},
	{"usher_closes_total", "Streams that have ended.", prometheus.CounterValue, []string{"reason", "transport"},
		func(c *collector, put emit) {
			for _, r := range c2s.Reasons() {
				for t := range c.count.closes[r] {
					put(float64(c.count.closes[r][t].Load()), r.String(), transportNames[t])
				}
			}
		}},
	{"usher_resumes_total", "Sessions whose client was gone, or that a client came for.", prometheus.CounterValue, []string{"outcome"},
		func(c *collector, put emit) {
			for o := range numResumeOutcomes {
				put(float64(c.count.resumes[o].Load()), o.String())
			}
		}},
	{"usher_outbox_bytes", "Bytes queued for visitors.", prometheus.GaugeValue, nil,
		func(c *collector, put emit) { put(float64(c.gauges.Outbox())) }},
	{"usher_bosh_forgotten_total", "Stanzas written to BOSH clients that were not kept until they were confirmed.", prometheus.CounterValue, nil,
		func(c *collector, put emit) { put(float64(c.gauges.Forgotten())) }},
	{"usher_link_up", "1 while the component link is up.", prometheus.GaugeValue, []string{"domain"},
		func(c *collector, put emit) {
			for _, l := range c.gauges.Links() {
				up := 0.0
				if l.State == "up" {
					up = 1
				}
				put(up, l.Domain)
			}
		}},
	{"usher_link_rtt_seconds", "Last round trip of a ping over the link.", prometheus.GaugeValue, []string{"domain"},
		func(c *collector, put emit) {
			for _, l := range c.gauges.Links() {
				put(l.RTT.Seconds(), l.Domain)
			}
		}},
	{"usher_link_hold_bytes", "Bytes held while the link is down.", prometheus.GaugeValue, []string{"domain"},
		func(c *collector, put emit) {
			for _, l := range c.gauges.Links() {
				put(float64(c.gauges.HoldBytes(l.Domain)), l.Domain)
			}
		}},
	{"usher_bosh_held", "Held BOSH requests.", prometheus.GaugeValue, nil,
		func(c *collector, put emit) { put(float64(c.gauges.BOSHHeld())) }},
	{"usher_bosh_polls_total", "BOSH requests answered empty.", prometheus.CounterValue, nil,
		func(c *collector, put emit) { put(float64(c.gauges.BOSHPolls())) }},
	{"usher_queue_length", "Visitors who wait for an agent.", prometheus.GaugeValue, []string{"site", "workgroup"},
		func(c *collector, put emit) {
			for _, w := range c.gauges.Desk() {
				put(float64(w.Queue), w.Site, w.Workgroup)
			}
		}},
	{"usher_chats", "Visitors who talk to an agent.", prometheus.GaugeValue, []string{"site", "workgroup"},
		func(c *collector, put emit) {
			for _, w := range c.gauges.Desk() {
				put(float64(w.Chats), w.Site, w.Workgroup)
			}
		}},
	{"usher_agents", "Agents by what they can take.", prometheus.GaugeValue, []string{"workgroup", "state"},
		func(c *collector, put emit) {
			for name, states := range agentsByName(c.gauges.Desk()) {
				for state, n := range states {
					put(float64(n), name, state)
				}
			}
		}},
	{"usher_archive_lag_seconds", "Age of the oldest decision that is not committed.", prometheus.GaugeValue, nil,
		func(c *collector, put emit) { put(c.gauges.Lag()) }},
	{"usher_archive_errors_total", "Commits that failed.", prometheus.CounterValue, nil,
		func(c *collector, put emit) { put(float64(c.gauges.Failures())) }},
	{"usher_memory_bytes", "Memory that the process holds.", prometheus.GaugeValue, nil,
		func(_ *collector, put emit) { put(float64(memoryInUse())) }},
	{"usher_memory_budget_bytes", "limits.memory.", prometheus.GaugeValue, nil,
		func(c *collector, put emit) { put(c.budget) }},
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for i := range metricTable {
		m, desc := &metricTable[i], c.descs[i]
		m.values(c, func(value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(desc, m.kind, value, labels...)
		})
	}
}

// memoryInUse is what the Go runtime has from the system and hasn't given back.
func memoryInUse() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}
