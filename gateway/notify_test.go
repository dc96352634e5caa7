package gateway

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/workgroup"
)

// What the desk wants told goes out once it is committed, to the webhook of the site that it is about.
func TestNoticesGoOut(t *testing.T) {
	type heard struct{ path, signature, body string }
	calls := make(chan heard, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- heard{r.URL.Path, r.Header.Get("Usher-Signature"), string(body)}
	}))
	defer hook.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "usher.yaml")
	text := `upstream:
  components: [{domain: visitors.localhost, secret: s}]
  rooms: rooms.localhost
archive: {path: usher.db}
sites:
  - {name: shop, domain: shop.localhost, origins: ["*"], webhook: {url: "` + hook.URL + `/shop", secret: one}, workgroups: [{name: support, agents: [a@localhost]}]}
  - {name: club, domain: club.localhost, origins: ["*"], webhook: {url: "` + hook.URL + `/club", secret: two}, workgroups: [{name: help, agents: [a@localhost]}]}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openStore(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.commit(&workgroup.Batch{
		Conversations: []workgroup.Conversation{{ID: "01A", Site: "club", Workgroup: "help", State: workgroup.Closed, Asked: time.Now(), Closed: time.Now()}},
		Notices:       []workgroup.Notice{{Site: "club", Workgroup: "help", Event: "closed", Conversation: "01A", Time: time.Now()}},
	}); err != nil {
		t.Fatal(err)
	}
	first := <-calls
	if first.path != "/club" || !strings.HasPrefix(first.signature, "t=") {
		t.Errorf("called %q with %q", first.path, first.signature)
	}
	var body struct {
		Event        string
		Conversation struct{ ID string }
	}
	if err := json.Unmarshal([]byte(first.body), &body); err != nil || body.Event != "closed" || body.Conversation.ID != "01A" {
		t.Errorf("%v: %s", err, first.body)
	}
}
