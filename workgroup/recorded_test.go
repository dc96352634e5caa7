package workgroup

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"usher/xmpp"
)

// TestRecordedForms: what servers offer that aren't run here, as their sources have it (testdata/form-*.xml): the answer has
// offered fields only, no value that a list doesn't have but for the limit, and what a support room needs.
func TestRecordedForms(t *testing.T) {
	need := map[string]string{
		"muc#roomconfig_membersonly": "1", "muc#roomconfig_publicroom": "0", "muc#roomconfig_whois": "moderators",
		"muc#roomconfig_moderatedroom": "0", "muc#roomconfig_persistentroom": "0", "muc#roomconfig_maxusers": "3",
	}
	for server, more := range map[string]map[string]string{
		"openfire": {"muc#roomconfig_enablelogging": "0", "{http://igniterealtime.org}muc#roomconfig_preservehistondel": "0",
			"muc#roomconfig_allowinvites": "0", "muc#roomconfig_changesubject": "0", "x-muc#roomconfig_registration": "0"},
		"tigase": {"muc#roomconfig_enablelogging": "0", "tigase#welcome_messages": "0", "muc#roomconfig_allowinvites": "0", "muc#maxhistoryfetch": "200"},
		"mongooseim": {"public_list": "0", "muc#roomconfig_allowinvites": "0", "muc#roomconfig_allowmultisessions": "1", "allow_private_messages": "1",
			"members_by_default": "1", "allow_query_users": "0"},
	} {
		t.Run(server, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", "form-"+server+".xml"))
			if err != nil {
				t.Fatal(err)
			}
			recorded, err := parse(b)
			if err != nil {
				t.Fatal(err)
			}
			form := ownerForm(recorded)
			got := map[string]string{}
			wire := submission(answerForm(form, "Visitor 1")).append(nil, "")
			if err := xml.Unmarshal(wire, new(struct{})); err != nil {
				t.Fatalf("%v: %s", err, wire)
			}
			sent, _ := parse(wire)
			for _, f := range sent.child("x", nsForm).kids {
				name, value := f.attr("var"), f.child("value", nsForm).text
				got[name] = value
				offered := fieldOf(form, name)
				switch {
				case name == "FORM_TYPE":
				case offered == nil:
					t.Errorf("%s isn't offered", name)
				case len(offered.options) > 0 && name != maxUsersField && !slices.Contains(offered.options, value):
					t.Errorf("%s has no %q", name, value)
				case offered.typ == "boolean" && value != "0" && value != "1":
					t.Errorf("%s is a boolean, not %q", name, value)
				}
			}
			for _, m := range []map[string]string{need, more} {
				for name, value := range m {
					if got[name] != value {
						t.Errorf("%s is %q, want %q", name, got[name], value)
					}
				}
			}
		})
	}
}

// TestRecordedRooms builds a room on a service that offers what they offer, and behaves as their sources say.
func TestRecordedRooms(t *testing.T) {
	for server, like := range map[string]mucLike{
		"openfire":   {locks: true, full: "service-unavailable", adminFull: true, removed: "321", inviting: true, created: true},
		"tigase":     {locks: true, full: "service-unavailable", removed: "301", inviting: true, created: true},
		"mongooseim": {strict: true, full: "service-unavailable", adminFull: true, removed: "321", created: true},
	} {
		t.Run(server, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", "form-"+server+".xml"))
			if err != nil {
				t.Fatal(err)
			}
			recorded, err := parse(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range ownerForm(recorded) {
				if f.name != "FORM_TYPE" && f.name != "" {
					like.fields = append(like.fields, mucField{f.name, f.typ, f.value()})
				}
			}
			w := newRoomWorld(t, like)
			room, agent := w.talk()
			w.server("<message type='chat' from='carol@test/phone' to='support@desk.test'><body>enter 1</body></message>")
			w.does(mucJoin(carol+"/phone", room, "Carol"))
			if w.m.rooms[room].session(carol+"/phone") == nil {
				t.Error("the supervisor doesn't get in")
			}
			w.server("<message type='chat' from='carol@test/phone' to='support@desk.test'><body>leave 1</body></message>")
			if w.m.rooms[room].session(carol+"/phone") != nil {
				t.Error("the supervisor is still in")
			}
			if n, _ := strconv.Atoi(w.m.rooms[room].config[maxUsersField]); n != 3 {
				t.Errorf("the limit is %d again", n)
			}
			if w.row().State != Active || w.m.rooms[room].session(agent+"/phone") == nil {
				t.Errorf("the conversation is %s", w.row().State)
			}
			if like.inviting { // by itself, beside ours
				invited := 0
				for _, n := range w.got[annBare] {
					if n.child("x", xmpp.NSMUCUser).child("invite", xmpp.NSMUCUser) != nil {
						invited++
					}
				}
				if invited != 2 {
					t.Errorf("the visitor has %d invitations", invited)
				}
			}
		})
	}
}
