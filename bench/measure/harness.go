package measure

import (
	"fmt"
	"math"
	"strings"
)

// When a core or the machine counts as full, and when lateness counts as the harness's doing.
const (
	fullMachine = 0.95
	fullCore    = 0.9
	lateUs      = 1000 // less is not worth a word
	stolen      = 0.02 // the same for the share of the machine that its host gave to others
)

// Ours reports whether a process of that name is part of the load generator.
func Ours(name string) bool { return name == "bench" || strings.HasPrefix(name, "bench ") }

// judge says whose limit was reached: Harness, from the processes, but for Late, which is known already.
func (r *Result) judge() {
	var ours, all, others float64
	var top *Usage // of the servers
	for i := range r.Processes {
		u := &r.Processes[i]
		all += u.Cores
		switch {
		case Ours(u.Name):
			ours += u.Cores
		case u.Name == Others:
			others = u.Cores
		case top == nil || u.Cores > top.Cores:
			top = u
		}
	}
	cores := float64(max(r.Machine.Cores, 1))
	h := &r.Harness
	h.Share, h.Bottleneck, h.Disturbed = ours/cores, false, false
	full := all+h.Stolen >= fullMachine*cores
	p99 := math.Inf(1)
	if len(r.Latencies) > 0 && r.Latencies[0].Count > 0 {
		p99 = r.Latencies[0].Us["p99"]
	}
	took := fmt.Sprintf("the load generator took %.0f %% of the machine", 100*h.Share)
	if h.Stolen >= stolen*cores {
		took += fmt.Sprintf(", its host %.0f %%", 100*h.Stolen/cores)
	}
	switch {
	case h.Share > MaxShare:
		h.Bottleneck = true
		h.Says = took + fmt.Sprintf(", more than %.0f %%: it may have been the limit", 100*MaxShare)
	case h.Late > lateUs && h.Late > p99/2:
		h.Bottleneck = true
		h.Says = fmt.Sprintf("the load generator was late itself (p99 %s), so that latencies are more its own than the server's; %s", Duration(h.Late), took)
	case full && (top == nil || ours > top.Cores) && ours >= others:
		h.Bottleneck = true
		h.Says = fmt.Sprintf("the machine was full and the load generator used the most of it: it was the limit; %s", took)
	case full && (top == nil || others > top.Cores):
		h.Disturbed = true
		h.Says = fmt.Sprintf("the machine was full, and programs that have no part in this used the most of it (%.2f cores): measure again on a quiet machine; %s", others, took)
	case full:
		h.Says = fmt.Sprintf("the machine was the limit: %s used the most of it (%.2f cores); %s", top.Name, top.Cores, took)
	case top != nil && top.Threads > 0 && top.Cores >= fullCore*float64(min(top.Threads, r.Machine.Cores)):
		h.Says = fmt.Sprintf("%s was the limit: it has %s and used %.2f cores; %s", top.Name, plural(top.Threads, "thread"), top.Cores, took)
	default:
		h.Says = fmt.Sprintf("no limit of CPU was reached: %.0f %% of the machine were idle; %s", 100*max(0, 1-(all+h.Stolen)/cores), took)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
