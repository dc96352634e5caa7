package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a real browser, driven by web.js. Its people have a context each: nothing of one's is another's.
type browser struct {
	kind   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr tail

	mu      sync.Mutex
	last    int
	pending map[int]chan answer
	ended   chan struct{} // closed with the driver
}

// answer is what web.js says to a call.
type answer struct {
	Event  string
	N      int
	Result json.RawMessage
	Error  string
	Text   string // of an event `error`
}

// program is where Debian has the browser; e2e/firefox.js says why it stands before Firefox.
var browserPrograms = map[string]string{"chromium": "chromium", "firefox": "./firefox.js"}

// startBrowser starts one for the time of the test.
func startBrowser(t *testing.T, kind string) *browser {
	t.Helper()
	program, err := exec.LookPath(browserPrograms[kind])
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{kind: kind, cmd: exec.Command("node", "web.js", kind, program), pending: map[int]chan answer{}, ended: make(chan struct{})}
	b.cmd.Stderr = &b.stderr
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the driver, which ends when its input does
		defer close(b.ended)
		b.read(out)
		b.cmd.Wait()
	}()
	t.Cleanup(func() {
		b.in.Close()
		<-b.ended
		if t.Failed() {
			t.Logf("%s said:\n%s", kind, b.stderr.String())
		}
	})
	return b
}

func (b *browser) read(out io.Reader) {
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			a = answer{Event: "error", Text: "bad line: " + string(line)}
		}
		if a.Event == "error" {
			b.stderr.Write([]byte(a.Text + "\n"))
		}
		b.mu.Lock()
		to := b.pending[a.N]
		delete(b.pending, a.N)
		b.mu.Unlock()
		if to != nil {
			to <- a
		}
	}
}

// try asks the driver for something and waits until it is done.
func (b *browser) try(op string, args map[string]any) (json.RawMessage, string) {
	reply := make(chan answer, 1)
	b.mu.Lock()
	b.last++
	n := b.last
	b.pending[n] = reply
	b.mu.Unlock()
	line := map[string]any{"do": "call", "op": op}
	for k, v := range args {
		line[k] = v
	}
	line["n"] = n
	text, err := json.Marshal(line)
	if err != nil {
		return nil, err.Error()
	}
	b.mu.Lock() // a line at a time
	_, err = b.in.Write(append(text, '\n'))
	b.mu.Unlock()
	if err != nil {
		return nil, err.Error()
	}
	select {
	case a := <-reply:
		return a.Result, a.Error
	case <-b.ended:
		return nil, "the browser's driver ended: " + b.stderr.String()
	case <-time.After(2 * patience): // the driver has its own, shorter patience
		return nil, op + " takes too long"
	}
}

// person is somebody before a browser of his own.
type person struct {
	t    *testing.T
	b    *browser
	name string // unique in the browser
}

// person gives somebody a fresh browser: a context with nothing stored. More are Playwright's options of a context, and roots: "closed"
// leaves the pages' closed shadow roots closed.
func (b *browser) person(t *testing.T, name string, more ...map[string]any) *person {
	t.Helper()
	p := &person{t: t, b: b, name: name + "-" + random()}
	args := map[string]any{"name": p.name}
	for _, m := range more {
		for k, v := range m {
			args[k] = v
		}
	}
	p.call("context", args)
	t.Cleanup(func() { b.try("leave", map[string]any{"context": p.name}) })
	return p
}

func (p *person) call(op string, args map[string]any) json.RawMessage {
	p.t.Helper()
	result, failure := p.b.try(op, args)
	if failure != "" {
		p.t.Fatalf("%s in %s: %s", p.name, p.b.kind, failure)
	}
	return result
}

// page is one tab.
type page struct {
	*person
	id string
}

// opens opens an address in a new tab.
func (p *person) opens(url string) *page {
	p.t.Helper()
	pg := &page{person: p, id: p.name + "/" + random()}
	p.t.Cleanup(func() { // before the context is left
		if p.t.Failed() {
			pg.snapshot()
		}
	})
	p.call("open", map[string]any{"context": p.name, "page": pg.id, "url": url})
	return pg
}

// snapshot keeps what the page shows when its test has failed.
func (pg *page) snapshot() {
	file := pictureFile(pg.t, "failed-"+strings.NewReplacer("/", "-", " ", "-").Replace(pg.t.Name()+"-"+pg.name))
	if _, failure := pg.b.try("picture", map[string]any{"page": pg.id, "path": file}); failure == "" {
		pg.t.Logf("%s saw: %s", pg.name, file)
	}
	if said, failure := pg.b.try("complaints", map[string]any{"page": pg.id}); failure == "" {
		pg.t.Logf("%s's page said: %s", pg.name, said)
	}
}

// at is a way to a place on a page: each step within what the one before found.
type at []step

type step struct {
	Role  string `json:"role,omitempty"`
	Name  string `json:"name,omitempty"` // accessible name: a part of it, or /a pattern/
	Label string `json:"label,omitempty"`
	Text  string `json:"text,omitempty"`
	CSS   string `json:"css,omitempty"`
	Exact bool   `json:"exact,omitempty"`
	Has   string `json:"has,omitempty"` // text in it
	Nth   *int   `json:"nth,omitempty"`
}

func role(role, name string) at    { return at{{Role: role, Name: name}} }
func button(name string) at        { return role("button", name) }
func link(name string) at          { return role("link", name) }
func text(text string) at          { return at{{Text: text}} }
func css(selector string) at       { return at{{CSS: selector}} }
func (a at) in(outer at) at        { return append(outer[:len(outer):len(outer)], a...) }
func (a at) having(text string) at { return a.last(func(s *step) { s.Has = text }) }
func (a at) exactly() at           { return a.last(func(s *step) { s.Exact = true }) }
func (a at) nth(n int) at          { return a.last(func(s *step) { s.Nth = &n }) }

func (a at) first() at { return a.nth(0) }

func (a at) last(change func(*step)) at {
	a = append(at{}, a...)
	change(&a[len(a)-1])
	return a
}

// do is a call about this page; more may be nil.
func (pg *page) do(op string, where at, more map[string]any) json.RawMessage {
	pg.t.Helper()
	args := map[string]any{"page": pg.id}
	if where != nil {
		args["at"] = where
	}
	for k, v := range more {
		args[k] = v
	}
	return pg.call(op, args)
}

func (pg *page) click(where at) { pg.t.Helper(); pg.do("click", where, nil) }
func (pg *page) fill(where at, text string) {
	pg.t.Helper()
	pg.do("fill", where, map[string]any{"text": text})
}
func (pg *page) types(where at, text string) {
	pg.t.Helper()
	pg.do("type", where, map[string]any{"text": text})
}
func (pg *page) press(where at, key string) {
	pg.t.Helper()
	pg.do("press", where, map[string]any{"key": key})
}
func (pg *page) sees(where at) { pg.t.Helper(); pg.do("wait", where, nil) }
func (pg *page) missing(where at) {
	pg.t.Helper()
	pg.do("wait", where, map[string]any{"state": "hidden"})
}
func (pg *page) reload()         { pg.t.Helper(); pg.do("reload", nil, nil) }
func (pg *page) goes(url string) { pg.t.Helper(); pg.do("goto", nil, map[string]any{"url": url}) }
func (pg *page) close()          { pg.t.Helper(); pg.do("close", nil, nil) }

// count is how many there are now, hidden ones too.
func (pg *page) count(where at) int {
	pg.t.Helper()
	return result[int](pg, pg.do("count", where, nil))
}

// texts are the rendered texts of all that there are now.
func (pg *page) texts(where at) []string {
	pg.t.Helper()
	return result[[]string](pg, pg.do("texts", where, nil))
}

func result[T any](pg *page, raw json.RawMessage) (v T) {
	pg.t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		pg.t.Fatalf("%v: %s", err, raw)
	}
	return v
}

// evaluate calls a JavaScript function in the page.
func evaluate[T any](pg *page, function string, arg any) T {
	pg.t.Helper()
	return result[T](pg, pg.do("evaluate", nil, map[string]any{"code": function, "arg": arg}))
}

// until waits until a JavaScript function in the page returns something true.
func (pg *page) until(function string, arg any) {
	pg.t.Helper()
	pg.do("until", nil, map[string]any{"code": function, "arg": arg})
}

// accessible asserts that axe-core has nothing to say against the page in this state.
func (pg *page) accessible(state string) {
	pg.t.Helper()
	for _, violation := range result[[]string](pg, pg.do("axe", nil, nil)) {
		pg.t.Errorf("axe-core, %s: %s", state, violation)
	}
}

// complaints are what the browser and the policies of the page have reported so far.
func (pg *page) complaints() []string {
	pg.t.Helper()
	return result[[]string](pg, pg.do("complaints", nil, nil))
}
