package archive

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Who reads a conversation's times as times can: what there isn't is null, no empty text.
func TestDocumentTimes(t *testing.T) {
	asked := time.Date(2026, 3, 2, 10, 0, 0, 5e6, time.FixedZone("", 3600))
	b, err := json.Marshal(NewDocument(Conversation{ID: "01CHAT", Asked: asked}, []Event{}))
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Asked            time.Time
		Accepted, Closed *time.Time
	}
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	if !read.Asked.Equal(asked) || read.Accepted != nil || read.Closed != nil {
		t.Errorf("asked %v, accepted %v, closed %v: %s", read.Asked, read.Accepted, read.Closed, b)
	}
	for _, want := range []string{`"asked":"2026-03-02T09:00:00.005Z"`, `"accepted":null,"closed":null`, `"events":[]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	if b, err = json.Marshal(NewDocument(Conversation{}, nil)); err != nil || strings.Contains(string(b), "events") {
		t.Errorf("without events: %v: %s", err, b)
	}
}
