package gateway

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"usher/workgroup"
)

// deskCounters count what the support desk observes.
type deskCounters struct {
	waits      *prometheus.HistogramVec
	offers     *prometheus.CounterVec
	roomErrors *prometheus.CounterVec
}

// Label values are from closed lists only; what is in none of them is "other".
var (
	offerOutcomes = []string{"accepted", "declined", "lapsed", "revoked", "taken"}
	roomSteps     = []string{"enter", "form", "submit", "verify", "affiliation"}

	// RFC 6120 §8.3.3, and what the desk finds wrong by itself.
	roomConditions = []string{"bad-request", "conflict", "feature-not-implemented", "forbidden", "gone", "internal-server-error",
		"item-not-found", "jid-malformed", "not-acceptable", "not-allowed", "not-authorized", "policy-violation",
		"recipient-unavailable", "redirect", "registration-required", "remote-server-not-found", "remote-server-timeout",
		"resource-constraint", "service-unavailable", "subscription-required", "undefined-condition", "unexpected-request",
		"not-members-only", "not-hidden", "not-private"}
)

func newDeskCounters(sites []Site) deskCounters {
	c := deskCounters{
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "usher_wait_seconds", Help: "From asking to an agent in the room.",
			Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 960},
		}, []string{"site", "workgroup"}),
		offers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "usher_offers_total", Help: "Offers to agents, by how they ended.",
		}, []string{"workgroup", "outcome"}),
		roomErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "usher_room_errors_total", Help: "Support rooms that could not be made or kept, by step and the server's word.",
		}, []string{"step", "condition"}),
	}
	for i := range sites {
		for j := range sites[i].Workgroups {
			name := sites[i].Workgroups[j].Name
			c.waits.WithLabelValues(sites[i].Name, name)
			for _, outcome := range offerOutcomes {
				c.offers.WithLabelValues(name, outcome)
			}
		}
	}
	return c
}

// observed counts one observation. It may be called by any goroutine.
func (c *counters) observed(o *workgroup.Observation) {
	switch o.Kind {
	case "wait":
		c.desk.waits.WithLabelValues(o.Site, o.Workgroup).Observe(o.Seconds)
	case "offer":
		c.desk.offers.WithLabelValues(o.Workgroup, known(offerOutcomes, o.Label)).Inc()
	case "room-error":
		c.desk.roomErrors.WithLabelValues(known(roomSteps, o.Label), known(roomConditions, o.Detail)).Inc()
	}
}

func known(list []string, label string) string {
	if slices.Contains(list, label) {
		return label
	}
	return "other"
}

// agentsByName sums up the agents of workgroups that have one name, on different sites.
func agentsByName(all []workgroup.Gauges) map[string]map[string]int {
	sums := make(map[string]map[string]int, len(all))
	for _, w := range all {
		if sums[w.Workgroup] == nil {
			sums[w.Workgroup] = make(map[string]int, len(w.Agents))
		}
		for state, n := range w.Agents {
			sums[w.Workgroup][state] += n
		}
	}
	return sums
}
