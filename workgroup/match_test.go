package workgroup

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// somebody is a candidate that is ready; change makes him somebody else.
func somebody(jid string, change ...func(*candidate)) candidate {
	c := candidate{jid: jid, standing: ready, capacity: 3}
	for _, f := range change {
		f(&c)
	}
	return c
}

func TestMatch(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	as := func(s standing) func(*candidate) { return func(c *candidate) { c.standing = s } }
	keen := func(c *candidate) { c.keen = true }
	declined := func(c *candidate) { c.declined = true }
	chats := func(n int) func(*candidate) { return func(c *candidate) { c.chats = n } }
	idle := func(m int) func(*candidate) {
		return func(c *candidate) { c.idleSince = noon.Add(-time.Duration(m) * time.Minute) }
	}
	took := func(m int) func(*candidate) {
		return func(c *candidate) { c.lastTaken = noon.Add(-time.Duration(m) * time.Minute) }
	}
	skills := func(s ...string) func(*candidate) { return func(c *candidate) { c.skills = s } }
	speaks := func(s ...string) func(*candidate) { return func(c *candidate) { c.languages = s } }
	all := rules{strategy: "least-busy", byLanguage: true, bySkills: true, sticky: true, away: true}
	with := func(f func(*rules)) rules {
		r := all
		f(&r)
		return r
	}
	ringAll := with(func(r *rules) { r.strategy = "ring-all" })
	roundRobin := with(func(r *rules) { r.strategy = "round-robin" })

	for _, c := range []struct {
		name string
		r    request
		how  rules
		all  []candidate
		want string // JIDs
	}{
		{"nobody at all", request{}, all, nil, ""},
		{"fewest chats", request{}, all, []candidate{somebody("a", chats(2)), somebody("b", chats(1)), somebody("c", chats(2))}, "b"},
		{"longest idle", request{}, all, []candidate{somebody("a", idle(3)), somebody("b", idle(9)), somebody("c", idle(5))}, "b"},
		{"never had a chat", request{}, all, []candidate{somebody("a", idle(3)), somebody("b")}, "b"},
		{"longest ago in the circle", request{}, roundRobin, []candidate{somebody("a", took(3)), somebody("b", took(2)), somebody("c", took(9), chats(2))}, "c"},
		{"the circle begins with who never took one", request{}, roundRobin, []candidate{somebody("a", took(3)), somebody("b")}, "b"},
		{"all of them", request{}, ringAll, []candidate{somebody("c"), somebody("a", keen), somebody("b", as(busy)), somebody("d", as(reserve))}, "a c"},
		{"keen before plain", request{}, all, []candidate{somebody("a"), somebody("b", keen, chats(2))}, "b"},
		{"the least busy of the keen", request{}, all, []candidate{somebody("a"), somebody("b", keen, chats(2)), somebody("c", keen, chats(1))}, "c"},
		{"reserve only if nobody is ready", request{}, all, []candidate{somebody("a", as(reserve)), somebody("b", chats(2))}, "b"},
		{"reserve", request{}, all, []candidate{somebody("a", as(reserve)), somebody("b", as(busy))}, "a"},
		{"no reserve", request{}, with(func(r *rules) { r.away = false }), []candidate{somebody("a", as(reserve)), somebody("b", as(busy))}, ""},
		{"declined", request{}, all, []candidate{somebody("a", declined), somebody("b", chats(2))}, "b"},
		{"all have declined", request{}, all, []candidate{somebody("a", declined)}, ""},
		{"at capacity", request{}, all, []candidate{somebody("a", chats(3))}, ""},
		{"no standing", request{}, ringAll, []candidate{somebody("a", as(off)), somebody("b", as(paused)), somebody("c", as(unknown)), somebody("d", as(busy))}, ""},

		{"language", request{language: "de-AT"}, all, []candidate{somebody("a", speaks("en")), somebody("b", speaks("en", "DE"), chats(2))}, "b"},
		{"a language that nobody speaks", request{language: "fi"}, all, []candidate{somebody("a", speaks("en")), somebody("b", speaks("de"), chats(2))}, "a"},
		{"waits for who speaks it", request{language: "de"}, all, []candidate{somebody("a", speaks("en")), somebody("b", speaks("de"), as(busy))}, ""},
		{"who speaks it isn't there", request{language: "de"}, all, []candidate{somebody("a", speaks("en")), somebody("b", speaks("de"), as(off))}, "a"},
		{"who speaks it has declined", request{language: "de"}, all, []candidate{somebody("a", speaks("en")), somebody("b", speaks("de"), declined)}, "a"},
		{"nothing said of languages", request{language: "de"}, all, []candidate{somebody("a"), somebody("b", speaks("de"), chats(2))}, "a"},
		{"not by language", request{language: "de"}, with(func(r *rules) { r.byLanguage = false }), []candidate{somebody("a", speaks("en")), somebody("b", speaks("de"), chats(1))}, "a"},

		{"skills, all of them", request{skills: []string{"billing", "vip"}}, all, []candidate{somebody("a", skills("billing")), somebody("b", skills("VIP", "billing"), chats(2))}, "b"},
		{"a skill that nobody has", request{skills: []string{"law"}}, all, []candidate{somebody("a"), somebody("b", skills("vip"), chats(2))}, "a"},
		{"skills give way to language", request{skills: []string{"vip"}, language: "de"}, all, []candidate{somebody("a", skills("vip"), speaks("en")), somebody("b", speaks("de"), chats(2))}, "b"},
		{"not by skills", request{skills: []string{"vip"}}, with(func(r *rules) { r.bySkills = false }), []candidate{somebody("a"), somebody("b", skills("vip"), chats(2))}, "a"},

		{"had him before", request{sticky: "b"}, all, []candidate{somebody("a"), somebody("b", chats(2))}, "b"},
		{"waits for whom he had before", request{sticky: "b"}, all, []candidate{somebody("a"), somebody("b", as(busy))}, ""},
		{"who was before isn't there", request{sticky: "b"}, all, []candidate{somebody("a"), somebody("b", as(paused))}, "a"},
		{"who was before gives way to skills", request{sticky: "b", skills: []string{"vip"}}, all, []candidate{somebody("a", skills("vip")), somebody("b")}, "a"},
		{"not sticky", request{sticky: "b"}, with(func(r *rules) { r.sticky = false }), []candidate{somebody("a"), somebody("b", chats(2))}, "a"},

		{"asked for by name", request{only: "b", language: "de", sticky: "a"}, all, []candidate{somebody("a"), somebody("b", speaks("en"), chats(2))}, "b"},
		{"by name, for all", request{only: "b"}, ringAll, []candidate{somebody("a"), somebody("b")}, "b"},
		{"by name, busy", request{only: "b"}, all, []candidate{somebody("a"), somebody("b", as(busy))}, ""},
		{"by name, declined", request{only: "b"}, all, []candidate{somebody("a"), somebody("b", declined)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := fmt.Sprint(c.all)
			picked, reason := match(c.r, c.all, c.how, func(int) int { t.Fatal("not random"); return 0 })
			if got := strings.Join(picked, " "); got != c.want {
				t.Errorf("picked %q, want %q: %s", got, c.want, reason)
			}
			if reason == "" {
				t.Error("no reason")
			}
			if fmt.Sprint(c.all) != given {
				t.Error("the candidates were changed")
			}
		})
	}
}

var strategies = []string{"random", "least-busy", "round-robin", "ring-all"}

// Whatever the rules, nobody gets an offer who can't take it; somebody gets it if anybody is ready and no filter wants
// another; and the reserve only when nobody is ready.
func TestMatchPicksOnlyWhoCanTakeIt(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	words := rapid.SliceOfN(word, 0, 2)
	rapid.Check(t, func(t *rapid.T) {
		var all []candidate
		for i := range rapid.IntRange(0, 8).Draw(t, "n") {
			all = append(all, candidate{
				jid:       fmt.Sprintf("%c@example", 'a'+i),
				standing:  standing(rapid.IntRange(int(off), int(ready)).Draw(t, "standing")),
				keen:      rapid.Bool().Draw(t, "keen"),
				chats:     rapid.IntRange(0, 4).Draw(t, "chats"),
				capacity:  rapid.IntRange(0, 4).Draw(t, "capacity"),
				skills:    words.Draw(t, "skills"),
				languages: words.Draw(t, "languages"),
				declined:  rapid.Bool().Draw(t, "declined"),
			})
		}
		r := request{skills: words.Draw(t, "wanted"), language: word.Draw(t, "language")}
		if len(all) > 0 && rapid.Bool().Draw(t, "had one before") {
			r.sticky = rapid.SampledFrom(all).Draw(t, "sticky").jid
		}
		if len(all) > 0 && rapid.IntRange(0, 3).Draw(t, "by name") == 0 {
			r.only = rapid.SampledFrom(all).Draw(t, "only").jid
		}
		how := rules{strategy: rapid.SampledFrom(strategies).Draw(t, "strategy"), byLanguage: rapid.Bool().Draw(t, "by language"),
			bySkills: rapid.Bool().Draw(t, "by skills"), sticky: rapid.Bool().Draw(t, "sticky"), away: rapid.Bool().Draw(t, "away")}
		picked, _ := match(r, all, how, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "any") })

		if len(picked) > 1 && how.strategy != "ring-all" {
			t.Fatalf("%d were picked", len(picked))
		}
		fits := func(c candidate, s standing) bool {
			return c.standing == s && !c.declined && c.chats < c.capacity && (r.only == "" || c.jid == r.only)
		}
		reserves := 0
		for i, jid := range picked {
			if slices.Contains(picked[:i], jid) {
				t.Fatalf("%s was picked twice", jid)
			}
			c := all[slices.IndexFunc(all, func(c candidate) bool { return c.jid == jid })]
			if fits(c, reserve) && how.away {
				reserves++
			} else if !fits(c, ready) {
				t.Fatalf("picked %+v", c)
			}
		}
		if reserves != 0 && reserves != len(picked) {
			t.Fatal("the reserve was asked beside who is ready")
		}
		unfiltered := r.only != "" || !how.byLanguage && !how.bySkills && !how.sticky
		somebody := slices.ContainsFunc(all, func(c candidate) bool { return fits(c, ready) || how.away && fits(c, reserve) })
		if unfiltered && somebody && len(picked) == 0 {
			t.Fatal("nobody was picked though somebody could")
		}
	})
}

// With round-robin, over any run of offers that are taken, no two agents who are always ready differ by more than one.
func TestMatchRoundRobinIsACircle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "agents")
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		var all []candidate
		for i := range n {
			all = append(all, candidate{jid: fmt.Sprint(i), standing: ready, capacity: 1 << 20})
		}
		taken := make([]int, n)
		var last []string
		for range rapid.IntRange(n, 5*n).Draw(t, "offers") {
			now = now.Add(time.Second)
			picked, _ := match(request{}, all, rules{strategy: "round-robin"}, nil)
			i := slices.IndexFunc(all, func(c candidate) bool { return c.jid == picked[0] })
			all[i].lastTaken = now
			all[i].chats++
			taken[i]++
			if last = append(last, picked[0]); len(last) > n && last[len(last)-1] != last[len(last)-1-n] {
				t.Fatalf("not a circle: %v", last)
			}
			if slices.Max(taken)-slices.Min(taken) > 1 {
				t.Fatalf("unfair: %v", taken)
			}
		}
	})
}

// Random spreads evenly: each of the ready is as likely as the others, those who aren't never are.
func TestMatchRandomSpreads(t *testing.T) {
	all := []candidate{somebody("a"), somebody("b", func(c *candidate) { c.standing = busy }), somebody("c"), somebody("d"), somebody("e")}
	count := make(map[string]int)
	for i := range 4000 {
		picked, _ := match(request{}, all, rules{strategy: "random"}, func(n int) int { return i % n })
		count[picked[0]]++
	}
	for _, jid := range []string{"a", "c", "d", "e"} {
		if count[jid] != 1000 {
			t.Errorf("%s was picked %d times of 4000", jid, count[jid])
		}
	}
}
