package measure

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Merge makes one result of those of several client processes that ran at the same time: counts add up, histograms merge, and each process counts once, whoever
// looked at it. Several of the name "bench" become "bench 1" and so on. Figures can't be merged and are left out: they are to be made of the merged result.
func Merge(parts []*Result) (*Result, error) {
	if len(parts) == 0 {
		return nil, errors.New("merge: no results")
	}
	first := parts[0]
	all := *first
	all.Sessions, all.Seconds = 0, 0
	all.Figures, all.Counters, all.Errors, all.Latencies = []Figure{}, map[string]int64{}, map[string]int{}, []Latency{}
	all.Gauges = slices.Clone(first.Gauges)
	for _, p := range parts {
		if p.Scenario != first.Scenario || p.Target != first.Target {
			return nil, fmt.Errorf("merge: %q is not %q", p.Title(), first.Title())
		}
		all.Sessions += p.Sessions
		all.Seconds = max(all.Seconds, p.Seconds)
		all.Interrupted = all.Interrupted || p.Interrupted
		all.Fake = all.Fake || p.Fake
		all.Harness.Late = max(all.Harness.Late, p.Harness.Late)
		all.Harness.Stolen = max(all.Harness.Stolen, p.Harness.Stolen)
		if p.Began.Before(all.Began) {
			all.Began = p.Began
		}
		for name, n := range p.Counters {
			all.Counters[name] += n
		}
		for _, name := range p.Gauges {
			if !slices.Contains(all.Gauges, name) {
				all.Gauges = append(all.Gauges, name)
			}
		}
		for text, n := range p.Errors {
			all.Errors[text] += n
		}
	}
	var err error
	if all.Latencies, err = mergedLatencies(parts); err != nil {
		return nil, err
	}
	names := processNames(parts)
	all.Processes = mergedProcesses(parts, names)
	all.Series = mergedSeries(parts, names)
	all.judge()
	return &all, nil
}

func mergedLatencies(parts []*Result) ([]Latency, error) {
	merged := []Latency{}
	for _, p := range parts {
		for _, l := range p.Latencies {
			if slices.ContainsFunc(merged, func(m Latency) bool { return m.Name == l.Name }) {
				continue
			}
			sum := Latency{Name: l.Name}
			whole, err := sum.whole()
			if err != nil {
				return nil, fmt.Errorf("merge: %w", err)
			}
			for _, q := range parts {
				if part := q.Latency(l.Name); part != nil {
					h, err := part.whole()
					if err != nil {
						return nil, fmt.Errorf("merge: %w", err)
					}
					whole.Merge(h)
				}
			}
			sum.show(whole)
			merged = append(merged, sum)
		}
	}
	return merged, nil
}

// processNames says what each process is called in the merged result: several of one name are numbered.
func processNames(parts []*Result) map[int]string {
	names := map[int]string{}
	many := map[string][]int{}
	for _, p := range parts {
		for _, u := range p.Processes {
			if u.Name != Others && names[u.Pid] == "" {
				names[u.Pid] = u.Name
				many[u.Name] = append(many[u.Name], u.Pid)
			}
		}
	}
	for name, pids := range many {
		for i, pid := range pids {
			if len(pids) > 1 {
				names[pid] = fmt.Sprintf("%s %d", name, i+1)
			}
		}
	}
	return names
}

// named is what the merged result calls a process of a part.
func (r *Result) named(name string, names map[int]string) string {
	if u := r.Usage(name); u != nil && name != Others {
		return names[u.Pid]
	}
	return name
}

func mergedProcesses(parts []*Result, names map[int]string) []Usage {
	var merged []Usage
	at := map[int]int{}
	busy, seconds := 0.0, 0.0 // of the whole machine, mean of those who looked
	for _, p := range parts {
		seconds = max(seconds, p.Seconds)
		for _, u := range p.Processes {
			busy += u.Cores / float64(len(parts))
			if u.Name == Others {
				continue
			}
			i, known := at[u.Pid]
			if !known {
				u.Name = names[u.Pid]
				at[u.Pid] = len(merged)
				merged = append(merged, u)
				continue
			}
			m := &merged[i] // everybody saw nearly the same
			m.CPU, m.Cores, m.Threads = max(m.CPU, u.CPU), max(m.Cores, u.Cores), max(m.Threads, u.Threads)
			m.Peak, m.End, m.Gone = max(m.Peak, u.Peak), max(m.End, u.End), m.Gone && u.Gone
		}
	}
	for _, u := range merged {
		busy -= u.Cores
	}
	busy = max(busy, 0)
	return append(merged, Usage{Process: Process{Name: Others}, Cores: busy, CPU: busy * seconds})
}

// mergedSeries makes one look of those that were taken at the same time.
func mergedSeries(parts []*Result, names map[int]string) []Sample {
	step := 0.0 // of the part that looked the least often: all are a power of two times the same
	series := make([][]Sample, len(parts))
	for i, p := range parts {
		series[i] = p.Series
		step = max(step, p.step())
	}
	bins := map[int][]Sample{}
	for i, p := range parts {
		for s := p.step(); s > 0 && s < step*0.75; s *= 2 {
			series[i] = halved(series[i])
		}
		for _, s := range series[i] {
			bin := int(math.Round(s.At / max(step, every.Seconds())))
			bins[bin] = append(bins[bin], p.renamed(s, names))
		}
	}
	var merged []Sample
	for _, bin := range slices.Sorted(maps.Keys(bins)) {
		merged = append(merged, beside(bins[bin]))
	}
	return merged
}

// step is how far apart looks are, in seconds.
func (r *Result) step() float64 {
	var all []float64
	for _, s := range r.Series {
		all = append(all, s.Seconds)
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// renamed is a look with the merged result's names of processes.
func (r *Result) renamed(s Sample, names map[int]string) Sample {
	cores, rss := map[string]float64{}, map[string]int64{}
	for name, v := range s.Cores {
		cores[r.named(name, names)] = v
	}
	for name, v := range s.RSS {
		rss[r.named(name, names)] = v
	}
	s.Cores, s.RSS = cores, rss
	return s
}

// beside makes one look of those that several took at the same time.
func beside(looks []Sample) Sample {
	all := Sample{At: looks[0].At, Seconds: looks[0].Seconds, Counters: map[string]float64{}, Cores: map[string]float64{}, RSS: map[string]int64{}}
	busy := 0.0
	for _, s := range looks {
		for name, v := range s.Counters {
			all.Counters[name] += v
		}
		for name, v := range s.Cores {
			busy += v / float64(len(looks))
			all.Cores[name] = max(all.Cores[name], v)
		}
		for name, v := range s.RSS {
			all.RSS[name] = max(all.RSS[name], v)
		}
		all.Buckets = united(all.Buckets, s.Buckets)
	}
	delete(all.Cores, Others)
	for _, v := range all.Cores {
		busy -= v
	}
	all.Cores[Others] = max(busy, 0)
	all.percentiles()
	return all
}
