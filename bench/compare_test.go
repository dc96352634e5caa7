package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/bench/measure"
)

// A line has the medians, a ratio where one may be given, and says which goals are met.
func TestLines(t *testing.T) {
	result := func(value, edge, share float64) *measure.Result {
		r := &measure.Result{}
		r.Add("whole", value, "ms", true)
		if edge > 0 {
			r.Add("edge", edge, "ms", true)
		}
		r.Harness.Share = share
		return r
	}
	of := func(values ...float64) (all []*measure.Result) {
		for _, v := range values {
			all = append(all, result(v, v/4, 0.1))
		}
		return all
	}
	lower := row{name: "r", unit: "ms", lower: true, whole: figureOf("whole"), edge: figureOf("edge"),
		ratio: map[string]float64{"prosody": 0.5, "ejabberd": 0.6}, limit: 20}
	higher := row{name: "r", unit: "/s", whole: figureOf("whole"), limit: 20, ratio: map[string]float64{"ejabberd": 2}}
	scaled := row{name: "r", unit: "ms", lower: true, whole: figureOf("whole"), edge: figureOf("edge"), limit: 20, peer: map[string]float64{"prosody": 100}}
	rate := row{name: "r", unit: "/s", whole: figureOf("whole"), limit: 20, peer: map[string]float64{"prosody": 5}}
	tail := row{name: "r", unit: "ms", lower: true, whole: figureOf("whole"), bare: true}
	for name, test := range map[string]struct {
		w      row
		server string
		r      runs
		says   string
	}{
		"lower is met":           {lower, "prosody", runs{own: of(100), usher: of(50)}, "100 ms 50 ms 12.5 ms 0.50x <= 0.5x: met; edge <= 20 ms: met"},
		"the ratio is missed":    {lower, "prosody", runs{own: of(90), usher: of(50)}, "90 ms 50 ms 12.5 ms 0.56x <= 0.5x: missed; edge <= 20 ms: met"},
		"each server has its":    {lower, "ejabberd", runs{own: of(90), usher: of(50)}, "90 ms 50 ms 12.5 ms 0.56x <= 0.6x: met; edge <= 20 ms: met"},
		"the edge misses":        {lower, "ejabberd", runs{own: of(900), usher: of(100)}, "900 ms 100 ms 25 ms 0.11x <= 0.6x: met; edge <= 20 ms: missed"},
		"medians":                {lower, "prosody", runs{own: of(100, 150, 1), usher: of(1, 60, 40, 1000)}, "100 ms 50 ms 12.5 ms 0.40x <= 0.5x: met; edge <= 20 ms: met"},
		"higher is met":          {higher, "ejabberd", runs{own: of(10), usher: of(20)}, "10/s 20/s 2.00x >= 2x: met; >= 20/s: met"},
		"higher is missed":       {higher, "ejabberd", runs{own: of(10), usher: of(19)}, "10/s 19/s 1.90x >= 2x: missed; >= 20/s: missed"},
		"no goal of the ratio":   {higher, "prosody", runs{own: of(10), usher: of(15)}, "10/s 15/s 1.50x >= 20/s: missed"},
		"a step failed":          {lower, "prosody", runs{usher: of(40)}, "40 ms 10 ms <= 0.5x; edge <= 20 ms: met"},
		"a machine half as fast": {scaled, "prosody", runs{own: of(200), usher: of(140)}, "200 ms 140 ms 35 ms 0.70x edge <= 20 ms: missed; edge <= 0.2x: met"},
		"too much on any":        {scaled, "prosody", runs{own: of(200), usher: of(180)}, "200 ms 180 ms 45 ms 0.90x edge <= 20 ms: missed; edge <= 0.2x: missed"},
		"a rate as well":         {rate, "prosody", runs{own: of(2), usher: of(9)}, "2/s 9/s 4.50x >= 20/s: missed; >= 4x: met"},
		"the other server":       {rate, "ejabberd", runs{own: of(2), usher: of(9)}, "2/s 9/s 4.50x >= 20/s: missed"},
		"ratios of neighbours":   {lower, "prosody", runs{own: of(100, 200, 400), usher: of(40, 80, 480)}, "200 ms 80 ms 20 ms 0.40x <= 0.5x: met; edge <= 20 ms: met"},
		"one of them failed":     {lower, "prosody", runs{own: append(of(100), nil, of(400)[0]), usher: of(80, 80, 160)}, "250 ms 80 ms 20 ms 0.60x <= 0.5x: missed; edge <= 20 ms: met"},
		"nothing":                {tail, "prosody", runs{}, "bare link + 10 % or 1 ms"},
		"a millisecond more":     {tail, "prosody", runs{own: of(9), usher: of(3), bare: of(2)}, "9 ms 3 ms 2 ms 0.33x bare link + 10 % or 1 ms: met"},
		"more than that":         {tail, "prosody", runs{own: of(9), usher: of(3.5), bare: of(2)}, "9 ms 3.50 ms 2 ms 0.39x bare link + 10 % or 1 ms: missed"},
		"a tenth more":           {tail, "prosody", runs{own: of(90), usher: of(44), bare: of(40)}, "90 ms 44 ms 40 ms 0.49x bare link + 10 % or 1 ms: met"},
		"more than a tenth":      {tail, "prosody", runs{own: of(90), usher: of(45), bare: of(40)}, "90 ms 45 ms 40 ms 0.50x bare link + 10 % or 1 ms: missed"},
		"the harness took much":  {lower, "prosody", runs{own: of(100), usher: []*measure.Result{result(50, 10, 0.41)}}, "100 ms 50 ms 10 ms refused <= 0.5x; edge <= 20 ms: met ratio refused: , : the load generator took 41 % of the machine"},
	} {
		var b strings.Builder
		side{Server: "S", Lines: []line{test.w.compare(test.server, test.r)}}.print(&b)
		_, got, _ := strings.Cut(b.String(), "\n  r ")
		if got := strings.Join(strings.Fields(got), " "); got != test.says {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, test.says)
		}
	}
}

// Every row is of a step that is done, and has what the scenarios give.
func TestRows(t *testing.T) {
	for _, quick := range []bool{true, false} {
		s := newSteps(quick)
		list := s.list()
		for _, w := range s.rows() {
			if !strings.Contains(w.name, w.step.over()) {
				t.Errorf("%s is measured by %s", w.name, w.step.line)
			}
		}
		for _, one := range list {
			if strings.Contains(one.line, "-rate") != one.bare {
				t.Errorf("%s: the tail is compared with a bare link, and nothing else is", one.line)
			}
		}
	}
}

// -steps leaves the others out.
func TestSteps(t *testing.T) {
	for choice, want := range map[string]string{
		"":                  "idle WebSocket; idle BOSH; visitors in rooms; churn; chat WebSocket; chat BOSH; chat at a rate; polls",
		"polls":             "polls",
		"chat":              "chat WebSocket; chat BOSH; chat at a rate",
		"idle BOSH":         "idle BOSH",
		"chat,":             "no step",
		"churn, chat at":    "churn; chat at a rate",
		"churn,nothing":     "no step",
		"visitors in rooms": "visitors in rooms",
	} {
		c := &comparison{steps: newSteps(true), choice: choice}
		var done []string
		if err := c.choose(); err != nil {
			done = []string{"no step"}
		} else {
			for _, one := range c.steps.list() {
				if one.times > 0 {
					done = append(done, one.name)
				}
			}
		}
		if got := strings.Join(done, "; "); got != want {
			t.Errorf("%q: got %s", choice, got)
		}
	}
}

// over is a word of what a step's rows are called.
func (one *task) over() string {
	switch {
	case strings.Contains(one.line, "-rate"):
		return "1,000"
	case strings.HasPrefix(one.line, "poll"), strings.Contains(one.line, "bosh"):
		return "BOSH"
	}
	return "WebSocket"
}

// TestCompare is the whole comparison in small, with Prosody: every figure is there, in the table, as JSON and on the page.
func TestCompare(t *testing.T) {
	bin, err := usher()
	if err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	c := &comparison{bin: bin, json: true, out: &out, screen: &said, progress: io.Discard, began: time.Now(), report: filepath.Join(t.TempDir(), "r.html"), steps: &steps{
		idleWS:   task{name: "idle WebSocket", line: "idle -transport ws -n 20 -rest 0s -every 5ms -gone 0", times: 1},
		idleBOSH: task{name: "idle BOSH", line: "idle -transport bosh -n 20 -rest 0s -every 5ms -gone 0", times: 1},
		rooms:    task{name: "visitors in rooms", line: "idle -join -transport ws -n 20 -rest 0s -every 5ms -gone 0", times: 1},
		churn:    task{name: "churn", line: "churn -transport ws -n 10 -c 2 -for 300ms", times: 1},
		chatWS:   task{name: "chat WebSocket", line: "chat -transport ws -n 4 -for 300ms", times: 1},
		chatBOSH: task{name: "chat BOSH", line: "chat -transport bosh -n 4 -for 300ms", times: 1},
		tail:     task{name: "chat at a rate", line: "chat -transport ws -n 4 -rate 100 -for 300ms", times: 2, bare: true},
		polls:    task{name: "polls", line: "poll -n 10 -wait 1 -for 1500ms", times: 1},
	}}
	if err := c.run(t.Context(), []string{"prosody"}); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	var all sheet
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Failed) > 0 || all.Interrupted || len(all.Servers) != 1 || c.done != c.number {
		t.Fatalf("%d of %d runs; %+v\n%s", c.done, c.number, all, said.String())
	}
	for i, w := range c.steps.rows() {
		l := all.Servers[0].Lines[i]
		if l.Name != w.name || l.Own == nil || l.Usher == nil || (l.Edge != nil) != (w.edge != nil) || (l.Bare != nil) != w.step.bare {
			t.Errorf("%s: something is missing: %+v", w.name, l)
		}
		if l.Unit != "" && (l.Own == nil || *l.Own == 0 || math.IsNaN(*l.Own)) && l.Unit != "kB" && l.Unit != "ms" { // so little is measured here that it may be none
			t.Errorf("%s: nothing was measured: %+v", w.name, l)
		}
	}
	page, err := os.ReadFile(c.report)
	if err != nil || !bytes.Contains(page, []byte("chat at a rate, prosody")) || !bytes.Contains(page, []byte("bare link of prosody")) {
		t.Errorf("the page has %d bytes, %v", len(page), err)
	}
	var table bytes.Buffer
	if err := all.print(&table); err != nil || strings.Count(table.String(), "\n") < len(c.steps.rows()) {
		t.Errorf("%v\n%s", err, table.String())
	}
}
