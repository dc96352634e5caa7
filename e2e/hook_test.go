package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// hook takes the webhooks of all sites.
type hook struct {
	url string
	events
}

func runHook(t *testing.T) *hook {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{url: "http://" + l.Addr().String() + "/hook"}
	h.events.init("webhook")
	srv := &http.Server{Handler: h, ReadHeaderTimeout: patience}
	go srv.Serve(l) // ends with Close, below
	t.Cleanup(func() { srv.Close() })
	return h
}

// ServeHTTP checks the signature (docs/interface.md C) and keeps what was told.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	stamp, sum, _ := strings.Cut(r.Header.Get("Usher-Signature"), ",")
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%s.%s", strings.TrimPrefix(stamp, "t="), body)
	if got, want := strings.TrimPrefix(sum, "v1="), hex.EncodeToString(mac.Sum(nil)); got != want {
		h.fail(fmt.Sprintf("signature %q of %s", r.Header.Get("Usher-Signature"), body))
		return
	}
	var told struct {
		Event, Site, Workgroup string
		Conversation           transcript
	}
	if err := json.Unmarshal(body, &told); err != nil {
		h.fail(fmt.Sprintf("%v: %s", err, body))
		return
	}
	h.add(event{Event: told.Event, From: told.Workgroup, ID: told.Conversation.ID, Reason: told.Conversation.Reason})
}

// tells waits for an event of a conversation.
func (h *hook) tells(t *testing.T, kind, conversation string) event {
	t.Helper()
	e, err := h.wait(kind+" "+conversation, kind, func(e event) bool { return e.ID == conversation })
	if err != nil {
		t.Fatal(err)
	}
	return e
}
