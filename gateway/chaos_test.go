package gateway

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"usher/xmpp/xmpptest"
)

// browser is a visitor on a real WebSocket connection.
type browser struct {
	t    testing.TB
	c    *websocket.Conn
	jid  string
	wmu  sync.Mutex
	seen func(e string) // called by the reader for every element once logged in; set before listen
	done chan error     // the reader's end
}

func dialBrowser(t testing.TB, address, domain string) *browser {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"xmpp"}, HandshakeTimeout: patience, ReadBufferSize: 1024, WriteBufferSize: 1024}
	c, _, err := d.Dial("ws://"+address+"/xmpp-websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	return loginBrowser(t, c, domain)
}

// loginBrowser takes a connection from the upgrade to a bound stream.
func loginBrowser(t testing.TB, c *websocket.Conn, domain string) *browser {
	t.Helper()
	b := &browser{t: t, c: c, done: make(chan error, 1)}
	open := "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='" + domain + "' version='1.0'/>"
	b.ask(open, "<features", "<stream:features")
	b.ask("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>", "<success")
	b.ask(open, "<features", "<stream:features")
	answer := b.ask("<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "<iq")
	m := regexp.MustCompile("<jid>(.*)</jid>").FindStringSubmatch(answer)
	if m == nil {
		t.Fatalf("no address in %s", answer)
	}
	b.jid = m[1]
	return b
}

// ask sends and reads up to an answer with one of these beginnings; only before listen.
func (b *browser) ask(xml string, begins ...string) string {
	b.t.Helper()
	b.send(xml)
	for {
		e, err := b.read()
		if err != nil {
			b.t.Fatalf("after %s: %v", xml, err)
		}
		for _, begin := range begins {
			if strings.HasPrefix(e, begin) {
				return e
			}
		}
	}
}

func (b *browser) read() (string, error) {
	_, data, err := b.c.ReadMessage()
	return strings.ReplaceAll(string(data), `"`, "'"), err
}

func (b *browser) send(xml string) {
	b.wmu.Lock()
	defer b.wmu.Unlock()
	if err := b.c.WriteMessage(websocket.TextMessage, []byte(xml)); err != nil {
		b.t.Errorf("%s: %v", b.jid, err)
	}
}

// listen reads until the connection ends.
func (b *browser) listen() {
	go func() { // ends with the connection
		for {
			e, err := b.read()
			if err != nil {
				b.done <- err
				return
			}
			b.seen(e)
		}
	}()
}

func attr(e, name string) string {
	_, v, ok := strings.Cut(e, " "+name+"='")
	if !ok {
		return ""
	}
	v, _, _ = strings.Cut(v, "'")
	return v
}

// journal is what both sides of every conversation wrote down.
type journal struct {
	mu       sync.Mutex
	sent     map[string]string // message id -> sender
	copies   map[string]int    // that came back to the sender
	arrived  map[string]int    // at the other
	reported map[string]int    // as an error, to the sender
	order    []string          // violations of order
}

func newJournal() *journal {
	return &journal{sent: map[string]string{}, copies: map[string]int{}, arrived: map[string]int{}, reported: map[string]int{}}
}

// verdict lists what was neither delivered once nor reported to its sender, and
// what came twice.
func (j *journal) verdict() (faults []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, from := range j.sent {
		switch n := j.arrived[id]; {
		case n > 1:
			faults = append(faults, fmt.Sprintf("%s of %s came %d times", id, from, n))
		case n == 0 && j.reported[id] == 0:
			faults = append(faults, fmt.Sprintf("%s of %s is lost without a word (%d copies at its sender)", id, from, j.copies[id]))
		case j.copies[id] > 1:
			faults = append(faults, fmt.Sprintf("%s came back to %s %d times", id, from, j.copies[id]))
		}
	}
	return append(faults, j.order...)
}

// settled tells whether every message has had its end.
func (j *journal) settled() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id := range j.sent {
		if j.reported[id] == 0 && (j.copies[id] == 0 || j.arrived[id] == 0) {
			return false
		}
	}
	return true
}

// ends counts what has come.
func (j *journal) ends() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.copies) + len(j.arrived) + len(j.reported)
}

// talker is one of two in a room who talk all the time: a new message whenever
// fewer than two of his are without an end.
type talker struct {
	*browser
	j        *journal
	room     string
	nick     string
	start    chan struct{} // closed by the test
	stop     chan struct{} // closed by the test
	in       chan struct{} // closed when he is in the room
	unlocked chan struct{} // closed when the room that he made is open to the other
	open     chan struct{} // one token a message without an end
	up       chan struct{} // a token each time the link is back
	once     sync.Once
	last     map[string]int // per sender: the last number
	outs     int            // unavailable presences of himself
}

func (k *talker) hear(e string) {
	switch {
	case strings.HasPrefix(e, "<iq") && attr(e, "id") == "cfg":
		close(k.unlocked)
	case strings.HasPrefix(e, "<presence") && attr(e, "from") == k.room+"/"+k.nick:
		if strings.Contains(e, "'110'") && attr(e, "type") == "" {
			k.once.Do(func() { close(k.in) })
		} else if attr(e, "type") == "unavailable" {
			k.j.mu.Lock()
			k.outs++
			k.j.mu.Unlock()
		}
	case strings.HasPrefix(e, "<message") && strings.Contains(e, "state='up'"):
		select {
		case k.up <- struct{}{}:
		default:
		}
	case strings.HasPrefix(e, "<message") && strings.Contains(e, "<body") || attr(e, "type") == "error" && strings.HasPrefix(e, "<message"):
		k.note(attr(e, "id"), attr(e, "from"), attr(e, "type") == "error")
	}
}

// enter joins the room; the first one makes it.
func (k *talker) enter(first bool) {
	k.seen = k.hear
	k.listen()
	k.send(fmt.Sprintf("<presence xmlns='jabber:client' to='%s/%s'><x xmlns='http://jabber.org/protocol/muc'/></presence>", k.room, k.nick))
	waitFor(k.t, k.in, "joined")
	if first {
		k.send(fmt.Sprintf("<iq xmlns='jabber:client' type='set' id='cfg' to='%s'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>", k.room))
		waitFor(k.t, k.unlocked, "room unlocked")
	}
}

func (k *talker) note(id, from string, failed bool) {
	k.j.mu.Lock()
	defer k.j.mu.Unlock()
	own := k.j.sent[id] == k.nick
	ended := own && k.j.copies[id]+k.j.reported[id] == 0
	switch {
	case failed:
		k.j.reported[id]++
	case own:
		k.j.copies[id]++
	default:
		k.j.arrived[id]++
		var n int
		fmt.Sscanf(id[strings.LastIndexByte(id, '-')+1:], "%d", &n)
		if k.j.arrived[id] == 1 {
			if n < k.last[from] {
				k.j.order = append(k.j.order, fmt.Sprintf("%s came to %s after number %d", id, k.nick, k.last[from]))
			}
			k.last[from] = n
		}
	}
	if ended {
		<-k.open
	}
}

func (k *talker) talk(wg *sync.WaitGroup) {
	defer wg.Done()
	<-k.start
	pace := time.NewTicker(2 * time.Second) // the load, nothing waits for it
	defer pace.Stop()
	for n := 1; ; n++ {
		select {
		case <-k.stop:
			return
		case <-pace.C:
		}
		select {
		case <-k.stop:
			return
		case k.open <- struct{}{}:
		}
		id := fmt.Sprintf("%s-%d", k.nick, n)
		k.j.mu.Lock()
		k.j.sent[id] = k.nick
		k.j.mu.Unlock()
		k.send(fmt.Sprintf("<message xmlns='jabber:client' type='groupchat' to='%s' id='%s'><body>%s says %d</body></message>", k.room, id, k.nick, n))
	}
}

// chaosVisitors is how many talk while the server is killed.
const chaosVisitors = 1000

func TestServerKilledUnderTalk(t *testing.T) {
	server := xmpptest.RunProsody(t, xmpptest.ServerOptions{
		Components: []xmpptest.Component{{Domain: testComponent, Secret: "s3cret"}, {Domain: "v2.localhost", Secret: "s3cret"}},
		Extra:      "gc = { mode = \"incremental\", threshold = 1000, speed = 500 }", // its default spends most of the time on collecting
	})
	serverKilledUnderTalk(t, server, chaosVisitors)
}

func serverKilledUnderTalk(t *testing.T, server *xmpptest.Server, visitors int) {
	port, err := xmpptest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	yaml := strings.Replace(edgeConfig(server.ComponentAddr(), "    create_rooms: true\n"), "listen: 127.0.0.1:0", "listen: "+address, 1)
	yaml = strings.Replace(yaml, "  rooms:", "    - {domain: v2.localhost, secret: s3cret}\n  rooms:", 1)
	g := startEdge(t, yaml)
	goroutines, descriptors := runtime.NumGoroutine(), openFiles(t)

	j := newJournal()
	start, stop := make(chan struct{}), make(chan struct{})
	talkers := make([]*talker, visitors)
	var wg sync.WaitGroup
	newTalker := func(i int) *talker {
		return &talker{browser: dialBrowser(t, address, testComponent), j: j, room: fmt.Sprintf("room%d@conference.localhost", i/2),
			nick: fmt.Sprintf("n%d", i), start: start, stop: stop, in: make(chan struct{}), unlocked: make(chan struct{}),
			open: make(chan struct{}, 2), up: make(chan struct{}, 1), last: map[string]int{}}
	}
	const atATime = 8
	var entering sync.WaitGroup
	for n := range atATime {
		entering.Add(1)
		go func() { // ends when its share of the rooms is full
			defer entering.Done()
			for room := n; room < visitors/2; room += atATime {
				talkers[2*room], talkers[2*room+1] = newTalker(2*room), newTalker(2*room+1)
				talkers[2*room].enter(true)
				talkers[2*room+1].enter(false)
			}
		}()
	}
	entering.Wait()
	for _, k := range talkers {
		if k == nil {
			t.FailNow()
		}
		wg.Add(1)
		go k.talk(&wg) // ends with stop
	}
	close(start)
	count := func(m func() int) func() bool {
		before := m()
		return func() bool { return m() >= before+visitors }
	}
	arrivals := func() int { j.mu.Lock(); defer j.mu.Unlock(); return len(j.arrived) }
	eventually(t, "everybody talks", count(arrivals))

	killed := time.Now()
	server.Kill()
	eventually(t, "the edge has noticed", func() bool { return g.links()[0].State != "up" && g.links()[1].State != "up" })
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for _, k := range talkers {
		waitFor(t, k.up, "link back")
	}
	t.Logf("all are back after %v", time.Since(killed).Round(time.Millisecond))
	eventually(t, "everybody talks again", count(arrivals))
	close(stop)
	wg.Wait()
	// A loaded machine may take long: it is given up only when nothing comes any more.
	for last := -1; !within(j.settled); {
		if n := j.ends(); n == last {
			t.Error("not every message has had its end")
			break
		} else {
			last = n
		}
	}

	t.Logf("all is said after %v", time.Since(killed).Round(time.Millisecond))
	for _, fault := range j.verdict() {
		t.Error(fault)
	}
	j.mu.Lock()
	t.Logf("%d messages: %d arrived, %d reported to their sender", len(j.sent), len(j.arrived), len(j.reported))
	for _, k := range talkers {
		if k.outs > 0 {
			t.Errorf("%s was put out of his room", k.nick)
		}
	}
	// The same check must see a loss.
	for id := range j.arrived {
		if j.reported[id] == 0 {
			delete(j.arrived, id)
			break
		}
	}
	j.mu.Unlock()
	if faults := j.verdict(); len(faults) != 1 {
		t.Errorf("a deliberate loss gave %d faults, want 1: the check is blind", len(faults))
	}

	for _, k := range talkers {
		select {
		case err := <-k.done:
			t.Errorf("the connection of %s dropped: %v", k.nick, err)
		default:
		}
		k.c.Close()
		<-k.done
	}
	eventually(t, "goroutines and descriptors are back", func() bool {
		return runtime.NumGoroutine() <= goroutines+2 && openFiles(t) <= descriptors+2
	})
}

func waitFor(t testing.TB, c chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(4 * patience):
		t.Fatalf("waited in vain: %s", what)
	}
}

func openFiles(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
