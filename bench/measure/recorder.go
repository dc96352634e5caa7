package measure

import (
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How often a run is looked at, and how many looks it keeps: when there are more, each two become one.
const (
	every      = 250 * time.Millisecond
	maxSamples = 600
)

// maxErrors is how many kinds of errors are told apart; the others are counted together.
const maxErrors = 100

// counter has a cache line of its own.
type counter struct {
	atomic.Int64
	_     [56]byte
	name  string
	gauge bool
	last  int64
}

// Recorder gathers one run. All methods but Start and Stop may be called by any goroutine. Whoever made one calls Stop in the end, whatever happens: it
// ends the goroutine that looks at the processes.
type Recorder struct {
	about Result
	late  *Histogram
	line  *line
	nap   func(time.Duration) // sleeps to the microsecond, see Pace

	mu       sync.Mutex
	counters []*counter
	hists    []*Histogram
	procs    []*watched
	errors   map[string]int
	failed   int
	marks    []mark
	began    time.Time // New
	start    time.Time // Start; zero before
	last     time.Time // the last look
	machine  machine   // at the last look
	base     machine   // at Start
	before   []Sample  // At counts from began here, and Start makes it count from itself
	after    []Sample
	stride   int     // looks in a sample
	open     *Sample // the looks of the one that is not complete, and how many
	looks    int
	recent   []Sample // the last second, for the progress line
	result   *Result

	ticks *time.Ticker
	quit  chan struct{}
	done  chan struct{}
}

type mark struct {
	at   time.Time
	name string
}

// New makes a recorder that looks at the processes and at this one four times a second, and shows on progress (nil = nothing), if that is a terminal, one line that changes
// (sessions, rates, errors, p99); else a line every ten seconds. A process that has the name of the load generator ("bench", "bench ...") counts
// as part of it.
func New(about About, processes []Process, progress io.Writer) *Recorder {
	if about.Command == nil {
		about.Command = ownCommand(os.Args)
	}
	about.Command = secretless(about.Command)
	r := &Recorder{
		about: Result{About: about, Machine: thisMachine(), Commit: commit()}, late: newHistogram("late"), line: newLine(progress), nap: nap,
		errors: map[string]int{}, began: time.Now(), stride: 1, ticks: time.NewTicker(every), quit: make(chan struct{}), done: make(chan struct{}),
	}
	own := slices.ContainsFunc(processes, func(p Process) bool { return p.Pid == os.Getpid() })
	if !own {
		processes = append(slices.Clone(processes), Process{"bench", os.Getpid()})
	}
	for _, p := range processes {
		w := &watched{Process: p}
		w.read(true)
		w.before, w.begin, w.base, w.last = w.rss, w.rss, w.used(), w.used()
		r.procs = append(r.procs, w)
	}
	r.last = r.began
	r.machine.look(time.Now())
	r.base = r.machine
	// It ends with Stop.
	go r.watch()
	return r
}

// Counter returns a count by its name, e.g. "delivered", whose rate is shown and plotted. Names that the views know: sessions
// (a gauge), sent, delivered, lost, doubled, reordered.
func (r *Recorder) Counter(name string) *atomic.Int64 { return r.counter(name, name == "sessions") }

// Gauge returns a count that goes up and down, e.g. "held": it is shown as it is, and Start does not set it to zero.
func (r *Recorder) Gauge(name string) *atomic.Int64 { return r.counter(name, true) }

func (r *Recorder) counter(name string, gauge bool) *atomic.Int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.counters {
		if c.name == name {
			return &c.Int64
		}
	}
	c := &counter{name: name, gauge: gauge}
	r.counters = append(r.counters, c)
	return &c.Int64
}

// Histogram returns one by its name, e.g. "room message". Percentiles over time are shown of the first that is asked for.
func (r *Recorder) Histogram(name string) *Histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.hists {
		if h.name == name {
			return h
		}
	}
	h := newHistogram(name)
	r.hists = append(r.hists, h)
	return h
}

// Late records how late this process did something that was due at a time (open loops): the harness's own failing, which says whether it was the
// limit. Pace does it.
func (r *Recorder) Late(d time.Duration) { r.late.Record(d) }

// Error counts an error by its text, without what differs from one to the next; nil is none. Errors count from New on.
func (r *Recorder) Error(err error) {
	if err == nil {
		return
	}
	text := kind(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	if _, known := r.errors[text]; !known && len(r.errors) >= maxErrors {
		text = "others"
	}
	r.errors[text]++
}

// What differs from one error to the next: addresses, then long words with digits in them (identifiers), then numbers. A number of three digits
// stays: it may be an HTTP status.
var (
	anAddress = regexp.MustCompile(`(\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]+\]):\d+`)
	anID      = regexp.MustCompile(`\b[\w-]*\d[\w-]{15,}\b|\b[\w-]{15,}\d[\w-]*\b`)
	aNumber   = regexp.MustCompile(`\b(\d{1,2}|\d{4,})\b`)
)

func kind(err error) string {
	text := anAddress.ReplaceAllString(err.Error(), "ADDRESS")
	text = anID.ReplaceAllString(text, "ID")
	text = aNumber.ReplaceAllString(text, "N")
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "..."
	}
	return text
}

// Phase says what begins now: "logging in", "talking". What happened before Start is not in latencies and CPU.
func (r *Recorder) Phase(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.marks) < maxSamples {
		r.marks = append(r.marks, mark{time.Now(), name})
	}
	r.line.phase(name)
}

// Process says that another process has a name now: the server was restarted. What the one before has used still counts. A
// name that is new is looked at from now on.
func (r *Recorder) Process(name string, pid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.procs {
		if w.Name == name {
			w.read(false) // a last look, if it is still there
			w.past, w.now, w.Pid = w.used(), 0, pid
			return
		}
	}
	w := &watched{Process: Process{name, pid}}
	w.read(true)
	w.before, w.begin, w.base, w.last = w.rss, w.rss, w.used(), w.used()
	r.procs = append(r.procs, w)
}

// Start begins the measured time: histograms and counters other than gauges begin anew, and so does everybody's CPU time.
func (r *Recorder) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look(time.Now(), true)
	r.close()
	r.start = time.Now()
	r.last = r.start
	r.ticks.Reset(every) // client processes that start together look at the same times
	for i := range r.before {
		r.before[i].At -= r.start.Sub(r.began).Seconds()
	}
	for _, c := range r.counters {
		if !c.gauge {
			c.Store(0)
			c.last = 0
		}
	}
	for _, h := range r.hists {
		h.reset()
	}
	r.late.reset()
	for _, w := range r.procs {
		w.base, w.last, w.begin = w.used(), w.used(), w.rss
	}
	r.base = r.machine
	r.recent = nil
}

// Elapsed is how long ago Start was; 0 before it.
func (r *Recorder) Elapsed() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start.IsZero() {
		return 0
	}
	return time.Since(r.start)
}

// Last is what the last looks before now saw, which together go back for d at least, if Start was so long ago.
func (r *Recorder) Last(d time.Duration) Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	var s Sample
	if r.open != nil {
		s = *r.open
	}
	for i := len(r.after) - 1; i >= 0 && s.Seconds < d.Seconds(); i-- {
		if s.Seconds == 0 {
			s = r.after[i]
		} else {
			s = joined(r.after[i], s)
		}
	}
	return s
}

// watch looks, until Stop.
func (r *Recorder) watch() {
	defer close(r.done)
	for {
		select {
		case <-r.quit:
			return
		case <-r.ticks.C: // which may have waited: the machine is busy
			r.mu.Lock()
			now := time.Now()
			r.look(now, false)
			r.show(now)
			r.mu.Unlock()
		}
	}
}

// look takes one look, exactly or not, with the lock held.
func (r *Recorder) look(now time.Time, exact bool) {
	took := now.Sub(r.last).Seconds()
	if took <= 0 {
		return
	}
	zero := r.start
	if zero.IsZero() {
		zero = r.began
	}
	s := Sample{At: now.Sub(zero).Seconds(), Seconds: took, Counters: map[string]float64{}, Cores: map[string]float64{}, RSS: map[string]int64{}}
	for _, c := range r.counters {
		n := c.Load()
		if s.Counters[c.name] = float64(n); !c.gauge {
			s.Counters[c.name] = float64(n-c.last) / took
		}
		c.last = n
	}
	for i, h := range r.hists {
		if b := h.taken(); i == 0 {
			s.Buckets = b
		}
	}
	s.percentiles()
	before := r.machine
	r.machine.look(now)
	busy, _ := r.machine.since(before)
	others := busy.Seconds()
	for _, w := range r.procs {
		w.read(exact)
		used := (w.used() - w.last).Seconds()
		w.last = w.used()
		others -= used
		s.Cores[w.Name] = used / took
		s.RSS[w.Name] = w.rss
	}
	s.Cores[Others] = max(others, 0) / took
	r.last = now
	r.recent = append(r.recent, s)
	if len(r.recent) > int(time.Second/every) {
		r.recent = r.recent[1:]
	}
	if r.open != nil {
		s = joined(*r.open, s)
	}
	r.open, r.looks = &s, r.looks+1
	if r.looks >= r.stride {
		r.close()
	}
}

// Others is the name that what the rest of the machine uses stands under.
const Others = "others"

// close keeps the sample that is gathered, and halves their number when there are too many.
func (r *Recorder) close() {
	if r.open == nil {
		return
	}
	samples := &r.before
	if !r.start.IsZero() {
		samples = &r.after
	}
	// What is shorter than half a sample, at Start and Stop, is too little to show rates, and would not merge with those of other processes.
	if last := len(*samples) - 1; last >= 0 && r.open.Seconds < float64(r.stride)*every.Seconds()/2 {
		(*samples)[last] = joined((*samples)[last], *r.open)
	} else {
		*samples = append(*samples, *r.open)
	}
	r.open, r.looks = nil, 0
	if len(r.before)+len(r.after) > maxSamples {
		r.before, r.after = halved(r.before), halved(r.after)
		r.stride *= 2
	}
}

// show renews the progress line.
func (r *Recorder) show(now time.Time) {
	if len(r.recent) == 0 {
		return
	}
	s := r.recent[0]
	for _, next := range r.recent[1:] {
		s = joined(s, next)
	}
	since, phase := r.began, ""
	if n := len(r.marks); n > 0 {
		since, phase = r.marks[n-1].at, r.marks[n-1].name
	}
	r.line.show(now, status{phase: phase, since: now.Sub(since), sample: s, names: r.counterNames(), gauges: r.gauges(), failed: r.failed})
}

func (r *Recorder) counterNames() []string {
	var names []string
	for _, c := range r.counters {
		names = append(names, c.name)
	}
	return names
}

func (r *Recorder) gauges() []string {
	var names []string
	for _, c := range r.counters {
		if c.gauge {
			names = append(names, c.name)
		}
	}
	return names
}

// Stop ends the measured time, the sampling and the progress line, and returns the result. Without a Start everything since New counts. A second
// call returns the same result.
func (r *Recorder) Stop() *Result {
	r.mu.Lock()
	if r.result != nil {
		defer r.mu.Unlock()
		return r.result
	}
	now := time.Now()
	r.look(now, true)
	defer func() {
		r.mu.Unlock()
		<-r.done
	}()
	r.ticks.Stop()
	close(r.quit)
	r.line.end()
	r.close()
	if r.start.IsZero() {
		r.start, r.after, r.before = r.began, r.before, nil
	}
	result := r.about
	result.Began, result.Seconds = r.start, now.Sub(r.start).Seconds()
	result.Figures, result.Counters, result.Gauges = []Figure{}, map[string]int64{}, r.gauges()
	for _, c := range r.counters {
		result.Counters[c.name] = c.Load()
	}
	result.Latencies = []Latency{}
	for _, h := range r.hists {
		result.Latencies = append(result.Latencies, h.latency())
	}
	busy, stolen := r.machine.since(r.base)
	result.Harness.Stolen = stolen.Seconds() / max(result.Seconds, 1e-9)
	others := busy.Seconds()
	for _, w := range r.procs {
		u := w.usage(result.Seconds)
		others -= u.CPU
		result.Processes = append(result.Processes, u)
	}
	others = max(others, 0)
	result.Processes = append(result.Processes, Usage{Process: Process{Name: Others}, CPU: others, Cores: others / max(result.Seconds, 1e-9)})
	for _, m := range r.marks {
		result.Phases = append(result.Phases, Mark{m.at.Sub(r.start).Seconds(), m.name})
	}
	result.Series = append(r.before, r.after...)
	result.Errors = maps.Clone(r.errors)
	result.Harness.Late = r.late.p99()
	result.judge()
	r.result = &result
	return r.result
}

// ownCommand is how this process was called, by hand rather than by `go run`'s temporary path.
func ownCommand(args []string) []string {
	args = slices.Clone(args)
	if len(args) > 0 && strings.Contains(args[0], "go-build") {
		return append([]string{"go", "run", "./" + filepath.Base(args[0])}, args[1:]...)
	}
	return args
}

// secretless leaves passwords out of a command.
func secretless(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		name, _, joined := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !strings.HasPrefix(a, "-") || !strings.Contains(name, "password") && !strings.Contains(name, "secret") {
			continue
		}
		if joined {
			args[i] = a[:strings.IndexByte(a, '=')] + "=..."
		} else if i+1 < len(args) {
			args[i+1] = "..."
		}
	}
	return args
}

// commit is what the program was built from, "+" if the tree had changes; "" if that is not known.
func commit() string {
	var revision, changed string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = "+"
			}
		}
	}
	if revision == "" { // `go run` and `go test` leave it out
		out, err := exec.Command("git", "rev-parse", "HEAD").Output()
		if err != nil {
			return ""
		}
		revision = strings.TrimSpace(string(out))
		if out, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err == nil && len(out) > 0 {
			changed = "+"
		}
	}
	return revision[:min(len(revision), 12)] + changed
}
