package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"usher/archive"
)

// Three conversations, the third of a second site.
var (
	chatNoon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	chatOne  = archive.Conversation{
		ID: "01JD0000000000000000000001", Number: 17, Site: "shop", Workgroup: "support", State: "closed", Reason: "agent",
		Visitor:  archive.Person{JID: "v1@visitors.localhost", Name: "Maria", Email: "maria@example.com", Sub: "customer-1", Verified: true, Page: "/pricing"},
		Question: "How much <is> a dog?", Asked: chatNoon, Accepted: chatNoon.Add(20 * time.Second), Closed: chatNoon.Add(5 * time.Minute),
		Agents: []string{"alice@localhost"}, Rating: 5, RatingText: "quick",
	}
	chatTwo = archive.Conversation{
		ID: "01JD0000000000000000000002", Number: 18, Site: "shop", Workgroup: "support", State: "queued",
		Visitor: archive.Person{JID: "v2@visitors.localhost"}, Asked: chatNoon.Add(24 * time.Hour),
	}
	chatThree = archive.Conversation{
		ID: "01JD0000000000000000000003", Number: 1, Site: "blog", Workgroup: "sales", State: "closed", Reason: "timeout",
		Visitor: archive.Person{JID: "v3@visitors.localhost", Name: "Evil\x1b[2J\nName"}, Asked: chatNoon.Add(48 * time.Hour), Closed: chatNoon.Add(49 * time.Hour),
	}
	chatEvents = []archive.Event{
		{Conversation: chatOne.ID, Seq: 1, Time: chatNoon.Add(21 * time.Second), Kind: "join", From: "alice@localhost", Nick: "Alice", Role: "agent"},
		{Conversation: chatOne.ID, Seq: 2, Time: chatNoon.Add(22*time.Second + 5*time.Millisecond), Kind: "message", From: "v1@visitors.localhost",
			Nick: "Maria #17", Role: "visitor", Body: "Hello,\nhow much?", StanzaID: "s1"},
		{Conversation: chatOne.ID, Seq: 3, Time: chatNoon.Add(23 * time.Second), Kind: "note", From: "alice@localhost", Nick: "Alice", Role: "agent", Body: "rich"},
		{Conversation: chatTwo.ID, Seq: 1, Time: chatNoon.Add(24 * time.Hour), Kind: "message", From: "v2@visitors.localhost", Nick: "Visitor 18", Body: "parcel"},
	}
)

const chatOneJSON = `{"id":"01JD0000000000000000000001","number":17,"site":"shop","workgroup":"support","state":"closed",` +
	`"visitor":{"jid":"v1@visitors.localhost","name":"Maria","email":"maria@example.com","verified":true,"sub":"customer-1","page":"/pricing"},` +
	`"question":"How much <is> a dog?","asked":"2026-11-22T12:00:00.000Z","accepted":"2026-11-22T12:00:20.000Z","closed":"2026-11-22T12:05:00.000Z",` +
	`"reason":"agent","agents":["alice@localhost"],"rating":{"value":5,"text":"quick"}`

const chatOneEvents = `,"events":[` +
	`{"seq":1,"time":"2026-11-22T12:00:21.000Z","kind":"join","from":"alice@localhost","nick":"Alice","role":"agent","body":"","stanza_id":""},` +
	`{"seq":2,"time":"2026-11-22T12:00:22.005Z","kind":"message","from":"v1@visitors.localhost","nick":"Maria #17","role":"visitor","body":"Hello,\nhow much?","stanza_id":"s1"},` +
	`{"seq":3,"time":"2026-11-22T12:00:23.000Z","kind":"note","from":"alice@localhost","nick":"Alice","role":"agent","body":"rich","stanza_id":""}]`

const chatTwoJSON = `{"id":"01JD0000000000000000000002","number":18,"site":"shop","workgroup":"support","state":"queued",` +
	`"visitor":{"jid":"v2@visitors.localhost","name":"","email":"","verified":false,"sub":"","page":""},` +
	`"question":"","asked":"2026-11-23T12:00:00.000Z","accepted":null,"closed":null,"reason":"","agents":[],"rating":{"value":0,"text":""}`

// Nothing was said in it.
const chatThreeJSON = `{"id":"01JD0000000000000000000003","number":1,"site":"blog","workgroup":"sales","state":"closed",` +
	`"visitor":{"jid":"v3@visitors.localhost","name":"Evil\u001b[2J\nName","email":"","verified":false,"sub":"","page":""},` +
	`"question":"","asked":"2026-11-24T12:00:00.000Z","accepted":null,"closed":"2026-11-24T13:00:00.000Z","reason":"timeout","agents":[],` +
	`"rating":{"value":0,"text":""},"events":[]}`

const chatOneText = `Conversation #17 01JD0000000000000000000001
Workgroup: shop/support
State:     closed (agent)
Visitor:   Maria <maria@example.com> (verified) customer-1 v1@visitors.localhost
Page:      /pricing
Asked:     2026-11-22 12:00:00 UTC
Accepted:  2026-11-22 12:00:20 UTC
Closed:    2026-11-22 12:05:00 UTC
Agents:    alice@localhost
Question:  How much <is> a dog?
Rating:    5 of 5 quick

2026-11-22 12:00:21  * Alice has come in
2026-11-22 12:00:22  Maria #17: Hello,
                     how much?
2026-11-22 12:00:23  * note by Alice: rich
`

// openChats opens an archive with these conversations, which stays open while the test runs, as a server's does.
func openChats(t *testing.T) *archive.Archive {
	t.Helper()
	a, err := archive.Open(filepath.Join(t.TempDir(), "usher.db"), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if err := a.Write(archive.Batch{Conversations: []archive.Conversation{chatOne, chatTwo, chatThree}, Events: chatEvents}); err != nil {
		t.Fatal(err)
	}
	return a
}

// call makes a request to an admin listener with this archive.
func call(a *archive.Archive, log *slog.Logger, method, path string, header ...string) *httptest.ResponseRecorder {
	cfg := &Config{AdminToken: Secret{"t0ken"}}
	srv := newAdmin(cfg, prometheus.NewRegistry(), func() ReadyReport { return ReadyReport{} }, func() *archive.Archive { return a },
		eraser{func(string) { log.Info("the desk is told") }, func([]string) (int, error) { return 0, nil }}, log)
	r := httptest.NewRequest(method, "http://localhost:9091"+path, nil)
	r.Header.Set("Authorization", "Bearer t0ken")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	srv.Handler.ServeHTTP(w, r)
	return w
}

func TestArchiveAPI(t *testing.T) {
	a := openChats(t)
	list := func(all ...string) string {
		return `{"conversations":[` + strings.Join(all, ",") + `],"next":""}` + "\n"
	}
	one, two := chatOneJSON+"}", chatTwoJSON+"}"
	const many = "/api/archive?site=shop&workgroup=support&visitor=customer-1&agent=alice@localhost&q=dog&from=2026-11-22&to=2026-11-22&state=closed&limit=50&after=01JE"
	tests := []struct {
		name, path string
		status     int
		kind, body string
	}{
		{"all of a site", "/api/archive?site=shop", 200, "application/json", list(two, one)},
		{"nothing", "/api/archive?site=none", 200, "application/json", list()},
		{"one page", "/api/archive?site=shop&limit=1", 200, "application/json", `{"conversations":[` + two + `],"next":"` + chatTwo.ID + `"}` + "\n"},
		{"the next", "/api/archive?site=shop&limit=1&after=" + chatTwo.ID, 200, "application/json", list(one)},
		{"each parameter", many, 200, "application/json", list(one)},
		{"to includes the day", "/api/archive?site=shop&to=2026-11-22", 200, "application/json", list(one)},
		{"to excludes the time", "/api/archive?site=shop&to=2026-11-22T12:00:00Z", 200, "application/json", list()},
		{"words", "/api/archive?q=PARCEL", 200, "application/json", list(two)},
		{"one", "/api/archive/" + chatOne.ID, 200, "application/json", chatOneJSON + chatOneEvents + "}\n"},
		{"one in JSON", "/api/archive/" + chatOne.ID + "?format=json", 200, "application/json", chatOneJSON + chatOneEvents + "}\n"},
		{"one as text", "/api/archive/" + chatOne.ID + "?format=text", 200, "text/plain; charset=utf-8", chatOneText},
		{"none", "/api/archive/01JD", 404, "text/plain; charset=utf-8", "not in the archive\n"},
		{"export", "/api/archive/export?site=shop&agent=alice@localhost", 200, "application/json", "[\n" + chatOneJSON + chatOneEvents + "}\n]\n"},
		{"export of nothing", "/api/archive/export?site=none", 200, "application/json", "[]\n"},
		{"export as text", "/api/archive/export?q=dog&format=text", 200, "text/plain; charset=utf-8", chatOneText},
		{"export of nothing as text", "/api/archive/export?site=none&format=text", 200, "text/plain; charset=utf-8", ""},
		{"a wrong format", "/api/archive/export?format=xml", 400, "text/plain; charset=utf-8", "format: must be json or text\n"},
		{"a wrong format of one", "/api/archive/" + chatOne.ID + "?format=xml", 400, "text/plain; charset=utf-8", "format: must be json or text\n"},
		{"a wrong limit", "/api/archive?limit=0", 400, "text/plain; charset=utf-8", "limit: must be from 1 to 1000\n"},
		{"a wrong time", "/api/archive?from=yesterday", 400, "text/plain; charset=utf-8",
			"from: \"yesterday\" is neither a date (2026-11-22) nor a time (2026-11-22T12:00:00Z)\n"},
		{"a misspelt parameter", "/api/archive?vistor=x", 400, "text/plain; charset=utf-8", "no parameter \"vistor\"\n"},
		{"a parameter twice", "/api/archive?site=x&site=y", 400, "text/plain; charset=utf-8", "parameter site is there twice\n"},
		{"too many words", "/api/archive?q=" + strings.Repeat("a+", 40), 400, "text/plain; charset=utf-8", "archive: the filter can't be used: more than 32 words\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := call(a, discard(), "GET", tt.path)
			if w.Code != tt.status || w.Header().Get("Content-Type") != tt.kind || w.Body.String() != tt.body {
				t.Errorf("got %d %s %s\nwant %d %s %s", w.Code, w.Header().Get("Content-Type"), w.Body, tt.status, tt.kind, tt.body)
			}
		})
	}
	var all []archive.Document
	if w := call(a, discard(), "GET", "/api/archive/export"); json.Unmarshal(w.Body.Bytes(), &all) != nil || len(all) != 3 || all[1].Events[0].Body != "parcel" {
		t.Errorf("the export of all: %s", w.Body)
	}
	if w := call(nil, discard(), "GET", "/api/archive"); w.Code != 404 || !strings.Contains(w.Body.String(), "no workgroups") {
		t.Errorf("without an archive: %d %s", w.Code, w.Body)
	}
	if w := call(a, discard(), "GET", "/api/archive", "Authorization", "Bearer x"); w.Code != 401 || strings.Contains(w.Body.String(), "Maria") {
		t.Errorf("with a wrong token: %d %s", w.Code, w.Body)
	}
}

// failingWriter takes so many bytes.
type failingWriter struct {
	*httptest.ResponseRecorder
	left int
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("gone")
	}
	return w.ResponseRecorder.Write(p)
}

func (w *failingWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// An export that can't be finished must not look like one that is.
func TestArchiveAPIExportBroken(t *testing.T) {
	a := openChats(t)
	srv := newAdmin(&Config{AdminToken: Secret{"t0ken"}}, prometheus.NewRegistry(), nil, func() *archive.Archive { return a }, eraser{func(string) {}, func([]string) (int, error) { return 0, nil }}, discard())
	r := httptest.NewRequest("GET", "http://localhost/api/archive/export", nil)
	r.SetBasicAuth("", "t0ken")
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("ended with %v", p)
		}
	}()
	srv.Handler.ServeHTTP(&failingWriter{httptest.NewRecorder(), 100}, r)
}

func TestArchiveAPIErase(t *testing.T) {
	tests := []struct {
		name, visitor string
		header        []string
		status        int
		body, log     string
		left          int
	}{
		{"JID", "v1@visitors.localhost", nil, 200, `{"conversations":1,"messages":1}` + "\n", "visitor erased", 2},
		{"full JID", "v1@visitors.localhost/web", nil, 200, `{"conversations":1,"messages":1}` + "\n", "visitor erased", 2},
		{"sub", "customer-1", nil, 200, `{"conversations":1,"messages":1}` + "\n", "visitor erased", 2},
		{"mail address, escaped", "maria%40example.com", nil, 200, `{"conversations":1,"messages":1}` + "\n", "visitor erased", 2},
		{"nobody", "customer-2", nil, 404, `{"conversations":0,"messages":0}` + "\n", "admin: change", 3},
		{"no name", "", nil, 404, `{"conversations":0,"messages":0}` + "\n", "admin: change", 3},
		{"from a page of its own", "customer-1", []string{"Origin", "http://localhost:9091", "Sec-Fetch-Site", "same-origin"}, 200,
			`{"conversations":1,"messages":1}` + "\n", "visitor erased", 2},
		{"by the address bar", "customer-1", []string{"Sec-Fetch-Site", "none"}, 200, `{"conversations":1,"messages":1}` + "\n", "visitor erased", 2},
		{"from another port", "customer-1", []string{"Origin", "http://localhost:8080"}, 403, "changes from other sites' pages are refused\n", "foreign page", 3},
		{"from another site", "customer-1", []string{"Origin", "https://evil.example"}, 403, "changes from other sites' pages are refused\n", "foreign page", 3},
		{"from nowhere", "customer-1", []string{"Origin", "null"}, 403, "changes from other sites' pages are refused\n", "foreign page", 3},
		{"cross-site", "customer-1", []string{"Sec-Fetch-Site", "cross-site"}, 403, "changes from other sites' pages are refused\n", "foreign page", 3},
		{"same-site", "customer-1", []string{"Sec-Fetch-Site", "same-site"}, 403, "changes from other sites' pages are refused\n", "foreign page", 3},
		{"a wrong token", "customer-1", []string{"Authorization", "Bearer x"}, 401, "wrong or no token\n", "wrong token", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := openChats(t)
			var log bytes.Buffer
			w := call(a, slog.New(slog.NewTextHandler(&log, nil)), "DELETE", "/api/archive/visitors/"+tt.visitor, tt.header...)
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if s := log.String(); !strings.Contains(s, tt.log) || !strings.Contains(s, "remote=192.0.2.1:1234") {
				t.Errorf("log %s", s)
			}
			if told := strings.Contains(log.String(), "the desk is told"); told != (tt.status == 200 || tt.status == 404) {
				t.Errorf("the desk is told: %v", told)
			}
			if tt.status == 200 && strings.Contains(log.String(), "customer-1") {
				t.Errorf("the log keeps whom it erased: %s", &log)
			}
			if left, _, err := a.Query(context.Background(), archive.Filter{}); err != nil || len(left) != tt.left {
				t.Errorf("%d conversations are left, %v", len(left), err)
			}
		})
	}
}

// command runs `usher archive` on the archive's file, beside it.
func command(t *testing.T, a *archive.Archive, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	config := filepath.Join(filepath.Dir(a.Path()), "usher.yaml")
	if err := os.WriteFile(config, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	status = ArchiveCommand(context.Background(), append([]string{"-config", config}, args...), strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

func TestArchiveCommand(t *testing.T) {
	const head = "ID                          NO  ASKED             WORKGROUP     STATE             VISITOR                AGENTS           QUESTION\n"
	const (
		rowOne   = "01JD0000000000000000000001  17  2026-11-22 12:00  shop/support  closed (agent)    Maria                  alice@localhost  How much <is> a dog?\n"
		rowTwo   = "01JD0000000000000000000002  18  2026-11-23 12:00  shop/support  queued            v2@visitors.localhost  -                -\n"
		rowThree = "01JD0000000000000000000003  1   2026-11-24 12:00  blog/sales    closed (timeout)  Evil\uFFFD[2J\uFFFDName          -                -\n"
	)
	const headOne = "ID                          NO  ASKED             WORKGROUP     STATE           VISITOR  AGENTS           QUESTION\n"
	const onlyOne = "01JD0000000000000000000001  17  2026-11-22 12:00  shop/support  closed (agent)  Maria    alice@localhost  How much <is> a dog?\n"
	full := chatOneJSON + chatOneEvents + "}"
	tests := []struct {
		args   string
		status int
		stdout string
		stderr string // is in it
	}{
		{"list", 0, head + rowThree + rowTwo + rowOne, ""},
		{"list -site shop -agent alice@localhost", 0, headOne + onlyOne, ""},
		{"list -workgroup support -visitor customer-1 -from 2026-11-22 -to 2026-11-22 -limit 5", 0, headOne + onlyOne, ""},
		{"list -visitor maria@example.com -json", 0, `{"conversations":[` + chatOneJSON + `}],"next":""}` + "\n", ""},
		{"list -site shop -limit 1 -json", 0, `{"conversations":[` + chatTwoJSON + `}],"next":"` + chatTwo.ID + `"}` + "\n", ""},
		{"list -to 2026-11-22 -limit 1", 0, headOne + onlyOne, ""},
		{"search dog how", 0, headOne + onlyOne, ""},
		{"search -site shop -json DOG", 0, `{"conversations":[` + chatOneJSON + `}],"next":""}` + "\n", ""},
		{"search -json cat", 0, `{"conversations":[],"next":""}` + "\n", ""},
		{"show " + chatOne.ID, 0, chatOneText, ""},
		{"show -json " + chatOne.ID, 0, full + "\n", ""},
		{"show -json " + chatThree.ID, 0, chatThreeJSON + "\n", ""},
		{"show 01JD", 3, "", "not in the archive"},
		{"export -site shop -agent alice@localhost", 0, "[\n" + full + "\n]\n", ""},
		{"export -visitor customer-1 -format json", 0, "[\n" + full + "\n]\n", ""},
		{"export -format text -limit 1", 0, chatOneText, ""},
		{"export -site none", 0, "[]\n", ""},
		{"erase -visitor nobody -yes", 3, "", "not in the archive"},
		{"erase -visitor nobody", 3, "", "not in the archive"},
		{"report -by day -to 2026-11-23", 0, "" +
			"         day  asked  accepted  abandoned  offline  wait  wait p90  duration    rating\n" +
			"  2026-11-22      1         1          0        0   20s       20s     4m40s  5.0 of 1\n" +
			"  2026-11-23      1         0          0        0    0s        0s        0s         -\n", ""},
		{"report -from 2026-11-24 -by workgroup -json", 0, `{"by":"workgroup","from":"2026-11-24T00:00:00Z","to":null,"rows":[` +
			`{"key":"blog/sales","volume":1,"accepted":0,"abandoned":1,"offline":0,"wait_mean":0,"wait_p90":0,"duration_mean":0,"rating_mean":0,"rated":0}]}` + "\n", ""},
		{"report -by agent -json -from 2026-11-22T00:00:00Z -to 2026-11-22T23:00:00+01:00", 0, `{"by":"agent","from":"2026-11-22T00:00:00Z","to":"2026-11-22T22:00:00Z","rows":[` +
			`{"key":"alice@localhost","volume":1,"accepted":1,"abandoned":0,"offline":0,"wait_mean":20,"wait_p90":20,"duration_mean":280,"rating_mean":5,"rated":1}]}` + "\n", ""},

		{"", 2, "", "usage: usher archive"},
		{"find", 2, "", `no command "find"`},
		{"list x", 2, "", `what is "x"? Flags stand before arguments`},
		{"list -limit 0", 2, "", "-limit: must be more than 0"},
		{"list -limit x", 2, "", "invalid value"},
		{"list -from soon", 2, "", `-from: "soon" is neither a date`},
		{"list -vistor x", 2, "", "not defined: -vistor"},
		{"list -help", 0, "", "usage: usher archive"},
		{"search", 2, "", "search: something is missing"},
		{"search " + strings.Repeat("a ", 33), 2, "", "more than 32 words"},
		{"show", 2, "", "show: something is missing"},
		{"export -format xml", 2, "", "-format: must be json or text"},
		{"erase", 2, "", "erase: -visitor is missing"},
		{"erase -visitor ", 2, "", "flag needs an argument"},
		{"report", 2, "", "-by: must be day, agent or workgroup"},
		{"report -by visitor", 2, "", "-by: must be day, agent or workgroup"},
		{"backup", 2, "", "backup: something is missing"},
	}
	a := openChats(t)
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			status, stdout, stderr := command(t, a, "", strings.Fields(tt.args)...)
			if status != tt.status || trimLines(stdout) != trimLines(tt.stdout) || !strings.Contains(stderr, tt.stderr) || tt.stderr == "" && stderr != "" {
				t.Errorf("exit status %d, want %d\n%s\nwant\n%s\nstderr %s", status, tt.status, stdout, tt.stdout, stderr)
			}
		})
	}
}

// trimLines takes the blanks at the ends of lines away.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func TestArchiveCommandErase(t *testing.T) {
	for stdin, want := range map[string]int{"y\n": 2, "YES\n": 2, "n\n": 3, "": 3, "\n": 3} {
		t.Run(fmt.Sprintf("%q", stdin), func(t *testing.T) {
			a := openChats(t)
			status, stdout, stderr := command(t, a, stdin, "erase", "-visitor", "customer-1")
			if !strings.Contains(stdout, "1 conversations with 1 messages of customer-1") {
				t.Errorf("asked %q", stdout)
			}
			if erased := want == 2; erased != (status == 0) || erased == strings.Contains(stderr, "nothing was erased") {
				t.Errorf("exit status %d, stderr %s", status, stderr)
			}
			if left, _, err := a.Query(context.Background(), archive.Filter{}); err != nil || len(left) != want {
				t.Errorf("%d are left, %v", len(left), err)
			}
		})
	}
	a := openChats(t)
	status, stdout, stderr := command(t, a, "", "erase", "-visitor", "v1@visitors.localhost", "-yes")
	if status != 0 || stdout != "Erased: 1 conversations with 1 messages.\n" || stderr != "" {
		t.Errorf("exit status %d, %q, %s", status, stdout, stderr)
	}
}

func TestArchiveCommandFiles(t *testing.T) {
	a := openChats(t)
	dir := t.TempDir()
	export, backup := filepath.Join(dir, "out.json"), filepath.Join(dir, "backup.db")
	for _, args := range [][]string{{"export", "-o", export, "-site", "shop"}, {"backup", backup}} {
		if status, _, stderr := command(t, a, "", args...); status != 0 {
			t.Errorf("%v: exit status %d, %s", args, status, stderr)
		}
		status, stdout, stderr := command(t, a, "", args...)
		if status != 1 || !strings.Contains(stderr, "exists already") {
			t.Errorf("%v again: exit status %d, %s %s", args, status, stdout, stderr)
		}
	}
	for _, file := range []string{export, backup} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	}
	data, err := os.ReadFile(export)
	var all []archive.Document
	if err != nil || json.Unmarshal(data, &all) != nil || len(all) != 2 {
		t.Errorf("exported %s, %v", data, err)
	}
	copied, err := archive.Open(backup, archive.Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if c, events, err := copied.Get(chatOne.ID); err != nil || !reflect.DeepEqual(c, chatOne) || !reflect.DeepEqual(events, chatEvents[:3]) {
		t.Errorf("backed up %+v %+v, %v", c, events, err)
	}
}

func TestArchiveCommandWithout(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(config, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if status := ArchiveCommand(context.Background(), []string{"-config", config, "list"}, nil, &out, &errs); status != 1 || !strings.Contains(errs.String(), "there is no archive") {
		t.Errorf("no archive: exit status %d, %s", status, &errs)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("it made files: %v, %v", files, err)
	}
	errs.Reset()
	if status := ArchiveCommand(context.Background(), []string{"-config", config + ".none", "list"}, nil, &out, &errs); status != 2 || !strings.Contains(errs.String(), "cannot be read") {
		t.Errorf("no config: exit status %d, %s", status, &errs)
	}
	errs.Reset()
	if status := ArchiveCommand(context.Background(), []string{"list"}, nil, &out, &errs); status != 2 || !strings.Contains(errs.String(), "usage") {
		t.Errorf("no -config: exit status %d, %s", status, &errs)
	}
}
