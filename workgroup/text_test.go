package workgroup

import (
	"strings"
	"testing"
	"time"
)

// parsed is an order without its functions, so that it can be compared.
type parsed struct {
	verb   string
	number int
	name   string
	length time.Duration
	text   string
}

func TestParseText(t *testing.T) {
	const hour = time.Hour
	for _, c := range []struct {
		text       string
		supervisor bool
		want       parsed
		refused    string // part of the refusal
	}{
		{text: "1", want: parsed{verb: "accept"}},
		{text: " 2 ", want: parsed{verb: "decline"}},
		{text: "!1", want: parsed{verb: "accept"}},
		{text: "1 please", refused: "help"},
		{text: "3", refused: "help"},
		{text: "accept", want: parsed{verb: "accept"}},
		{text: "Accept 17", want: parsed{verb: "accept", number: 17}},
		{text: "ACCEPT #17", want: parsed{verb: "accept", number: 17}},
		{text: "accept Maria", refused: "too much: accept [N]"},
		{text: "accept 0", refused: "too much"},
		{text: "accept -1", refused: "too much"},
		{text: "accept 99999999999999999999", refused: "too much"},
		{text: "decline 17 not my language", want: parsed{verb: "decline", number: 17, text: "not my language"}},
		{text: "decline not  my\nlanguage", want: parsed{verb: "decline", text: "not my language"}},
		{text: "pause", want: parsed{verb: "pause"}},
		{text: "pause 30m", want: parsed{verb: "pause", length: hour / 2}},
		{text: "pause 1H30M", want: parsed{verb: "pause", length: 3 * hour / 2}},
		{text: "pause 2d", want: parsed{verb: "pause", length: 48 * hour}},
		{text: "pause 1d12h", want: parsed{verb: "pause", length: 36 * hour}},
		{text: "pause -30m", refused: "too much"},
		{text: "pause 30", refused: "too much: pause [30m]"},
		{text: "pause 0s", refused: "too much"},
		{text: "pause bob", refused: "too much: pause [30m]"},
		{text: "pause bob", supervisor: true, want: parsed{verb: "pause", name: "bob"}},
		{text: "pause bob 30m", supervisor: true, want: parsed{verb: "pause", name: "bob", length: hour / 2}},
		{text: "pause 30m", supervisor: true, want: parsed{verb: "pause", length: hour / 2}},
		{text: "pause 99999d", supervisor: true, want: parsed{verb: "pause", name: "99999d"}},
		{text: "resume", want: parsed{verb: "resume"}},
		{text: "resume bob@localhost", supervisor: true, want: parsed{verb: "resume", name: "bob@localhost"}},
		{text: "max 2", want: parsed{verb: "max", number: 2}},
		{text: "max 0", want: parsed{verb: "max"}},
		{text: "max", refused: "missing: max N"},
		{text: "max many", refused: "missing"},
		{text: "list", want: parsed{verb: "list"}},
		{text: "list all", refused: "too much"},
		{text: "call 3 Can I help you?", want: parsed{verb: "call", number: 3, text: "Can I help you?"}},
		{text: "call 3", refused: "missing: call N text"},
		{text: "call hello", refused: "missing"},
		{text: "transfer 17 bob", want: parsed{verb: "transfer", number: 17, name: "bob"}},
		{text: "transfer bob", want: parsed{verb: "transfer", name: "bob"}},
		{text: "transfer 17", want: parsed{verb: "transfer", name: "17"}},
		{text: "transfer", refused: "missing: transfer [N] agent|workgroup"},
		{text: "transfer 17 bob now", refused: "too much"},
		{text: "close", want: parsed{verb: "close"}},
		{text: "close 17 all is\tsaid", want: parsed{verb: "close", number: 17, text: "all is said"}},
		{text: "close all is said", want: parsed{verb: "close", text: "all is said"}},
		{text: "note 17 He called before.\nTwice.", want: parsed{verb: "note", number: 17, text: "He called before.\nTwice."}},
		{text: "note", refused: "missing"},
		{text: "note 17", refused: "missing"},
		{text: "note 17 " + strings.Repeat("x", mostNoted+1), refused: "too long"},
		{text: "enter 17", supervisor: true, want: parsed{verb: "enter", number: 17}},
		{text: "assign 17 bob", supervisor: true, want: parsed{verb: "assign", number: 17, name: "bob"}},
		{text: "assign 17", supervisor: true, refused: "missing: assign N agent"},
		{text: "ban 17 24h spam and abuse", supervisor: true, want: parsed{verb: "ban", number: 17, length: 24 * hour, text: "spam and abuse"}},
		{text: "ban 17 spam", supervisor: true, want: parsed{verb: "ban", number: 17, text: "spam"}},
		{text: "unban 01J", supervisor: true, want: parsed{verb: "unban", name: "01J"}},
		{text: "unban", supervisor: true, refused: "missing: unban ID"},
		{text: "help", want: parsed{verb: "help"}},
		{text: "help me", refused: "too much"},
		{text: "", refused: "help"},
		{text: "!", refused: "help"},
		{text: "Hello, can you hear me?", refused: "help"},
		{text: "acceptt", refused: "help"},
	} {
		o, err := parseText(c.text, c.supervisor)
		got := parsed{o.verb.name, o.number, o.name, o.length, o.text}
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%q: %v, want a refusal with %q", c.text, err, c.refused)
		case got != c.want:
			t.Errorf("%q: %+v, want %+v", c.text, got, c.want)
		}
	}
}

// FuzzParseText: whatever an agent writes, it is an order within its bounds, or a refusal of one line.
func FuzzParseText(f *testing.F) {
	for _, s := range []string{"1", "!2", "accept #17", "decline 1 no", "pause 1d2h", "pause bob 30m", "max 0", "call 1 hello",
		"transfer 1 bob", "close\n1", "note 1 a\nb", "ban 1 24h x", "unban 01J", "\u00a0help", "ACCEPT\u200b 1", "é", "pause 106751d"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, supervisor bool) {
		o, err := parseText(s, supervisor)
		if err != nil {
			if err.Error() == "" || strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 200 {
				t.Fatalf("%q: refusal %q", s, err)
			}
			return
		}
		if o.verb.run == nil || o.number < 0 || o.length < 0 || o.length > longest || len(o.text) > mostNoted ||
			len(strings.Fields(o.name)) > 1 {
			t.Fatalf("%q: %+v", s, o)
		}
		// Reading the same again behind a `!` gives the same, unless it had one.
		if again, err := parseText("!"+strings.TrimSpace(s), supervisor); !strings.HasPrefix(strings.TrimSpace(s), "!") &&
			(err != nil || again.verb.name != o.verb.name || again.number != o.number || again.text != o.text) {
			t.Fatalf("%q behind a !: %+v %v", s, again, err)
		}
	})
}

func TestSpan(t *testing.T) {
	for l, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 20 * time.Second: "20 s", 61 * time.Second: "1 min", 30 * time.Minute: "30 min",
		90 * time.Minute: "1 h 30 min", 2 * time.Hour: "2 h", 36 * time.Hour: "1 d 12 h", 48 * time.Hour: "2 d",
	} {
		if got := span(l); got != want {
			t.Errorf("%v: %q, want %q", l, got, want)
		}
	}
}
