package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"html"
	"image"
	"image/png"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"usher/workgroup"
	"usher/xmpp"
	"usher/xmpp/xmpptest"
)

// folder is an edge with files, and no server behind it.
type folder struct {
	t    *testing.T
	g    *Gateway
	base string
	dir  string
}

// newFolder starts it; more is appended to `files`.
func newFolder(t *testing.T, more string, change ...func(*Gateway)) *folder {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "files")
	s := newScript(t)
	yaml := strings.Replace(deskConfig(s.u.Addr(), "unused.db"), "    workgroups:", "    origins: [\"https://shop.example\"]\n    workgroups:", 1)
	g := startEdge(t, yaml+"files: {path: "+dir+more+"}\n", append(change, func(g *Gateway) {
		g.openArchive = func() (keeper, error) { return newLedger(), nil }
	})...)
	return &folder{t, g, "http://" + g.doors.public[0].Addr().String(), dir}
}

var slotURL = regexp.MustCompile(`^<slot xmlns='urn:xmpp:http:upload:0'><put url='([^']*)'/><get url='([^']*)'/></slot>$`)

// slot asks for one as a visitor of the shop in a chat, and returns its URL.
func (f *folder) slot(name, kind string, size int) string {
	f.t.Helper()
	e := parseStanza(f.t, fmt.Sprintf("<iq xmlns='jabber:component:accept' type='get' id='s' from='v@visitors.localhost/x' to='visitors.localhost'>"+
		"<request xmlns='urn:xmpp:http:upload:0' filename='%s' size='%d' content-type='%s'/></iq>", name, size, kind))
	payload, se := f.g.files.slot(e, []workgroup.Chat{{ID: "1", Site: "shop", Visitor: "v@visitors.localhost"}})
	if se != nil {
		f.t.Fatal(se)
	}
	m := slotURL.FindStringSubmatch(html.UnescapeString(payload))
	if m == nil || m[1] != m[2] || !strings.HasPrefix(m[1], f.base+"/files/") {
		f.t.Fatalf("slot %s", payload)
	}
	return m[1]
}

func (f *folder) do(method, url string, body io.Reader, header ...string) (*http.Response, string) {
	f.t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer, string(b)
}

// raw sends bytes over a connection of its own and reads the answer.
func (f *folder) raw(parts ...string) string {
	f.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	for _, p := range parts {
		if _, err := io.WriteString(c, p); err != nil {
			f.t.Fatal(err)
		}
	}
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: "PUT"})
	if err != nil {
		f.t.Fatal(err)
	}
	r.Body.Close()
	return r.Status
}

func (f *folder) left() (n int) {
	f.t.Helper()
	filepath.WalkDir(f.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	return n
}

func onePixel(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFileServed: what is put is got, with headers that keep a browser from doing anything else with it.
func TestFileServed(t *testing.T) {
	f := newFolder(t, ", types: ['image/*', text/plain, text/html, image/svg+xml]")
	for _, c := range []struct{ name, kind, content, served, disposition string }{
		{"photo &amp; more.png", "image/png", onePixel(t), "image/png", `inline; filename="photo & more.png"; filename*=UTF-8''photo%20%26%20more.png`},
		{"no.png", "image/png", "\x89PNG\r\n\x1a\n<script>", "image/png", `attachment; filename="no.png"; filename*=UTF-8''no.png`},
		{"Grüße.txt", "text/plain; charset=utf-8", "hello", "text/plain; charset=utf-8", `attachment; filename="Gr__e.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt`},
		{"x.html", "text/html", "<html><script>alert(1)</script>", "text/html", `attachment; filename="x.html"; filename*=UTF-8''x.html`},
		{"x.svg", "image/svg+xml", "<svg onload='alert(1)'/>", "image/svg+xml", `attachment; filename="x.svg"; filename*=UTF-8''x.svg`},
	} {
		url := f.slot(c.name, c.kind, len(c.content))
		r, _ := f.do("PUT", url, strings.NewReader(c.content), "Content-Type", c.kind, "Origin", "https://shop.example")
		if r.StatusCode != 201 || r.Header.Get("Access-Control-Allow-Origin") != "https://shop.example" {
			t.Errorf("%s: PUT %s %v", c.name, r.Status, r.Header)
		}
		r, body := f.do("GET", url, nil, "Origin", "https://anything.example")
		if r.StatusCode != 200 || body != c.content {
			t.Errorf("%s: GET %s %q", c.name, r.Status, body)
		}
		for name, want := range map[string]string{
			"Content-Type": c.served, "Content-Disposition": c.disposition, "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "Cross-Origin-Resource-Policy": "cross-origin",
			"Referrer-Policy": "no-referrer", "Cache-Control": "private, max-age=3600", "Content-Length": fmt.Sprint(len(c.content)),
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, got, want)
			}
		}
		if again, body := f.do("GET", url, nil, "If-None-Match", r.Header.Get("ETag")); again.StatusCode != 304 || body != "" {
			t.Errorf("%s: again: %s", c.name, again.Status)
		}
		if r, body := f.do("HEAD", url, nil); r.StatusCode != 200 || body != "" || r.ContentLength != int64(len(c.content)) {
			t.Errorf("%s: HEAD %s, %d", c.name, r.Status, r.ContentLength)
		}
		if r, _ := f.do("PUT", url, strings.NewReader(c.content)); r.StatusCode != 409 {
			t.Errorf("%s: a second PUT: %s", c.name, r.Status)
		}
	}
}

func TestFileRanges(t *testing.T) {
	f := newFolder(t, "")
	url := f.slot("a.txt", "text/plain", 10)
	if r, _ := f.do("PUT", url, strings.NewReader("0123456789")); r.StatusCode != 201 {
		t.Fatal(r.Status)
	}
	tag := `"` + strings.Split(url, "/")[4] + `"`
	for _, c := range []struct {
		asked, since string
		status       int
		body, range_ string
	}{
		{"bytes=2-4", "", 206, "234", "bytes 2-4/10"},
		{"bytes=7-", "", 206, "789", "bytes 7-9/10"},
		{"bytes=-2", "", 206, "89", "bytes 8-9/10"},
		{"bytes=5-99", "", 206, "56789", "bytes 5-9/10"},
		{"bytes=2-4", tag, 206, "234", "bytes 2-4/10"},
		{"bytes=2-4", `"other"`, 200, "0123456789", ""},
		{"bytes=1-2,4-5", "", 200, "0123456789", ""}, // several at once are not worth it
		{"bytes=10-", "", 416, "", "bytes */10"},
		{"lines=1-2", "", 416, "", "bytes */10"},
	} {
		header := []string{"Range", c.asked}
		if c.since != "" {
			header = append(header, "If-Range", c.since)
		}
		r, body := f.do("GET", url, nil, header...)
		if r.StatusCode != c.status || body != c.body || r.Header.Get("Content-Range") != c.range_ {
			t.Errorf("%s %s: %s %q %s", c.asked, c.since, r.Status, body, r.Header.Get("Content-Range"))
		}
	}
}

// TestUploadRefused: what doesn't keep to its slot is told so, however much of it the client wanted to send, and leaves nothing.
func TestUploadRefused(t *testing.T) {
	f := newFolder(t, ", max: 4KiB")
	slot := func() string { return f.slot("a.txt", "text/plain", 5) }
	none := func() string { return f.base + "/files/aaaaaaaaaaaaaaaaaaaaaaaaaa/a.txt" }
	large := bytes.Repeat([]byte("x"), 3<<20) // far over what the server takes of a BOSH request
	for _, c := range []struct {
		name   string
		url    func() string
		body   io.Reader
		header []string
		status int
	}{
		{"no slot", none, strings.NewReader("hello"), nil, 404},
		{"no slot, large", none, bytes.NewReader(large), nil, 413},
		{"larger than any", slot, bytes.NewReader(large), nil, 413},
		{"larger than announced", slot, strings.NewReader("hello!"), nil, 413},
		{"smaller than announced", slot, strings.NewReader("hell"), nil, 413},
		{"without a length", slot, io.MultiReader(strings.NewReader("hello")), nil, 411},
		{"another type", slot, strings.NewReader("hello"), []string{"Content-Type", "text/html"}, 415},
		{"not what it says", slot, strings.NewReader("%PDF-"), nil, 415},
		{"of a foreign page", slot, strings.NewReader("hello"), []string{"Origin", "https://evil.example"}, 403},
		{"of no page of the web", slot, strings.NewReader("hello"), []string{"Origin", "null"}, 403},
		{"of our own page", slot, strings.NewReader("hello"), []string{"Origin", f.base}, 201},
	} {
		if _, err := f.g.files.erase([]string{"v@visitors.localhost"}); err != nil { // the slots of the cases before
			t.Fatal(err)
		}
		r, _ := f.do("PUT", c.url(), c.body, c.header...)
		if r.StatusCode != c.status {
			t.Errorf("%s: %s", c.name, r.Status)
		}
		if c.status == 403 && r.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: the page may read the answer", c.name)
		}
	}
	if n := f.left(); n != 1 {
		t.Errorf("%d files are left, want one", n)
	}
}

// TestUploadPaths: there is nothing but files at addresses that were given out, and no way out of the folder.
func TestUploadPaths(t *testing.T) {
	f := newFolder(t, "")
	url := f.slot("a.txt", "text/plain", 5)
	if r, _ := f.do("PUT", url, strings.NewReader("hello")); r.StatusCode != 201 {
		t.Fatal(r.Status)
	}
	id := strings.Split(url, "/")[4]
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/files", 404}, {"GET", "/files/", 404}, {"GET", "/files/" + id, 404}, {"GET", "/files/" + id + "/", 404},
		{"GET", "/files/" + id + "/b.txt", 404}, {"GET", "/files/" + id + "/a.txt/", 404}, {"GET", "/files/" + id[:2] + "/" + id, 404},
		{"GET", "/files/partial/" + id, 404}, {"GET", "/files/../files_test.go", 404}, {"GET", "/files/%2e%2e/%2e%2e/etc/passwd", 404},
		{"GET", "/files/..%2f..%2fetc/passwd", 404}, {"GET", "/files/" + strings.ToUpper(id) + "/a.txt", 404},
		{"DELETE", "/files/" + id + "/a.txt", 405}, {"POST", "/files/" + id + "/a.txt", 405}, {"GET", "/files/" + id + "/a.txt", 200},
	} {
		got := f.raw(c.method + " " + c.path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
		if !strings.HasPrefix(got, fmt.Sprint(c.status)) {
			t.Errorf("%s %s: %s", c.method, c.path, got)
		}
	}
}

func TestUploadPreflight(t *testing.T) {
	f := newFolder(t, "")
	url := f.slot("a.txt", "text/plain", 5)
	for _, c := range []struct{ url, origin, method, allowed string }{
		{url, "https://shop.example", "PUT", "https://shop.example"},
		{url, f.base, "PUT", f.base},
		{url, "https://evil.example", "PUT", ""},
		{f.base + "/files/aaaaaaaaaaaaaaaaaaaaaaaaaa/a.txt", "https://shop.example", "PUT", ""},
		{url, "https://evil.example", "GET", "*"},
	} {
		r, _ := f.do("OPTIONS", c.url, nil, "Origin", c.origin, "Access-Control-Request-Method", c.method)
		if r.StatusCode != 204 || r.Header.Get("Access-Control-Allow-Origin") != c.allowed || r.Header.Get("Access-Control-Allow-Methods") != "GET, HEAD, PUT, OPTIONS" {
			t.Errorf("%s %s of %s: %s %v", c.method, c.url, c.origin, r.Status, r.Header)
		}
	}
}

// TestUploadSlow: who stops sending, or sends too slowly on the whole, is told so and leaves nothing; the slot is good for another try.
func TestUploadSlow(t *testing.T) {
	f := newFolder(t, "", func(g *Gateway) { g.files.idle = 50 * time.Millisecond })
	url := f.slot("a.txt", "text/plain", 5000)
	head := "PUT " + strings.TrimPrefix(url, f.base) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"
	if got := f.raw(head); got != "408 Request Timeout" {
		t.Errorf("nothing came: %s", got)
	}
	if got := f.raw(head, strings.Repeat("x", 4999)); got != "408 Request Timeout" {
		t.Errorf("one byte is missing: %s", got)
	}
	if n := f.left(); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if got := f.raw(head, strings.Repeat("x", 5000)); got != "201 Created" {
		t.Errorf("once more: %s", got)
	}
}

// TestUploadExpect: a client that asks first sends nothing in vain (RFC 9110 §10.1.1).
func TestUploadExpect(t *testing.T) {
	f := newFolder(t, "")
	url := f.slot("a.txt", "text/plain", 5)
	r, err := http.NewRequest("PUT", url, strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Expect", "100-continue")
	transport := &http.Transport{ExpectContinueTimeout: patience} // it sends only when it is told to
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil || answer.StatusCode != 201 {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	if _, body := f.do("GET", url, nil); body != "hello" {
		t.Errorf("got %q", body)
	}
	r.Body, r.URL.Path = io.NopCloser(iotestUnread{t}), "/files/aaaaaaaaaaaaaaaaaaaaaaaaaa/a.txt"
	answer, err = transport.RoundTrip(r)
	if err != nil || answer.StatusCode != 404 {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
}

// iotestUnread is a body that nobody may read.
type iotestUnread struct{ t *testing.T }

func (u iotestUnread) Read([]byte) (int, error) {
	u.t.Error("the body was sent, though it is not wanted")
	return 0, io.EOF
}

// TestUploadEnds: an edge that ends doesn't wait for who is sending.
func TestUploadEnds(t *testing.T) {
	f := newFolder(t, "")
	url := f.slot("a.txt", "text/plain", 5)
	c, err := net.Dial("tcp", strings.TrimPrefix(f.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "PUT %s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", strings.TrimPrefix(url, f.base))
	eventually(t, "the upload is there", func() bool {
		f.g.files.mu.Lock()
		defer f.g.files.mu.Unlock()
		return len(f.g.files.uploads) == 1
	})
	f.g.files.close()
	if b, _ := io.ReadAll(c); len(b) > 0 {
		t.Errorf("answered %s", b)
	}
	if n := f.left(); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// TestUploadBOSH: a BOSH request that is too large is still refused as such, whatever it says of its path's length.
func TestUploadBOSH(t *testing.T) {
	f := newFolder(t, "")
	r, body := f.do("POST", f.base+"/http-bind", bytes.NewReader(make([]byte, 3<<20)), headerLength, "0")
	if r.StatusCode != 413 || !strings.Contains(body, "terminate") {
		t.Errorf("%s %s", r.Status, body)
	}
}

func TestSlotErrors(t *testing.T) {
	f := newFolder(t, ", max: 4KiB, per_visitor: 5KiB")
	chat := []workgroup.Chat{{ID: "1", Site: "shop", Visitor: "v@visitors.localhost"}}
	ask := func(attributes string, chats []workgroup.Chat) string {
		e := parseStanza(t, "<iq xmlns='jabber:component:accept' type='get' id='s' from='v@visitors.localhost/x' to='visitors.localhost'><request xmlns='urn:xmpp:http:upload:0' "+attributes+"/></iq>")
		_, se := f.g.files.slot(e, chats)
		if se == nil {
			return ""
		}
		return se.Type + " " + se.Condition + " " + se.App
	}
	for _, c := range []struct{ attributes, want string }{
		{"filename='a.txt' size='4096'", ""},
		{"filename='a.txt' size='4097'", "modify not-acceptable <file-too-large xmlns='urn:xmpp:http:upload:0'><max-file-size>4096</max-file-size></file-too-large>"},
		{"filename='a.txt' size='99999999999999999999'", "modify bad-request "},
		{"filename='a.txt' size='0'", "modify bad-request "},
		{"filename='a.txt' size='-1'", "modify bad-request "},
		{"filename='a.txt'", "modify bad-request "},
		{"size='1'", "modify bad-request "},
		{"filename='a.exe' size='1'", "modify not-acceptable "},
		{"filename='a.txt' size='1' content-type='video/mp4'", "modify not-acceptable "},
		{"filename='a.txt' size='1025'", "wait resource-constraint "}, // the first slot counts
	} {
		if got := ask(c.attributes, chat); got != c.want {
			t.Errorf("%s: %s, want %s", c.attributes, got, c.want)
		}
	}
	if got := ask("filename='a.txt' size='1'", nil); got != "auth forbidden " {
		t.Errorf("outside of a chat: %s", got)
	}
	for range 7 {
		ask("filename='a.txt' size='1'", chat)
	}
	if got := ask("filename='a.txt' size='1'", chat); !regexp.MustCompile(`^wait resource-constraint <retry xmlns='urn:xmpp:http:upload:0' stamp='\d{4}-[^']*Z'/>$`).MatchString(got) {
		t.Errorf("many slots: %s", got)
	}
}

// TestFilesInChat: who talks gets slots, visitor and agent, and nobody else; both files go when the visitor is erased.
func TestFilesInChat(t *testing.T) { firewallServers(t, filesInChat) }

func filesInChat(t *testing.T, server *xmpptest.Server) {
	home := t.TempDir()
	dir := filepath.Join(home, "files")
	yaml := strings.Replace(deskConfig(server.ComponentAddr(), filepath.Join(home, "usher.db")), "alice@localhost]", "alice@"+foreignDomain+"]", 1) +
		"files: {path: " + dir + "}\nadmin_token: t0ken\n"
	g := startEdge(t, yaml)
	alice := newAgent(t, server, "alice", shopDesk)
	v, eve := newGuest(t, g, testComponent), newGuest(t, g, testComponent)
	const request = "<request xmlns='urn:xmpp:http:upload:0' filename='a.txt' size='5'/></iq>"
	asks := func(v *guest, id string) {
		v.sendf("<iq xmlns='jabber:client' type='get' id='%s' to='%s'>"+request, id, testComponent)
	}
	v.sendf("<iq xmlns='jabber:client' type='get' id='d' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", testComponent)
	v.expect("iq", "id='d'", "<feature var='urn:xmpp:http:upload:0'/>", "<field var='max-file-size'><value>10485760</value>")
	asks(v, "early")
	v.expect("iq", "id='early'", "type='error'", "<forbidden ")
	room, _ := v.meet(alice)
	asks(v, "f")
	urlOf := func(answer string) string {
		t.Helper()
		m := regexp.MustCompile(`<get url='([^']*)'`).FindStringSubmatch(strings.ReplaceAll(answer, `"`, "'"))
		if m == nil {
			t.Fatalf("no slot in %s", answer)
		}
		return m[1]
	}
	mine := urlOf(v.expect("iq", "id='f'", "type='result'"))
	asks(eve, "f")
	eve.expect("iq", "id='f'", "type='error'", "<forbidden ")
	alice.send("<iq type='get' id='f' from='" + alice.jid + "' to='" + testComponent + "'>" + request)
	hers := urlOf(alice.until("<iq", "id='f'", "type='result'"))
	alice.send("<iq type='get' id='g' from='mallory@" + foreignDomain + "/x' to='" + testComponent + "'>" + request)
	alice.until("<iq", "id='g'", "type='error'", "<forbidden ")
	f := &folder{t: t, g: g, dir: dir}
	for _, url := range []string{mine, hers} {
		if r, _ := f.do("PUT", url, strings.NewReader("hello")); r.StatusCode != 201 {
			t.Fatalf("PUT %s: %s", url, r.Status)
		}
	}
	v.say(room, "m", mine)
	alice.until("<message", "type='groupchat'", mine)
	visitor := bareOf(v.jid)
	api := "http://" + g.doors.inner[0].Addr().String() + "/api/archive/visitors/"
	if r, body := f.do("DELETE", api+"nobody@example.com", nil, "Authorization", "Bearer t0ken"); r.StatusCode != 404 || f.left() != 2 {
		t.Errorf("somebody else: %s %s, %d files", r.Status, body, f.left())
	}
	r, body := f.do("DELETE", api+visitor, nil, "Authorization", "Bearer t0ken")
	if r.StatusCode != 200 || !strings.HasPrefix(body, `{"conversations":1,`) || f.left() != 0 {
		t.Errorf("erased: %s %s, %d files are left", r.Status, body, f.left())
	}
	for _, url := range []string{mine, hers} {
		if r, _ := f.do("GET", url, nil); r.StatusCode != 404 {
			t.Errorf("GET %s after that: %s", url, r.Status)
		}
	}

	// The same by the command line, beside the running server.
	w := newGuest(t, g, testComponent)
	alice.send("<presence type='unavailable' from='" + alice.jid + "' to='" + room + "'/>")
	v.sendf("<iq xmlns='jabber:client' type='set' id='bye' to='%s'><depart-queue xmlns='http://jabber.org/protocol/workgroup'/></iq>", shopDesk)
	v.expect("iq", "id='bye'")
	w.meet(alice)
	asks(w, "f")
	url := urlOf(w.expect("iq", "id='f'", "type='result'"))
	if r, _ := f.do("PUT", url, strings.NewReader("hello")); r.StatusCode != 201 {
		t.Fatal(r.Status)
	}
	path := filepath.Join(home, "usher.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	eventually(t, "he is erased", func() bool { // it says so if the server just writes, and may be called again
		out.Reset()
		return ArchiveCommand(context.Background(), []string{"-config", path, "erase", "-visitor", bareOf(w.jid), "-yes"}, nil, &out, &errs) == 0
	})
	if r, _ := f.do("GET", url, nil); r.StatusCode != 404 || f.left() != 0 {
		t.Errorf("after the command: %s, %d files; it said %s%s", r.Status, f.left(), &out, &errs)
	}
}

// parseStanza reads a stanza as it comes over a component link.
func parseStanza(t *testing.T, text string) *xmpp.Element {
	t.Helper()
	s := xmpp.NewScanner(xmpp.Limits{})
	s.ResetInside(xmpp.Limits{}, "stream:stream", xmpp.NSComponent, xmpp.NSStream)
	if _, tok, err := s.Next([]byte(text)); err != nil || tok != xmpp.Stanza {
		t.Fatalf("%s: %v", text, err)
	}
	return s.Element()
}
