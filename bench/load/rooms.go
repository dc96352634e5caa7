package load

import (
	"bytes"
	"fmt"
	"strings"
)

// Room is the address of a room: a name without domain is one of the endpoint's service.
func (e *Endpoint) Room(name string) string {
	if strings.Contains(name, "@") {
		return name
	}
	return name + "@" + e.Rooms
}

// Join enters a room with a nick, asks for no history, waits for the self-presence (XEP-0045 §7.2.2) and unlocks a room
// that is new (§10.1.2). No Serve may run.
func (s *Session) Join(w *Worker, room, nick string) error {
	room = s.e.Room(room)
	me := room + "/" + nick
	if err := s.Send(w, []byte("<presence xmlns='jabber:client' to='"+me+"'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>")); err != nil {
		return fmt.Errorf("join %s: %w", s.e.Rooms, err)
	}
	created, problem := false, ""
	err := s.step(w, func(b []byte) bool {
		if !bytes.HasPrefix(b, []byte("<presence")) {
			return false
		}
		from := Attr(b, "from")
		if string(Attr(b, "type")) == "error" && (string(from) == me || string(from) == room) {
			problem = Condition(b, "error")
			return true
		}
		if !hasStatus(b, "110") {
			return false
		}
		created = hasStatus(b, "201")
		return strings.HasPrefix(string(from), room+"/")
	}, false)
	switch {
	case err != nil:
		return fmt.Errorf("join %s: %w", s.e.Rooms, err)
	case problem != "":
		return fmt.Errorf("join %s: the room says %s", s.e.Rooms, problem)
	case !created:
		return s.c.rest(w)
	}
	if err := s.Send(w, []byte("<iq xmlns='jabber:client' type='set' id='unlock' to='"+room+
		"'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>")); err != nil {
		return fmt.Errorf("unlock a room: %w", err)
	}
	err = s.Until(w, func(b []byte) bool {
		if !bytes.HasPrefix(b, []byte("<iq")) || string(Attr(b, "id")) != "unlock" {
			return false
		}
		if string(Attr(b, "type")) == "error" {
			problem = Condition(b, "error")
		}
		return true
	})
	switch {
	case err != nil:
		return fmt.Errorf("unlock a room: %w", err)
	case problem != "":
		return fmt.Errorf("unlock a room: the room says %s", problem)
	}
	return nil
}

// hasStatus finds <status code='110'/> (XEP-0045 §15.6.2) in either kind of quotes.
func hasStatus(b []byte, code string) bool {
	for {
		_, rest, ok := bytes.Cut(b, []byte("<status"))
		if !ok {
			return false
		}
		if string(Attr(append([]byte("s"), rest[:tagEnd(rest)]...), "code")) == code {
			return true
		}
		b = rest
	}
}
