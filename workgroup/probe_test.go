package workgroup

import (
	"errors"
	"testing"

	"usher/xmpp"
)

// TestProbe: a probe sees what a support room would meet, and leaves nothing behind.
func TestProbe(t *testing.T) {
	stuck := func(like mucLike, field string) mucLike {
		like.stuck = field
		return like
	}
	refusing := likeEjabberd
	refusing.created = false
	for name, c := range map[string]struct {
		like            mucLike
		fail            string
		step, condition string
		limit           int
	}{
		"prosody":                  {like: likeProsody},
		"ejabberd":                 {like: likeEjabberd, limit: 3},
		"no right":                 {like: refusing, step: "enter", condition: "forbidden"},
		"members-only is ignored":  {like: stuck(likeProsody, "muc#roomconfig_membersonly"), step: "verify", condition: notMembersOnly},
		"it stays listed":          {like: stuck(likeEjabberd, "muc#roomconfig_publicroom"), step: "verify", condition: notHidden},
		"the form is refused":      {like: likeProsody, fail: "submit", step: "submit", condition: "bad-request"},
		"no affiliations":          {like: likeProsody, fail: "affiliation", step: "affiliation", condition: "bad-request"},
		"no invitations":           {like: likeProsody, fail: "invite", step: "invitation", condition: "bad-request"},
		"the room can't be closed": {like: likeProsody, fail: "destroy", step: "destroy", condition: "bad-request"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMUC(mucAt, c.like)
			if c.fail != "" {
				m.fail(c.fail, "bad-request")
			}
			var in [][]byte
			report, err := Probe(deskAt, mucAt, func(b []byte) error {
				for _, n := range m.take(mucStart, b) {
					in = append(in, n.append(nil, ""))
				}
				return nil
			}, func() ([]byte, error) {
				if len(in) == 0 {
					return nil, errors.New("nothing comes")
				}
				b := in[0]
				in = in[1:]
				return b, nil
			})
			var pe *ProbeError
			switch {
			case c.step == "" && err != nil:
				t.Fatal(err)
			case c.step != "" && (!errors.As(err, &pe) || pe.Step != c.step || pe.Condition != c.condition):
				t.Fatalf("got %v, want %s: %s", err, c.step, c.condition)
			case report.Limit != c.limit:
				t.Errorf("a limit of %d", report.Limit)
			}
			if c.fail != "destroy" && len(m.rooms) > 0 {
				t.Errorf("%d rooms are left", len(m.rooms))
			}
		})
	}
	// Nothing answers at all.
	_, err := Probe(deskAt, mucAt, func([]byte) error { return nil }, func() ([]byte, error) { return nil, errors.New("nothing") })
	var pe *ProbeError
	if !errors.As(err, &pe) || pe.Step != "service" || pe.Condition != "remote-server-timeout" {
		t.Errorf("got %v", err)
	}
}

// FuzzRoomStanza: whatever a MUC service says to an owner, nothing breaks, nothing grows without bound, and the desk stays able
// to end the conversation.
func FuzzRoomStanza(f *testing.F) {
	for _, s := range []string{
		"<presence from='ROOM/Eve'/>",
		"<presence from='ROOM/Eve' type='unavailable'/>",
		"<presence from='ROOM/Support' type='unavailable'><x xmlns='" + xmpp.NSMUCUser + "'><item affiliation='none' role='none'/><status code='110'/><status code='332'/></x></presence>",
		"<presence from='ROOM/Support' type='unavailable'><x xmlns='" + xmpp.NSMUCUser + "'><status code='307'/><status code='333'/></x></presence>",
		"<presence from='ROOM/Helper' type='unavailable'><x xmlns='" + xmpp.NSMUCUser + "'><item nick='X'/><status code='303'/></x></presence>",
		"<presence from='ROOM' type='error'><error type='cancel'/></presence>",
		"<message from='ROOM/Helper' type='groupchat'><body>x</body><delay xmlns='urn:xmpp:delay' stamp='nonsense'/></message>",
		"<message from='ROOM/Helper' type='groupchat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
		"<message from='ROOM'><x xmlns='" + xmpp.NSMUCUser + "'><decline/></x></message>",
		"<message from='ROOM/Helper' type='chat'><body>!</body></message>",
		"<message from='ROOM' type='error'><error><item-not-found xmlns='" + xmpp.NSStanzaErrors + "'/></error></message>",
		"<iq from='ROOM' type='get' id='1'/>", "<iq from='ROOM' type='result' id='1'/>", "<x/>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parse([]byte(s))
		if err != nil {
			return
		}
		w := newRoomWorld(t, likeProsody)
		room, _ := w.talk()
		owner := w.m.rooms[room].occupants[0].sessions[0]
		from := n.attr("from")
		if len(from) >= 4 && from[:4] == "ROOM" {
			from = room + from[4:]
		}
		mucSet(n, "from", from)
		mucSet(n, "to", owner)
		w.server(string(n.append(nil, "")))
		w.server("<message type='chat' from='carol@test/phone' to='support@desk.test'><body>close 1</body></message>")
		w.pass(watchTime)
		if s := w.row().State; s != Closed {
			t.Errorf("the conversation is %s", s)
		}
	})
}
