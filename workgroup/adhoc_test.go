package workgroup

import (
	"strings"
	"testing"
	"time"
)

// FuzzParseForm: whatever XML a client sends as a command's form, it is an order within its bounds, or a refusal.
func FuzzParseForm(f *testing.F) {
	field := func(name string, values ...string) string {
		return "<field var='" + name + "'><value>" + strings.Join(values, "</value><value>") + "</value></field>"
	}
	form := func(fields ...string) []byte {
		return []byte("<x xmlns='jabber:x:data' type='submit'>" + strings.Join(fields, "") + "</x>")
	}
	for _, b := range [][]byte{
		form(), form(field("conversation", "17")), form(field("conversation", "#17", "18"), field("until", "24h")),
		form(field("text", "a", "b")), form(field("agent", "bob@localhost"), field("workgroup", "billing")),
		form(field("until", "2026-11-22T10:00:00Z")), form("<field/>"), form("<field var='text'><y/></field>"),
		[]byte("<x xmlns='jabber:x:data' type='cancel'/>"), []byte("<x/>"),
	} {
		for i := range verbs() {
			f.Add(b, uint8(i), true)
		}
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, b []byte, which uint8, supervisor bool) {
		x, err := parse(b)
		if err != nil {
			return
		}
		all := verbs()
		v := all[int(which)%len(all)]
		m := &member{group: &group{d: &Desk{now: now}}, supervisor: supervisor, serves: true}
		o, err := m.parseForm(v, x)
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 200 {
				t.Fatalf("%s: refusal %q", b, err)
			}
			return
		}
		if o.verb.name != v.name || o.number < 0 || o.length < 0 || o.length > longest || len(o.text) > mostNoted ||
			len(strings.Fields(o.name)) > 1 {
			t.Fatalf("%s: %+v", b, o)
		}
	})
}
