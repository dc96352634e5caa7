package measure

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

//go:embed report.html
var reportPage string

// Report writes one self-contained HTML page about the results: histogram of the latencies, percentiles over time, throughput,
// memory and CPU, the machine and the exact command; several results of one scenario and transport share their plots, the baseline first.
func Report(out io.Writer, results []*Result) error {
	page, err := template.New("report").Parse(reportPage)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var sections []*section
	for _, r := range results {
		key := r.Scenario + "\x00" + r.Transport + fmt.Sprint(r.TLS)
		i := slices.IndexFunc(sections, func(s *section) bool { return s.key == key })
		if i < 0 {
			i = len(sections)
			sections = append(sections, &section{key: key})
		}
		sections[i].Results = append(sections[i].Results, r)
	}
	for _, s := range sections {
		if err := s.fill(); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if err := page.Execute(out, struct{ Sections []*section }{sections}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// section is the part of the page about one scenario.
type section struct {
	key     string
	Results []*Result

	Heading, Sub string
	Runs         []run
	Figures      [][]string // head first
	Latencies    [][]string
	Counters     [][]string
	Processes    [][]string
	Errors       [][]string
	Plots        []template.HTML
	Refused      string
}

// run is how one result is shown in the heading.
type run struct {
	*Result
	Color   int
	Name    string
	Command string
	Line    string // when, how long, commit
}

// names tells the results of a section apart.
func (s *section) names() []string {
	var names []string
	for _, r := range s.Results {
		name := r.Target
		if r.Fake {
			name += " (FAKE upstream)"
		}
		if slices.Contains(names, name) {
			name = fmt.Sprintf("%s, run %d", name, len(names)+1)
		}
		names = append(names, name)
	}
	return names
}

func (s *section) fill() error {
	first := s.Results[0]
	title := About{Scenario: first.Scenario, Target: first.Target, Transport: first.Transport, TLS: first.TLS}
	_, of, _ := strings.Cut((&Result{About: title}).Title(), first.Target)
	s.Heading, s.Sub = first.Scenario, strings.TrimPrefix(of, ", ")
	names := s.names()
	for i, r := range s.Results {
		line := fmt.Sprintf("%s, %.1f s", r.Began.Format("2006-01-02 15:04:05"), r.Seconds)
		if r.Sessions > 0 {
			line += ", " + plural(r.Sessions, "session")
		}
		if r.Commit != "" {
			line += ", commit " + r.Commit
		}
		s.Runs = append(s.Runs, run{Result: r, Color: i % colors, Name: names[i], Command: shell(r.Command), Line: line})
	}
	s.tables(names)
	return s.plots(names)
}

func (s *section) tables(names []string) {
	head := append([]string{""}, names...)
	if len(names) > 1 {
		s.Refused = Refused(s.Results)
		head = append(head, "ratio")
	}
	for _, row := range Compare(s.Results) {
		if strings.HasSuffix(row.Name, " p50") || strings.HasSuffix(row.Name, " p99") {
			continue // they have a table of their own
		}
		cells := []string{row.Name}
		for _, v := range row.Values {
			cells = append(cells, Format(v, row.Unit))
		}
		if len(names) > 1 {
			cells = append(cells, ratio(row))
		}
		s.Figures = append(s.Figures, cells)
	}
	s.Figures = headed(head, s.Figures)
	for i, r := range s.Results {
		for _, l := range r.Latencies {
			if l.Count == 0 {
				continue
			}
			row := []string{l.Name, names[i], number(float64(l.Count))}
			for _, p := range shown {
				row = append(row, Duration(l.Us[p.name]))
			}
			s.Latencies = append(s.Latencies, append(row, Duration(l.Us["mean"])))
		}
		for _, name := range r.CounterNames() {
			rate := number(r.Rate(name)) + "/s"
			if slices.Contains(r.Gauges, name) {
				rate = ""
			}
			s.Counters = append(s.Counters, []string{name, names[i], number(float64(r.Counters[name])), rate})
		}
		for _, u := range r.Processes {
			end := megabytes(u.End)
			if u.Gone {
				end = "gone"
			}
			s.Processes = append(s.Processes, []string{u.Name, names[i], fmt.Sprintf("%.2f", u.Cores), fmt.Sprintf("%.2f s", u.CPU),
				megabytes(u.Before), megabytes(u.Begin), megabytes(u.Peak), end})
		}
		for _, text := range sortedErrors(r.Errors) {
			s.Errors = append(s.Errors, []string{text, names[i], number(float64(r.Errors[text]))})
		}
	}
	s.Latencies = headed([]string{"latency", "run", "count", "p50", "p90", "p95", "p99", "p99.9", "max", "mean"}, s.Latencies)
	s.Counters = headed([]string{"counted", "run", "number", "rate"}, s.Counters)
	s.Processes = headed([]string{"process", "run", "cores", "CPU", "RSS before", "at start", "peak", "end"}, s.Processes)
	s.Errors = headed([]string{"error", "run", "times"}, s.Errors)
}

func ratio(r Row) string {
	if math.IsNaN(r.Ratio) {
		return "-"
	}
	return fmt.Sprintf("%.2fx", r.Ratio)
}

// headed puts a head on a table that has rows.
func headed(head []string, rows [][]string) [][]string {
	if len(rows) == 0 {
		return nil
	}
	return append([][]string{head}, rows...)
}

// shell writes a command so that it can be pasted.
func shell(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$&|;<>()*?[]#~`!{}") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		b.WriteString(a)
	}
	return b.String()
}

func (s *section) plots(names []string) error {
	var all []*plot
	lat, err := s.latencyPlots(names)
	if err != nil {
		return err
	}
	all = append(all, lat...)
	all = append(all, s.percentilePlot(names))
	all = append(all, s.counterPlots(names)...)
	all = append(all, s.processPlots(names)...)
	for _, p := range all {
		if !p.empty() {
			s.Plots = append(s.Plots, p.draw())
		}
	}
	return nil
}

// seconds is the time axis.
func seconds() axis {
	return axis{text: func(v float64) string { return short(math.Round(v*100)/100) + " s" }}
}

// timeline is a plot over time, with the phases of the first result.
func (s *section) timeline(title string, y axis) *plot {
	p := &plot{title: title, x: seconds(), y: y}
	if len(s.Results) == 1 {
		p.marks = s.Results[0].Phases
	}
	return p
}

// latencyPlots are, for each histogram that a result has, its distribution and its percentiles up to the highest.
func (s *section) latencyPlots(names []string) ([]*plot, error) {
	const wider = 1.08 // each bar than the one before
	var all []*plot
	for _, name := range s.latencyNames() {
		spread := &plot{title: "Latency: " + name, note: "share of all, by time taken; logarithmic", x: axis{log: true, text: Duration},
			y: axis{text: func(v float64) string { return short(v) + " %" }}}
		tail := &plot{title: "Percentiles: " + name, note: "how many are at most as slow", y: axis{log: true, text: Duration},
			x: axis{log: true, text: percent, ticks: []float64{1, 2, 10, 100, 1000, 1e4, 1e5, 1e6}}}
		for i, r := range s.Results {
			l := r.Latency(name)
			if l == nil || l.Count == 0 {
				continue
			}
			h, err := l.whole()
			if err != nil {
				return nil, err
			}
			spread.curves = append(spread.curves, curve{name: names[i], color: i % colors, filled: true, points: bars(h, wider)})
			var points [][2]float64
			for of := 1.0; of <= float64(l.Count)*1.001; of *= 1.1 { // one of so many is slower
				points = append(points, [2]float64{of, float64(max(h.ValueAtPercentile(100*(1-1/of)), 1))})
			}
			tail.curves = append(tail.curves, curve{name: names[i], color: i % colors, points: points})
		}
		all = append(all, spread, tail)
	}
	return all, nil
}

// percent labels "one of so many is slower" as a percentile.
func percent(of float64) string {
	digits := max(0, int(math.Ceil(math.Log10(of)-1e-9))-1)
	text := strconv.FormatFloat(100*(1-1/of), 'f', digits, 64)
	if digits > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return "p" + text
}

func (s *section) latencyNames() []string {
	var names []string
	for _, r := range s.Results {
		for _, l := range r.Latencies {
			if !slices.Contains(names, l.Name) {
				names = append(names, l.Name)
			}
		}
	}
	return names
}

// bars is a histogram as a line with steps: bars are the same for all histograms, so that their heights compare.
func bars(h *hdr.Histogram, wider float64) [][2]float64 {
	shares := map[int]float64{}
	first, last := math.MaxInt, math.MinInt
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			k := int(math.Floor(math.Log(float64(max(bar.To, 1))) / math.Log(wider)))
			shares[k] += 100 * float64(bar.Count) / float64(h.TotalCount())
			first, last = min(first, k), max(last, k)
		}
	}
	points := [][2]float64{{math.Pow(wider, float64(first)), 0}}
	for k := first; k <= last; k++ {
		points = append(points, [2]float64{math.Pow(wider, float64(k)), shares[k]}, [2]float64{math.Pow(wider, float64(k+1)), shares[k]})
	}
	return append(points, [2]float64{math.Pow(wider, float64(last+1)), 0})
}

func (s *section) percentilePlot(names []string) *plot {
	p := s.timeline("Latency over time", axis{log: true, text: Duration})
	p.note = "p99, dashed: p50"
	if of := s.latencyNames(); len(of) > 1 {
		p.note = "of " + of[0] + ": p99, dashed: p50"
	}
	for i, r := range s.Results {
		var p50, p99 [][2]float64
		for _, look := range r.Series {
			gap := func(v float64) float64 {
				if v == 0 {
					return math.NaN()
				}
				return v
			}
			p50, p99 = append(p50, [2]float64{look.At, gap(look.P50)}), append(p99, [2]float64{look.At, gap(look.P99)})
		}
		p.curves = append(p.curves, curve{name: names[i] + " p99", color: i % colors, points: p99}, curve{name: names[i] + " p50", color: i % colors, dashed: true, points: p50})
	}
	return p
}

// counterPlots are the rates, and the gauges, over time: of one run all together, of several each by itself.
func (s *section) counterPlots(names []string) []*plot {
	var counters, gauges []string
	for _, r := range s.Results {
		for _, name := range r.CounterNames() {
			to := &counters
			if slices.Contains(r.Gauges, name) {
				to = &gauges
			}
			if !slices.Contains(*to, name) {
				*to = append(*to, name)
			}
		}
	}
	perSecond := axis{text: func(v float64) string { return short(v) + "/s" }}
	plain := axis{text: short}
	if len(s.Results) == 1 {
		return []*plot{s.together("Throughput", counters, perSecond), s.together("At a time", gauges, plain)}
	}
	var all []*plot
	for _, name := range counters {
		all = append(all, s.apart("Throughput: "+name, name, names, perSecond))
	}
	for _, name := range gauges {
		all = append(all, s.apart("At a time: "+name, name, names, plain))
	}
	return all
}

// history is a counter over time; one that was 0 all the time is none.
func history(r *Result, name string) [][2]float64 {
	var points [][2]float64
	any := false
	for _, look := range r.Series {
		v, known := look.Counters[name]
		if !known {
			v = math.NaN()
		}
		any = any || v > 0
		points = append(points, [2]float64{look.At, v})
	}
	if !any {
		return nil
	}
	return points
}

func (s *section) together(title string, counters []string, y axis) *plot {
	p := s.timeline(title, y)
	for _, name := range counters {
		if points := history(s.Results[0], name); points != nil {
			p.curves = append(p.curves, curve{name: name, color: len(p.curves) % colors, points: points})
		}
	}
	if len(p.curves) == 1 {
		p.note = p.curves[0].name
	}
	return p
}

func (s *section) apart(title, counter string, names []string, y axis) *plot {
	p := s.timeline(title, y)
	for i, r := range s.Results {
		if points := history(r, counter); points != nil {
			p.curves = append(p.curves, curve{name: names[i], color: i % colors, points: points})
		}
	}
	return p
}

// processPlots are CPU and memory over time, for each run by itself, on the same scale.
func (s *section) processPlots(names []string) []*plot {
	cores, memory := 0.0, 0.0
	for _, r := range s.Results {
		cores = max(cores, float64(r.Machine.Cores))
		for _, u := range r.Processes {
			memory = max(memory, float64(u.Peak))
		}
	}
	var all []*plot
	for i, r := range s.Results {
		cpu := s.timeline("CPU, cores", axis{ceiling: cores, text: short})
		rss := s.timeline("Memory, RSS", axis{ceiling: memory, text: func(v float64) string { return megabytes(int64(max(v, 1))) }})
		if len(s.Results) > 1 {
			cpu.note, rss.note = names[i], names[i]
		}
		color := 0
		for _, u := range r.Processes {
			c := curve{name: u.Name, color: color % colors}
			switch {
			case Ours(u.Name):
				c.color = harness
			case u.Name == Others:
				c.color, c.dashed = elsewise, true
			default:
				color++
			}
			m := c
			for _, look := range r.Series {
				if v, known := look.Cores[u.Name]; known {
					c.points = append(c.points, [2]float64{look.At, v})
				}
				if v, known := look.RSS[u.Name]; known && v > 0 {
					m.points = append(m.points, [2]float64{look.At, float64(v)})
				}
			}
			cpu.curves = append(cpu.curves, c)
			if len(m.points) > 0 {
				rss.curves = append(rss.curves, m)
			}
		}
		all = append(all, cpu, rss)
	}
	return all
}
