package workgroup

import (
	"slices"
	"strconv"

	"usher/xmpp"
)

// roomField is one field of a room's configuration form (XEP-0045 §10.2, XEP-0004).
type roomField struct {
	name, typ string
	values    []string
	options   []string
}

func (f *roomField) value() string {
	if f == nil || len(f.values) == 0 {
		return ""
	}
	return f.values[0]
}

// on reads a boolean (XEP-0004 §3.3).
func (f *roomField) on() bool { return f.value() == "1" || f.value() == "true" }

const nsRoomConfig = "http://jabber.org/protocol/muc#roomconfig"

// wanted is what a support room's form is answered with, by the names that the servers have for it
// (docs/decisions/0040-support-rooms.md). What a form doesn't offer isn't sent: ejabberd and MongooseIM refuse a form with a field that they
// don't know. The limit, the name and the lengths of history aside, which need a look at the form.
var wanted = map[string]string{
	"muc#roomconfig_publicroom":            "0",
	"public_list":                          "0", // ejabberd, MongooseIM
	"muc#roomconfig_membersonly":           "1",
	"members_by_default":                   "1", // ejabberd: who is let in may speak
	"muc#roomconfig_moderatedroom":         "0",
	"muc#roomconfig_whois":                 "moderators",
	"muc#roomconfig_changesubject":         "0",
	"muc#roomconfig_allowpm":               "anyone", // history goes by private message
	"allow_private_messages":               "1",      // MongooseIM
	"muc#roomconfig_passwordprotectedroom": "0",
	"captcha_protected":                    "0", // ejabberd
	"muc#roomconfig_allowinvites":          "0",
	"{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites": "0",
	"allow_query_users":                 "0", // ejabberd
	"allow_subscription":                "0", // ejabberd: nobody listens without being in the room
	"muc#roomconfig_allowmultisessions": "1", // MongooseIM: agents with two clients
	"muc#roomconfig_persistentroom":     "0",
	"mam":                               "0", // ejabberd's archive
	"muc#roomconfig_mam":                "0",
	"muc#roomconfig_enablearchiving":    "0", // Prosody's
	"muc#roomconfig_enablelogging":      "0", // Openfire's; a text log elsewhere
	"{http://igniterealtime.org}muc#roomconfig_preservehistondel": "0", // Openfire
	"x-muc#roomconfig_registration":                               "0", // Openfire
	"tigase#welcome_messages":                                     "0", // Tigase greets otherwise
}

// lengths are the fields of numbers that should be as large as the server takes.
var lengths = []string{"muc#roomconfig_historylength", "muc#maxhistoryfetch"}

const (
	maxUsersField = "muc#roomconfig_maxusers"
	baseLimit     = 3   // owner, visitor, agent
	historyLength = 200 // asked for where any number is taken
)

// ownerForm reads the fields of the form in an answer to muc#owner; nil if there is none.
func ownerForm(answer *node) []roomField {
	x := answer.child("query", xmpp.NSMUCOwner).child("x", nsForm)
	if x == nil {
		return nil
	}
	var fields []roomField
	for _, k := range x.kids {
		if k.name != "field" {
			continue
		}
		f := roomField{name: k.attr("var"), typ: k.attr("type")}
		for _, v := range k.kids {
			switch v.name {
			case "value":
				f.values = append(f.values, v.text)
			case "option":
				if o := v.child("value", nsForm); o != nil {
					f.options = append(f.options, o.text)
				}
			}
		}
		fields = append(fields, f)
	}
	return fields
}

func fieldOf(form []roomField, name string) *roomField {
	for i := range form {
		if form[i].name == name {
			return &form[i]
		}
	}
	return nil
}

// answerForm picks what is wanted of what is offered.
func answerForm(form []roomField, title string) []roomField {
	var answer []roomField
	for _, f := range form {
		value, is := wanted[f.name]
		switch {
		case f.name == "muc#roomconfig_roomname":
			value, is = title, true
		case f.name == maxUsersField:
			value, is = strconv.Itoa(baseLimit), true // servers that list others take any number (Openfire, ejabberd, Tigase, MongooseIM)
		case slices.Contains(lengths, f.name):
			value, is = largest(f), true
		case is && len(f.options) > 0 && !slices.Contains(f.options, value):
			is = false // verify sees whether it matters
		}
		if is {
			answer = append(answer, roomField{name: f.name, values: []string{value}})
		}
	}
	return answer
}

// largest is the largest number that a field takes.
func largest(f roomField) string {
	if len(f.options) == 0 {
		return strconv.Itoa(historyLength)
	}
	best := 0
	for _, o := range f.options {
		if n, err := strconv.Atoi(o); err == nil {
			best = max(best, n)
		}
	}
	return strconv.Itoa(best)
}

// submission is a form's answer on the wire.
func submission(answer []roomField) *node {
	x := el("x", nsForm, "type", "submit").with(el("field", "", "var", "FORM_TYPE", "type", "hidden").with(el("value", "").said(nsRoomConfig)))
	for _, f := range answer {
		x.with(el("field", "", "var", f.name).with(el("value", "").said(f.value())))
	}
	return el("query", xmpp.NSMUCOwner).with(x)
}

// What verify finds wrong; they are labels of usher_room_errors_total.
const (
	notMembersOnly = "not-members-only"
	notHidden      = "not-hidden"
	notPrivate     = "not-private" // real JIDs are shown to others than moderators
)

// shows tells whether a form shows all that must be verified.
func shows(form []roomField) bool {
	return fieldOf(form, "muc#roomconfig_membersonly") != nil && fieldOf(form, "muc#roomconfig_publicroom") != nil &&
		fieldOf(form, "muc#roomconfig_whois") != nil
}

// verify tells what a room lacks that it must have: "" if nothing. The form counts, or where it doesn't show it, the room's features
// (XEP-0045 §15.3).
func verify(form []roomField, info *node) string {
	has := func(feature string) bool {
		return info != nil && slices.ContainsFunc(info.kids, func(k *node) bool { return k.name == "feature" && k.attr("var") == feature })
	}
	if f := fieldOf(form, "muc#roomconfig_membersonly"); f != nil && !f.on() || f == nil && !has("muc_membersonly") {
		return notMembersOnly
	}
	if f := fieldOf(form, "muc#roomconfig_publicroom"); f != nil && f.on() || f == nil && !has("muc_hidden") {
		return notHidden
	}
	if f := fieldOf(form, "muc#roomconfig_whois"); f != nil && f.value() != "moderators" || f == nil && !has("muc_semianonymous") {
		return notPrivate
	}
	return ""
}

// limitOf is a room's limit of occupants, 0 for none.
func limitOf(form []roomField) int {
	n, err := strconv.Atoi(fieldOf(form, maxUsersField).value())
	if err != nil || n < 0 {
		return 0
	}
	return n
}
