package bosh

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A rid that is no rid, or outside the window, ends the session (XEP-0124 §14).
func TestBadRID(t *testing.T) {
	for _, c := range []struct {
		name, rid string
		want      string
	}{
		{"missing", ``, "bad-request"},
		{"empty", `rid=''`, "bad-request"},
		{"negative", `rid='-1'`, "bad-request"},
		{"zero", `rid='0'`, "bad-request"},
		{"signed", `rid='+1004'`, "bad-request"},
		{"not a number", `rid='1e3'`, "bad-request"},
		{"a fraction", `rid='1004.0'`, "bad-request"},
		{"over 2^53-1", `rid='9007199254740992'`, "bad-request"},
		{"huge", `rid='99999999999999999999999999'`, "bad-request"},
		{"early by a lot", `rid='2002'`, "item-not-found"},
		{"early by one", `rid='1006'`, "item-not-found"},
		{"the largest", `rid='9007199254740991'`, "item-not-found"},
		{"late", `rid='1'`, "item-not-found"},
		{"not kept any more", `rid='1001'`, "item-not-found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, d *desk) {
				cl := d.login("") // 1003 was the last
				bad := `<body ` + c.rid + ` sid='` + cl.sid + `' xmlns='http://jabber.org/protocol/httpbind'>` + message("evil") + `</body>`
				x := d.ask(bad)
				d.wantBody(x, stop(c.want))
				if d.ids() != "" {
					t.Errorf("its payload went through: %s", d.ids())
				}
				if d.ending(t).Err == nil || d.srv.Sessions() != 0 {
					t.Error("the session lives on")
				}
				d.wantBody(d.ask(cl.body("", "")), stop(c.want)) // what was told stays known
			})
		})
	}
}

// The held request is told too, in the order of rids.
func TestBreachTellsAll(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		poll := d.ask(c.body("", ""))
		bad := d.ask(c.at(c.rid+9, "", ""))
		d.wantBody(poll, stop("item-not-found"))
		d.wantBody(bad, stop("item-not-found"))
	})
}

// The largest rid of all: the client must not come above it, and may come up to it.
func TestLargestRID(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		x := d.ask(fmt.Sprintf(`<body rid='%d' %s/>`, uint64(maxRID-2), creation))
		c := &client{sid: attr(t, x.said(), "sid")}
		d.want(d.ask(c.at(maxRID-1, "", auth)), "<success")
		d.want(d.ask(c.at(maxRID, restart, "")), "<bind")
		d.wantBody(d.ask(c.at(maxRID+1, "", bind)), stop("bad-request"))
	})
}

// An unknown sid costs nothing and harms nobody.
func TestUnknownSID(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		other := newKey().sid("node-1")
		random, _, _ := strings.Cut(c.sid, ".")
		last := random[len(random)-1]
		for _, sid := range []string{other, "x", random, random + ".node-2", random + ".", strings.ToUpper(random) + ".node-1",
			random[:sidRandom-1] + string(last+1) + ".node-1", strings.Repeat("a", 5000), "&#65;"} {
			bad := &client{sid: sid}
			d.wantBody(d.ask(bad.at(1004, "", "")), stop("item-not-found"))
		}
		d.wantHeld(d.ask(c.body("", "")))
	})
}

// §14.2: reordering, also of an empty request behind one with a stanza.
func TestReorder(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		d.wantHeld(d.ask(c.body("", ""))) // 1004
		third := d.ask(c.at(c.rid+2, "", ""))
		d.wantHeld(third)
		if d.ids() != "" {
			t.Fatal(d.ids())
		}
		second := d.ask(c.at(c.rid+1, "", message("a")))
		d.wantBody(second, empty)
		d.wantHeld(third)
		if d.ids() != "a" {
			t.Errorf("heard %q", d.ids())
		}
		d.send(0, "b")
		d.wantBody(third, wrap(message("b")))
	})
}

// A request whose predecessor never comes is given back for repetition (§17.3), and nothing is lost.
func TestPredecessorLost(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		ahead := c.at(c.rid+2, "", message("b"))
		x := d.ask(ahead)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		d.wantBody(x, string(recoverableBody))
		first := d.ask(c.at(c.rid+1, "", message("a")))
		d.wantBody(first, empty) // 1005 is known, so 1004 isn't held
		second := d.ask(ahead)
		d.wantHeld(second)
		if d.ids() != "a b" {
			t.Errorf("heard %q", d.ids())
		}
	})
}

// §14.3: a repeat of the rid that is held releases the older connection and is held instead.
func TestRepeatOfHeld(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		again := c.body("", message("a"))
		first := d.ask(again)
		d.wantHeld(first)
		second := d.ask(again)
		d.wantBody(first, `<body xmlns='http://jabber.org/protocol/httpbind' type='error'/>`)
		d.wantHeld(second)
		d.send(0, "m")
		d.wantBody(second, wrap(message("m")))
		d.wantBody(d.ask(again), wrap(message("m")))
		if d.ids() != "a" {
			t.Errorf("heard %q", d.ids())
		}
	})
}

// The client leaves while its request is held: what comes meanwhile waits for the repeat, or for the next request.
func TestLeavesWhileHeld(t *testing.T) {
	for _, again := range []bool{true, false} {
		t.Run(fmt.Sprint("repeats ", again), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, d *desk) {
				c := d.login("")
				poll := c.body("", "")
				d.ask(poll).lose()
				if d.srv.Held() != 0 {
					t.Error("still held")
				}
				d.send(0, "m")
				if again {
					d.wantBody(d.ask(poll), wrap(message("m")))
				} else {
					d.wantBody(d.ask(c.body("", "")), wrap(message("m")))
					d.wantBody(d.ask(poll), empty)
				}
			})
		})
	}
}

// Repeats are overlooked up to a number, since they get round the limits on polling (§14.3: MAY).
func TestTooManyRepeats(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		poll := c.body("", "")
		d.wantHeld(d.ask(poll))
		for range spare {
			d.wantHeld(d.ask(poll))
		}
		d.wantBody(d.ask(poll), stop("policy-violation"))
	})
}

// They come back with time.
func TestRepeatsOverTime(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("")
		poll := c.body("", "")
		for range 3 * spare {
			d.wantHeld(d.ask(poll))
			time.Sleep(5 * time.Second)
		}
	})
}

// The answers kept are bounded in bytes; the newest always stays.
func TestKeptIsBounded(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *desk) {
		c := d.login("ack='1'")
		big := strings.Repeat("x", 60<<10)
		for i := range 8 {
			d.send(0, big)
			d.want(d.ask(c.body("ack='1'", "")), big) // acknowledges nothing of it
			e := d.session(c)
			if e.keptLen > maxKept || len(e.kept) == 0 || e.kept[len(e.kept)-1].rid != uint64(c.rid) {
				t.Fatalf("%d: %d bytes in %d", i, e.keptLen, len(e.kept))
			}
		}
	})
}

func (d *desk) session(c *client) *session {
	key, _ := parseSID([]byte(c.sid), "node-1")
	return d.srv.table.get(key)
}

// keys is a client's key sequence (§15).
type keys struct {
	chain []string
	upper bool
}

func newKeys(seed string, n int, upper bool) *keys {
	k := &keys{upper: upper}
	for range n {
		sum := sha1.Sum([]byte(seed))
		if seed = hex.EncodeToString(sum[:]); upper {
			seed = strings.ToUpper(seed)
		}
		k.chain = append(k.chain, seed)
	}
	return k
}

func (k *keys) next() string {
	last := k.chain[len(k.chain)-1]
	k.chain = k.chain[:len(k.chain)-1]
	return last
}

// testStreamKeying1 to 5 (Punjab), and more of §15.
func TestKeys(t *testing.T) {
	key := func(k *keys) string { return "key='" + k.next() + "'" }
	open := func(d *desk, k *keys) *client {
		c, _ := d.open("newkey='" + k.next() + "'")
		return c
	}
	t.Run("a valid chain, in either case", func(t *testing.T) {
		for _, upper := range []bool{false, true} {
			bubble(t, nil, func(t *testing.T, d *desk) {
				k := newKeys("seed", 9, upper)
				c := open(d, k)
				d.want(d.ask(c.body(key(k), auth)), "<success")
				d.want(d.ask(c.body(key(k)+" "+restart, "")), "<bind")
				d.want(d.ask(c.body(key(k), bind)), "<jid>")
				again := c.body(key(k), message("a"))
				first := d.ask(again)
				d.wantHeld(first)
				d.wantHeld(d.ask(again)) // an exact copy
			})
		}
	})
	t.Run("out of order", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			k := newKeys("seed", 9, false)
			c := open(d, k)
			first, second := c.body(key(k), auth), c.body(key(k)+" "+restart, "")
			x := d.ask(second)
			d.wantHeld(x)
			d.want(d.ask(first), "<success")
			d.want(x, "<bind")
		})
	})
	t.Run("switching to another sequence", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			k := newKeys("seed", 2, false)
			c := open(d, k)
			other := newKeys("other", 5, true)
			d.want(d.ask(c.body(key(k)+" newkey='"+other.next()+"'", auth)), "<success")
			d.want(d.ask(c.body(key(other)+" "+restart, "")), "<bind")
			d.want(d.ask(c.body(key(other), bind)), "<jid>")
		})
	})
	for _, c := range []struct{ name, key string }{
		{"missing", ""},
		{"wrong", "key='" + strings.Repeat("ab", 20) + "'"},
		{"not hexadecimal", "key='" + strings.Repeat("xy", 20) + "'"},
		{"too short", "key='ab'"},
		{"a wrong newkey", "key='%s' newkey='1'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, d *desk) {
				k := newKeys("seed", 9, false)
				cl := open(d, k)
				bad := c.key
				if strings.Contains(bad, "%s") {
					bad = fmt.Sprintf(bad, k.next())
				}
				d.wantBody(d.ask(cl.body(bad, auth)), stop("item-not-found"))
				if d.ending(t).Err == nil || d.stream(0).Bound() != "" {
					t.Error("it was processed")
				}
			})
		})
	}
	t.Run("a wrong one on a repeat", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			k := newKeys("seed", 9, false)
			c := open(d, k)
			good := key(k)
			d.want(d.ask(c.body(good, auth)), "<success")
			d.want(d.ask(c.at(c.rid, good, auth)), "<success")
			d.wantBody(d.ask(c.at(c.rid, "", auth)), stop("item-not-found"))
		})
	})
	t.Run("an unexpected one", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			c, _ := d.open("")
			d.wantBody(d.ask(c.body("key='"+strings.Repeat("ab", 20)+"'", auth)), stop("item-not-found"))
		})
	})
	t.Run("a wrong first newkey", func(t *testing.T) {
		bubble(t, nil, func(t *testing.T, d *desk) {
			d.wantBody(d.ask(`<body rid='1' newkey='x' `+creation+`/>`), stop("bad-request"))
			if d.srv.Sessions() != 0 || len(d.streams) != 0 {
				t.Errorf("%d sessions, %d streams", d.srv.Sessions(), len(d.streams))
			}
		})
	})
}
