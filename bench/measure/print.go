package measure

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// number writes a number for people: three digits at least, thousands apart.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return "-"
	case a >= 100 || v == math.Trunc(v):
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// short is the same for axes: no zeros that say nothing.
func short(v float64) string {
	s := number(v)
	if strings.Contains(s, ".") && !strings.Contains(s, "e") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

func thousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Format writes a value with its unit, as everything here shows it.
func Format(v float64, unit string) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case unit == "" || strings.HasPrefix(unit, "/"):
		return number(v) + unit
	}
	return number(v) + " " + unit
}

// Duration writes microseconds in the unit that fits.
func Duration(us float64) string {
	switch {
	case math.IsNaN(us):
		return "-"
	case us < 1000:
		return Format(us, "us")
	case us < 1e6:
		return Format(us/1e3, "ms")
	}
	return Format(us/1e6, "s")
}

// megabytes writes bytes; none is what can't be told.
func megabytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + " MB"
}

// Title says in one line what was measured.
func (r *Result) Title() string {
	t := fmt.Sprintf("%s: %s", r.Scenario, r.Target)
	if r.Fake {
		t += " (FAKE upstream server: the edge's own limits, not those of a real one)"
	}
	switch r.Transport {
	case "":
	case "ws":
		t += ", WebSocket"
	case "bosh":
		t += ", BOSH"
	default:
		t += ", " + r.Transport
	}
	if r.TLS {
		t += ", TLS"
	}
	if r.Sessions > 0 {
		t += fmt.Sprintf(", %s sessions", number(float64(r.Sessions)))
	}
	return t
}

// String says what a machine is.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.0f GB, %s, %s", m.CPU, m.Cores, float64(m.Memory)/1e9, m.Kernel, m.Go)
}

// CounterNames lists the counters, those that the views know first.
func (r *Result) CounterNames() []string {
	var names []string
	for name := range r.Counters {
		names = append(names, name)
	}
	known := []string{"sessions", "sent", "delivered", "lost", "doubled", "reordered"}
	slices.SortFunc(names, func(a, b string) int {
		i, j := slices.Index(known, a), slices.Index(known, b)
		switch {
		case i >= 0 && j >= 0:
			return i - j
		case i >= 0:
			return -1
		case j >= 0:
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

// Print writes the summary table, and whose limit was reached.
func (r *Result) Print(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, r.Title())
	fmt.Fprintf(&b, "  %.1f s from %s", r.Seconds, r.Began.Format("2006-01-02 15:04:05"))
	if r.Commit != "" {
		fmt.Fprintf(&b, ", commit %s", r.Commit)
	}
	fmt.Fprintf(&b, "; %s\n", r.Machine)
	if r.Interrupted {
		fmt.Fprintln(&b, "  INTERRUPTED: these are the results so far")
	}
	table := [][]string{}
	for _, f := range r.Figures {
		table = append(table, []string{f.Name, Format(f.Value, f.Unit)})
	}
	write(&b, table)
	table = [][]string{}
	for _, name := range r.CounterNames() {
		rate := number(r.Rate(name)) + "/s"
		if slices.Contains(r.Gauges, name) {
			rate = "in the end"
		}
		table = append(table, []string{name, number(float64(r.Counters[name])), rate})
	}
	write(&b, table)
	table = [][]string{{"latency", "count", "p50", "p90", "p95", "p99", "p99.9", "max", "mean"}}
	for _, l := range r.Latencies {
		if l.Count == 0 {
			continue
		}
		row := []string{l.Name, number(float64(l.Count))}
		for _, p := range shown {
			row = append(row, Duration(l.Us[p.name]))
		}
		table = append(table, append(row, Duration(l.Us["mean"])))
	}
	if len(table) > 1 {
		write(&b, table)
	}
	table = [][]string{{"process", "cores", "CPU", "RSS before", "at start", "peak", "end"}}
	for _, u := range r.Processes {
		row := []string{u.Name, fmt.Sprintf("%.2f", u.Cores), fmt.Sprintf("%.2f s", u.CPU), megabytes(u.Before), megabytes(u.Begin), megabytes(u.Peak), megabytes(u.End)}
		if u.Gone {
			row[6] = "gone"
		}
		table = append(table, row)
	}
	write(&b, table)
	if len(r.Errors) > 0 {
		fmt.Fprintln(&b, "  errors:")
		for _, text := range sortedErrors(r.Errors) {
			fmt.Fprintf(&b, "  %8s  %s\n", number(float64(r.Errors[text])), text)
		}
	}
	fmt.Fprintf(&b, "  %s\n\n", r.Harness.Says)
	_, err := io.WriteString(out, b.String())
	return err
}

// sortedErrors lists the most frequent first.
func sortedErrors(errors map[string]int) []string {
	var all []string
	for text := range errors {
		all = append(all, text)
	}
	slices.SortFunc(all, func(a, b string) int {
		if n := errors[b] - errors[a]; n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	return all
}

// Columns writes a table as the summaries have theirs: the first column to the left, the others to the right, and an empty line after.
func Columns(b *strings.Builder, rows [][]string) { write(b, rows) }

// write sets rows in columns, the first to the left, the others to the right, and an empty line after.
func write(b *strings.Builder, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		b.WriteString(" ")
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0:
				b.WriteString(" " + cell + pad)
			default:
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}
