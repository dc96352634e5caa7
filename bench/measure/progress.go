package measure

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// quietly is how far apart lines are where there is no terminal.
const quietly = 10 * time.Second

// line is the progress line: one that changes on a terminal, else a new one now and then. Its owner's lock guards it.
type line struct {
	out  io.Writer // nil = nobody looks
	tty  *os.File  // the same, if it is a terminal
	open bool      // the terminal's line is not ended
	last time.Time
}

func newLine(out io.Writer) *line {
	l := &line{out: out, last: time.Now()}
	if f, ok := out.(*os.File); ok {
		if _, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			l.tty = f
		}
	}
	return l
}

// status is what a progress line shows.
type status struct {
	phase  string
	since  time.Duration // the phase began
	sample Sample
	names  []string // of counters, in order
	gauges []string
	failed int
}

func (s status) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d:%02d", s.phase, int(s.since.Minutes()), int(s.since.Seconds())%60)
	for _, name := range s.names {
		v := s.sample.Counters[name]
		if slices.Contains(s.gauges, name) {
			fmt.Fprintf(&b, "  %s %s", name, number(v))
		} else if v != 0 {
			fmt.Fprintf(&b, "  %s %s/s", name, number(v))
		}
	}
	if s.sample.P99 > 0 {
		fmt.Fprintf(&b, "  p99 %s", Duration(s.sample.P99))
	}
	fmt.Fprintf(&b, "  errors %d", s.failed)
	var busiest []string
	for name := range s.sample.Cores {
		busiest = append(busiest, name)
	}
	slices.Sort(busiest)
	b.WriteString("  cores:")
	for _, name := range busiest {
		fmt.Fprintf(&b, " %s %.2f", name, s.sample.Cores[name])
	}
	return strings.TrimSpace(b.String())
}

// show writes the line, if it is time. Errors of the terminal are nobody's concern.
func (l *line) show(now time.Time, s status) {
	switch {
	case l.out == nil:
	case l.tty != nil:
		width := 80
		if size, err := unix.IoctlGetWinsize(int(l.tty.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			width = int(size.Col)
		}
		text := []rune(s.String())
		text = text[:min(len(text), width-1)]
		fmt.Fprintf(l.out, "\r%s\x1b[K", string(text))
		l.open = true
	case now.Sub(l.last) >= quietly:
		l.last = now
		fmt.Fprintln(l.out, s.String())
	}
}

// phase says what begins.
func (l *line) phase(name string) {
	if l.out == nil {
		return
	}
	l.end()
	if l.tty == nil {
		fmt.Fprintln(l.out, name)
		l.last = time.Now()
	}
}

// end ends the terminal's line, so that what follows has its own.
func (l *line) end() {
	if l.open {
		fmt.Fprintln(l.out)
		l.open = false
	}
}
