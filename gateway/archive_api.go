package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/archive"
)

// archiveAPI is the archive's part of the admin listener (docs/interface.md, part C).
type archiveAPI struct {
	*admin
	kept   func() *archive.Archive
	forget eraser
}

// eraser is who has something of a visitor beside the archive.
type eraser struct {
	desk  func(visitor string)
	files func(jids []string) (int, error)
}

// The times that a request may take.
const (
	queryTime = 30 * time.Second
	eraseTime = 10 * time.Minute // it may rewrite the whole archive
)

func (a *archiveAPI) routes() {
	a.route("GET /api/archive", a.list)
	a.route("GET /api/archive/export", a.export)
	a.route("GET /api/archive/{id}", a.show)
	a.route("DELETE /api/archive/visitors/{visitor...}", a.erase)
}

// route guards a handler and answers for its errors.
func (a *archiveAPI) route(pattern string, f func(kept *archive.Archive, w http.ResponseWriter, r *http.Request) error) {
	a.mux.HandleFunc(pattern, a.guarded(func(w http.ResponseWriter, r *http.Request) {
		kept := a.kept()
		if kept == nil {
			http.Error(w, "there is no archive: the config has no workgroups", http.StatusNotFound)
			return
		}
		var bad *badRequest
		switch err := f(kept, w, r); {
		case err == nil:
		case errors.As(err, &bad) || errors.Is(err, archive.ErrFilter):
			http.Error(w, err.Error(), http.StatusBadRequest)
		case errors.Is(err, archive.ErrNotFound):
			http.Error(w, "not in the archive", http.StatusNotFound)
		case errors.Is(err, archive.ErrLocked):
			w.Header().Set("Retry-After", "5")
			http.Error(w, "the archive is busy", http.StatusServiceUnavailable)
		case r.Context().Err() != nil: // nobody waits for it
		default:
			a.log.Error("admin: request failed", "request", r.Pattern, "err", err)
			http.Error(w, "failed; the log says why", http.StatusInternalServerError)
		}
	}))
}

// badRequest is a mistake in a request's parameters.
type badRequest struct{ text string }

func (e *badRequest) Error() string { return e.text }

// filterKeys are the parameters that make a filter.
var filterKeys = []string{"site", "workgroup", "visitor", "agent", "q", "from", "to", "state", "limit", "after"}

// filterOf reads the parameters of a query; others than these and further ones are refused, so that one that is misspelt
// doesn't select everything.
func filterOf(values url.Values, further ...string) (f archive.Filter, err error) {
	for key, all := range values {
		if !slices.Contains(filterKeys, key) && !slices.Contains(further, key) {
			return f, &badRequest{fmt.Sprintf("no parameter %q", key)}
		}
		if len(all) > 1 {
			return f, &badRequest{fmt.Sprintf("parameter %s is there twice", key)}
		}
	}
	f = archive.Filter{
		Site: values.Get("site"), Workgroup: values.Get("workgroup"), Visitor: values.Get("visitor"), Agent: values.Get("agent"),
		State: values.Get("state"), Words: values.Get("q"), After: values.Get("after"),
	}
	if f.From, err = parseDate(values.Get("from"), false); err != nil {
		return f, &badRequest{"from: " + err.Error()}
	}
	if f.To, err = parseDate(values.Get("to"), true); err != nil {
		return f, &badRequest{"to: " + err.Error()}
	}
	if limit := values.Get("limit"); limit != "" {
		if f.Limit, err = strconv.Atoi(limit); err != nil || f.Limit < 1 || f.Limit > 1000 {
			return f, &badRequest{"limit: must be from 1 to 1000"}
		}
	}
	return f, nil
}

// parseDate reads a date (a day in UTC: its beginning, or with end its end) or a time of RFC 3339; "" is none.
func parseDate(text string, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, fmt.Errorf("%q is neither a date (2026-11-22) nor a time (2026-11-22T12:00:00Z)", text)
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// isText reads the parameter `format`.
func isText(values url.Values) (bool, error) {
	switch values.Get("format") {
	case "", "json":
		return false, nil
	case "text":
		return true, nil
	}
	return false, &badRequest{"format: must be json or text"}
}

// conversationList is the answer to a query.
type conversationList struct {
	Conversations []archive.Document `json:"conversations"`
	Next          string             `json:"next"` // to go on after; "": these were the last
}

func listOf(found []archive.Conversation, next string) conversationList {
	l := conversationList{make([]archive.Document, len(found)), next}
	for i := range found {
		l.Conversations[i] = archive.NewDocument(found[i], nil)
	}
	return l
}

func (a *archiveAPI) list(kept *archive.Archive, w http.ResponseWriter, r *http.Request) error {
	f, err := filterOf(r.URL.Query())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), queryTime)
	defer cancel()
	found, next, err := kept.Query(ctx, f)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return a.sent(writeJSON(w, listOf(found, next)))
}

func (a *archiveAPI) show(kept *archive.Archive, w http.ResponseWriter, r *http.Request) error {
	text, err := isText(r.URL.Query())
	if err != nil {
		return err
	}
	c, events, err := kept.Get(r.PathValue("id"))
	if err != nil {
		return err
	}
	if text {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		return a.sent(archive.WriteText(w, c, events))
	}
	w.Header().Set("Content-Type", "application/json")
	return a.sent(writeJSON(w, archive.NewDocument(c, events)))
}

func (a *archiveAPI) export(kept *archive.Archive, w http.ResponseWriter, r *http.Request) error {
	f, err := filterOf(r.URL.Query(), "format")
	if err != nil {
		return err
	}
	text, err := isText(r.URL.Query())
	if err != nil {
		return err
	}
	out := &exporter{w: w, text: text, begin: func() {
		if text {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		} else {
			w.Header().Set("Content-Type", "application/json")
		}
	}}
	if err = kept.Export(r.Context(), f, out.add); err == nil {
		err = out.close()
	}
	if err != nil && out.begun {
		a.log.Warn("admin: export broken off", "err", err, "conversations", out.n)
		panic(http.ErrAbortHandler) // so that what arrived can't be taken for all of it
	}
	return err
}

func (a *archiveAPI) erase(kept *archive.Archive, w http.ResponseWriter, r *http.Request) error {
	// It is carried through, also if nobody waits for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), eraseTime)
	defer cancel()
	visitor := r.PathValue("visitor")
	jids, err := kept.JIDs(ctx, visitor) // before the archive forgets them
	if err != nil {
		return err
	}
	removed, err := a.forget.files(jids)
	if err != nil {
		return err
	}
	e, err := kept.Erase(ctx, visitor)
	a.forget.desk(visitor)
	if removed > 0 && errors.Is(err, archive.ErrNotFound) {
		err = nil
	}
	if err != nil && !errors.Is(err, archive.ErrNotFound) {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
	} else {
		a.log.Info("admin: visitor erased", "remote", r.RemoteAddr, "conversations", e.Conversations, "messages", e.Messages, "files", removed)
	}
	return a.sent(writeJSON(w, struct {
		Conversations int `json:"conversations"`
		Messages      int `json:"messages"`
	}{e.Conversations, e.Messages}))
}

// sent logs an answer that wasn't taken; there is nobody to tell.
func (a *archiveAPI) sent(err error) error {
	if err != nil {
		a.log.Debug("admin: answer not taken", "err", err)
	}
	return nil
}

// writeJSON writes a value and a line's end.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// exporter writes conversations one after the other: as text with a line between them, or as a JSON array with one conversation a line.
type exporter struct {
	w     io.Writer
	text  bool
	begin func() // called before the first byte; may be nil
	begun bool
	n     int
}

func (x *exporter) write(s string) error {
	if !x.begun {
		x.begun = true
		if x.begin != nil {
			x.begin()
		}
	}
	_, err := io.WriteString(x.w, s)
	return err
}

func (x *exporter) add(c archive.Conversation, events []archive.Event) error {
	separator := map[bool]string{true: ",\n", false: "[\n"}[x.n > 0]
	if x.text {
		separator = map[bool]string{true: "\n" + strings.Repeat("-", 72) + "\n\n"}[x.n > 0]
	}
	x.n++
	if err := x.write(separator); err != nil {
		return err
	}
	if x.text {
		return archive.WriteText(x.w, c, events)
	}
	var line strings.Builder
	if err := writeJSON(&line, archive.NewDocument(c, events)); err != nil {
		return err
	}
	return x.write(strings.TrimSuffix(line.String(), "\n"))
}

func (x *exporter) close() error {
	switch {
	case x.text:
		return x.write("")
	case x.n == 0:
		return x.write("[]\n")
	}
	return x.write("\n]\n")
}
