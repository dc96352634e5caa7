package measure

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// runs are three results: two of one scenario, and one with a fake upstream server that was interrupted.
func runs(t *testing.T) []*Result {
	t.Helper()
	var results []*Result
	synctest.Test(t, func(t *testing.T) {
		for i, about := range []About{
			{Scenario: "chat", Target: "prosody", Transport: "ws"},
			{Scenario: "chat", Target: "usher + prosody", Transport: "ws"},
			{Scenario: "fanin", Target: "usher", Transport: "ws", Fake: true},
		} {
			about.Sessions, about.Command = 400, []string{"bench", about.Scenario, "-password", "geheim", "-config", "a: 'b'"}
			r := bubble(about)
			random := rand.New(rand.NewPCG(1, uint64(i)))
			r.Phase("logging in")
			sessions := r.Counter("sessions")
			for range 40 {
				time.Sleep(50 * time.Millisecond)
				sessions.Add(10)
			}
			r.Phase("talking </script><b>")
			h, delivered, sent := r.Histogram("room <message>"), r.Counter("delivered"), r.Counter("sent")
			r.Histogram("never")
			r.Start()
			r.Pace(t.Context(), 500, 8*time.Second, func(n int, _ time.Time) {
				if n > 500 && n < 1000 {
					return // a gap
				}
				h.Record(time.Duration(float64(3-i) * (1 + random.ExpFloat64()) * 1e6))
				delivered.Add(2)
				sent.Add(1)
			})
			r.Error(fmt.Errorf("<script>alert(1)</script> & more"))
			result := r.Stop()
			result.Interrupted = about.Fake
			result.Processes[0].CPU, result.Processes[0].Cores = 4, 0.2
			result.judge()
			result.Add("delivered", result.Rate("delivered"), "/s", false)
			result.Add("CPU per 1,000 delivered", 30.5, "ms", true)
			results = append(results, result)
		}
	})
	return results
}

// TestReport: the page holds what the results say, escaped, and loads nothing from elsewhere.
func TestReport(t *testing.T) {
	var page bytes.Buffer
	if err := Report(&page, runs(t)); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, part := range []string{
		"<h1>chat <small>WebSocket</small></h1>", "<h1>fanin <small>", "fake upstream server: the edge's own limits", "usher (FAKE upstream)", "interrupted: results so far",
		"bench chat -password ... -config &#39;a: &#39;\\&#39;&#39;b&#39;\\&#39;&#39;&#39;", "&lt;script&gt;alert(N)&lt;/script&gt; &amp; more", "Latency: room &lt;message&gt;", "Percentiles: room",
		"Latency over time", "Throughput: delivered", "At a time: sessions", "CPU, cores", "Memory, RSS", "CPU per 1,000 delivered", "400 sessions", "the load generator took 10 % of the machine",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	for _, part := range []string{"geheim", "alert(", "talking </script>", "http:", "https:", "never", "NaN", "Inf"} {
		if strings.Contains(strings.ReplaceAll(text, "alert(N)", ""), part) {
			t.Errorf("the page has %q", part)
		}
	}
	drawings := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1)
	if len(drawings) < 14 {
		t.Errorf("%d drawings", len(drawings))
	}
	number := regexp.MustCompile(`-?\d+(\.\d+)?`)
	for _, d := range drawings {
		in := xml.NewDecoder(strings.NewReader(d))
		for {
			token, err := in.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("a drawing is not well-formed: %v\n%s", err, d)
			}
			e, ok := token.(xml.StartElement)
			if !ok || e.Name.Local != "path" {
				continue
			}
			for _, a := range e.Attr {
				if a.Name.Local != "d" {
					continue
				}
				for _, n := range number.FindAllString(a.Value, -1) {
					var v float64
					if _, err := fmt.Sscan(n, &v); err != nil || v < -0.01 || v > plotWidth {
						t.Fatalf("a curve goes to %s: %s", n, a.Value)
					}
				}
			}
		}
	}
}

// TestReportRefuses: the page gives no ratio where none is to be given, and says why.
func TestReportRefuses(t *testing.T) {
	results := pair()
	for i := range results {
		results[i].Latencies = nil
	}
	var page bytes.Buffer
	if err := Report(&page, results); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "<td>2.00x</td>") || strings.Contains(page.String(), "No ratios") {
		t.Error("no ratio where there is one")
	}
	results[1].Harness.Share = 0.5
	page.Reset()
	if err := Report(&page, results); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "2.00x") || !strings.Contains(page.String(), "No ratios: chat, usher &#43; prosody: the load generator took 50 % of the machine.") {
		t.Error("a ratio where there is none")
	}
	results[1].Latencies = []Latency{{Name: "x", Count: 3, Hdr: []byte("garbage")}}
	if err := Report(&page, results); err == nil || !strings.Contains(err.Error(), `latencies "x"`) {
		t.Errorf("a histogram that can't be read: %v", err)
	}
}

// TestReportOpens: a browser draws the page and runs its script without a complaint, and the pointer is told values.
func TestReportOpens(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("no chromium here")
	}
	var page bytes.Buffer
	if err := Report(&page, runs(t)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The pointer goes over each drawing, and the page tells what it was told.
	probe := `<script>
const told = [];
for (const svg of document.querySelectorAll('.plot svg')) {
  const box = svg.getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + box.width * 0.6, clientY: box.top + 20, bubbles: true }));
  const tip = svg.closest('.plot').querySelector('.tip');
  told.push(tip.hidden ? 'NOTHING' : tip.textContent);
}
document.body.textContent = 'TOLD ' + told.length + '|' + told.join('|') + '|WIDE ' + (document.documentElement.scrollWidth > innerWidth);
</script>`
	file := filepath.Join(dir, "report.html")
	text := strings.Replace(page.String(), "</body>", probe+"</body>", 1)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--no-first-run", "--user-data-dir="+filepath.Join(dir, "profile"), "--enable-logging=stderr", "--dump-dom", "file://"+file)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser says %s", line)
		}
	}
	drawings := strings.Count(page.String(), "<svg")
	if !strings.Contains(out.String(), fmt.Sprintf("TOLD %d|", drawings)) || strings.Contains(out.String(), "NOTHING") || !regexp.MustCompile(`usher \+ prosody p99  [34]\.\d+ s: [\d.]+ ms`).MatchString(out.String()) ||
		!strings.Contains(out.String(), "WIDE false") {
		_, told, _ := strings.Cut(out.String(), "TOLD ")
		t.Errorf("of %d drawings: %s", drawings, told)
	}
}

// TestAxes: labels are round numbers within the axis, and values lie where they belong.
func TestAxes(t *testing.T) {
	for _, c := range []struct {
		axis   axis
		values []float64
		want   []float64
	}{
		{axis{}, []float64{0, 10}, []float64{0, 2, 4, 6, 8, 10}},
		{axis{upTo: true}, []float64{3, 8676}, []float64{0, 2000, 4000, 6000, 8000, 10000}},
		{axis{upTo: true, ceiling: 2}, []float64{0, 0.3}, []float64{0, 0.5, 1, 1.5, 2}},
		{axis{}, []float64{-3, 30}, []float64{0, 10, 20, 30}},
		{axis{}, []float64{0, 0, math.NaN()}, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{axis{}, nil, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{axis{log: true}, []float64{0, 900, 12_000}, []float64{1000, 2000, 5000, 10_000}},
		{axis{log: true}, []float64{1, 1e7}, []float64{1, 10, 100, 1000, 1e4, 1e5, 1e6, 1e7}},
		{axis{log: true}, []float64{100}, []float64{50, 100, 200}},
	} {
		a := c.axis
		a.fit(c.values)
		if !slices.EqualFunc(a.ticks, c.want, func(x, y float64) bool { return math.Abs(x-y) < 1e-9*max(1, y) }) {
			t.Errorf("%v has labels %v, want %v", c.values, a.ticks, c.want)
		}
		for _, v := range append(slices.Clone(a.ticks), c.values...) {
			if at := a.at(v); !math.IsNaN(v) && (at < -1e-9 || at > 1+1e-9) {
				t.Errorf("%v: %v lies at %v", c.values, v, at)
			}
		}
		if math.Abs(a.at(a.least)) > 1e-9 || math.Abs(a.at(a.most)-1) > 1e-9 {
			t.Errorf("%v: the axis goes from %v to %v", c.values, a.at(a.least), a.at(a.most))
		}
	}
}

func TestPercent(t *testing.T) {
	for of, want := range map[float64]string{1: "p0", 2: "p50", 10: "p90", 20: "p95", 100: "p99", 189: "p99.47", 1000: "p99.9", 1e6: "p99.9999"} {
		if got := percent(of); got != want {
			t.Errorf("one of %v is slower: %s, want %s", of, got, want)
		}
	}
}
