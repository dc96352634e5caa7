package workgroup

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// chatted is a conversation that alice has closed; its row is number 1.
func chatted(t *testing.T, change ...func(*Group)) (*play, *guest) {
	p := newPlay(t, playGroup(change...))
	alice, ann := p.agent("alice"), p.visitor("ann")
	ann.asks("Where?")
	alice.types("1")
	alice.types("close")
	p.is("closed by alice", 1, "wrapup agent")
	ann.got = nil
	return p, ann
}

// rates gives a rating and returns what comes back.
func (g *guest) rates(id, value, text string) string {
	g.got = nil
	g.request("set", el("rating", nsDesk, "conversation", id, "value", value).said(text))
	return scene(g.got[0])
}

func (g *guest) wantsTranscript(id, mail string) string {
	g.got = nil
	g.request("set", el("transcript", nsDesk, "conversation", id, "mail", mail))
	return scene(g.got[0])
}

// TestRating: once, of one's own, before or after the end, for 24 hours, and over a crash.
func TestRating(t *testing.T) {
	const fine, twice, none, bad = "iq result", "iq error conflict", "iq error item-not-found", "iq error bad-request"
	webhook := func(g *Group) { g.Webhook = map[string]bool{"rated": true} }
	wrap := 30 * time.Second
	for _, tc := range []struct {
		name string
		do   func(p *play, ann, bea *guest, id string) []string
		want []string
		kept string // value and text
	}{
		{"in the last moment of the chat", func(p *play, ann, bea *guest, id string) []string {
			return []string{ann.rates(id, "4", " quick "), ann.rates(id, "1", "")}
		}, []string{fine, twice}, "4 quick"},
		{"before the end, again after it", func(p *play, ann, bea *guest, id string) []string {
			first := ann.rates(id, "4", "")
			p.wait(wrap)
			return []string{first, ann.rates(id, "5", "")}
		}, []string{fine, twice}, "4 "},
		{"after the end", func(p *play, ann, bea *guest, id string) []string {
			p.wait(wrap)
			return []string{ann.rates(id, "5", "great\nhelp"), ann.rates(id, "5", "")}
		}, []string{fine, twice}, "5 great\nhelp"},
		{"of somebody else", func(p *play, ann, bea *guest, id string) []string {
			first := bea.rates(id, "1", "")
			p.wait(wrap)
			return []string{first, bea.rates(id, "1", ""), ann.rates("01ARZ3NDEKTSV4RRFFQ69G5FAV", "1", "")}
		}, []string{none, none, none}, ""},
		{"out of bounds", func(p *play, ann, bea *guest, id string) []string {
			return []string{ann.rates(id, "0", ""), ann.rates(id, "6", ""), ann.rates(id, "", ""), ann.rates(id, "4.5", ""), ann.rates(id, "5", string(make([]byte, 0))+fmt.Sprintf("%04097d", 0))}
		}, []string{bad, bad, bad, bad, bad}, ""},
		{"just in time", func(p *play, ann, bea *guest, id string) []string {
			p.wait(wrap + 24*time.Hour - time.Second)
			return []string{ann.rates(id, "2", "")}
		}, []string{fine}, "2 "},
		{"too late", func(p *play, ann, bea *guest, id string) []string {
			p.wait(wrap + 24*time.Hour)
			return []string{ann.rates(id, "2", "")}
		}, []string{none}, ""},
		{"after a crash", func(p *play, ann, bea *guest, id string) []string {
			p.wait(wrap)
			p.kill()
			ann.back()
			first := ann.rates(id, "3", "")
			p.kill()
			ann.back()
			return []string{first, ann.rates(id, "3", "")}
		}, []string{fine, twice}, "3 "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, ann := chatted(t, webhook)
			bea := p.visitor("bea")
			id := p.row(1).ID
			if got := tc.do(p, ann, bea, id); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("answered with %v, want %v", got, tc.want)
			}
			kept := ""
			if row := p.row(1); row.Rating != 0 {
				kept = fmt.Sprint(row.Rating, " ", row.RatingText)
			}
			notices := 0
			for _, n := range p.kept.notices {
				if n.Event == "rated" && n.Conversation == id && n.Mail == nil {
					notices++
				}
			}
			if kept != tc.kept || (notices == 1) != (tc.kept != "") || notices > 1 {
				t.Errorf("kept %q, want %q; told outside %d times", kept, tc.kept, notices)
			}
		})
	}
}

// TestRatingLine: a rating before the end is a line of the transcript.
func TestRatingLine(t *testing.T) {
	p, ann := chatted(t)
	ann.rates(p.row(1).ID, "4", "quick")
	p.says(1, `
		1 join visitor Visitor 1
		2 join agent alice
		3 notice service Support «The chat is closed. Thank you and goodbye.»
		4 rating visitor «quick»`)
}

// TestTranscriptByMail: only one's own, only where the site lets visitors have it, not to a stranger's box again and again; and not
// before it is complete.
func TestTranscriptByMail(t *testing.T) {
	const fine, none, off, bad, often = "iq result", "iq error item-not-found", "iq error service-unavailable", "iq error bad-request", "iq error resource-constraint"
	mail := func(g *Group) { g.TranscriptMail, g.Mail = true, true }
	wrap := 30 * time.Second
	for _, tc := range []struct {
		name   string
		change func(*Group)
		do     func(p *play, ann, bea *guest, id string) []string
		want   []string
		to     []string
	}{
		{"before the end", mail, func(p *play, ann, bea *guest, id string) []string {
			got := []string{ann.wantsTranscript(id, "ann@example.org"), fmt.Sprint(len(p.kept.notices))}
			p.wait(wrap)
			return got
		}, []string{fine, "0"}, []string{"ann@example.org"}},
		{"before the end, over a crash", mail, func(p *play, ann, bea *guest, id string) []string {
			got := []string{ann.wantsTranscript(id, "ann@example.org")}
			p.kill()
			p.wait(5 * time.Minute)
			return got
		}, []string{fine}, []string{"ann@example.org"}},
		{"after the end", mail, func(p *play, ann, bea *guest, id string) []string {
			p.wait(wrap)
			return []string{ann.wantsTranscript(id, "ann@example.org"), bea.wantsTranscript(id, "bea@example.org"), ann.wantsTranscript("x", "a@b")}
		}, []string{fine, none, none}, []string{"ann@example.org"}},
		{"too often", mail, func(p *play, ann, bea *guest, id string) []string {
			got := []string{ann.wantsTranscript(id, "a@b"), ann.wantsTranscript(id, "c@d")}
			p.wait(wrap)
			return append(got, ann.wantsTranscript(id, "e@f"), ann.wantsTranscript(id, "g@h"))
		}, []string{fine, fine, fine, often}, []string{"a@b", "c@d", "e@f"}},
		{"to no address", mail, func(p *play, ann, bea *guest, id string) []string {
			return []string{ann.wantsTranscript(id, "a@b\r\nBcc: c@d"), ann.wantsTranscript(id, ""), ann.wantsTranscript(id, "a@b, c@d")}
		}, []string{bad, bad, bad}, nil},
		{"turned off", func(g *Group) { g.Mail = true }, func(p *play, ann, bea *guest, id string) []string {
			got := []string{ann.wantsTranscript(id, "a@b")}
			p.wait(wrap)
			return append(got, ann.wantsTranscript(id, "a@b"))
		}, []string{off, off}, nil},
		{"without a mail server", func(g *Group) { g.TranscriptMail = true }, func(p *play, ann, bea *guest, id string) []string {
			return []string{ann.wantsTranscript(id, "a@b")}
		}, []string{off}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, ann := chatted(t, tc.change)
			bea := p.visitor("bea")
			id := p.row(1).ID
			if got := tc.do(p, ann, bea, id); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("answered with %v, want %v", got, tc.want)
			}
			var to []string
			for _, n := range p.kept.notices {
				if n.Event == "transcript" && n.Conversation == id {
					to = append(to, n.Mail...)
				}
			}
			if !reflect.DeepEqual(to, tc.to) {
				t.Errorf("mailed to %v, want %v", to, tc.to)
			}
		})
	}
}

// TestClosedNotice: the webhook hears of each end, once.
func TestClosedNotice(t *testing.T) {
	p, _ := chatted(t, func(g *Group) { g.Webhook = map[string]bool{"closed": true} })
	if len(p.kept.notices) != 0 {
		t.Errorf("told before the end: %+v", p.kept.notices)
	}
	p.wait(30 * time.Second)
	bea := p.visitor("bea")
	bea.asks("?")
	bea.departs()
	p.kill()
	p.wait(time.Minute)
	want := []Notice{
		{Site: "shop", Workgroup: "support", Event: "closed", Conversation: p.row(1).ID, Time: p.row(1).Closed},
		{Site: "shop", Workgroup: "support", Event: "closed", Conversation: p.row(2).ID, Time: p.row(2).Closed},
	}
	if !reflect.DeepEqual(p.kept.notices, want) {
		t.Errorf("told %+v\nwant %+v", p.kept.notices, want)
	}
}
