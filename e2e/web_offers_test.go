package e2e

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What a site offers beside the chat: files, calls by agents, greetings.

// fetched is what stands at an address.
func fetched(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, res.Status, err)
	}
	return b
}

// drawn is a picture.
func drawn(t *testing.T, c color.Color) []byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, 64, 48), color.Palette{c})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A picture each way: it arrives as it was sent, and the visitor sees both, under the strictest policy and after a reload too.
func filesSent(t *testing.T, w *web) {
	a := w.agent(0)
	c, room := w.chat("filing", a, func(l *look) {
		l.gateway = "http://" + w.addr // where files are; another origin's aren't fetched without being asked for
		strict(l)
	})
	lamp, plan := drawn(t, color.RGBA{200, 0, 0, 255}), drawn(t, color.RGBA{0, 0, 200, 255})
	c.do("upload", css("input[type=file]").in(panel), map[string]any{"name": "my lamp.png", "type": "image/png", "base64": base64.StdEncoding.EncodeToString(lamp)})
	url := a.next("message", func(e event) bool { return e.Room == room && strings.Contains(e.Text, "/files/") }).Text
	if got := fetched(t, url); !bytes.Equal(got, lamp) {
		t.Errorf("the agent finds %d bytes at %s, the visitor has sent %d", len(got), url, len(lamp))
	}
	c.sees(role("img", "Picture: my lamp.png").in(chatLog))
	c.sees(text("Delivered").in(chatLog))
	a.do("send_file", map[string]any{"to": w.workgroup[strings.Index(w.workgroup, "@")+1:], "room": room, "name": "plan.png", "type": "image/png", "base64": base64.StdEncoding.EncodeToString(plan)})
	c.sees(role("img", "Picture: plan.png").in(chatLog))
	c.accessible("files")
	at := result[string](c.page, c.do("attribute", link("plan.png").in(chatLog), map[string]any{"name": "href"}))
	if got := fetched(t, at); !bytes.Equal(got, plan) {
		t.Errorf("the visitor finds %d bytes at %s, the agent has sent %d", len(got), at, len(plan))
	}
	c.do("upload", css("input[type=file]").in(panel), map[string]any{"name": "page.html", "type": "text/html", "base64": base64.StdEncoding.EncodeToString([]byte("<script>"))})
	c.sees(text("Files of this kind cannot be sent."))
	c.reload()
	for _, name := range []string{"my lamp.png", "plan.png"} {
		c.sees(role("img", "Picture: "+name).in(chatLog))
		if n := c.count(link(name).in(chatLog)); n != 1 {
			t.Errorf("%s is there %d times after a reload", name, n)
		}
	}
	c.quiet()
}

const consent = "We keep what you write for a year."

// mustAgree asserts that go on does nothing before the visitor has agreed to the site's text; then he agrees.
func (c *customer) mustAgree(goOn at) {
	c.t.Helper()
	c.sees(text(consent).in(panel))
	c.click(goOn)
	c.sees(text("Please agree first."))
	c.accessible("consent is missing")
	c.do("check", role("checkbox", "I agree").in(panel), nil)
	c.click(goOn)
}

// An agent sees who is on the site and calls him. He may decline; before he takes it he agrees to what the site wants, and until then nothing of
// it is stored.
func called(t *testing.T, w *web) {
	a := w.agent(0)
	stored := `() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((key) => !key.endsWith(':open'))`
	before := ""
	for _, accept := range []bool{false, true} {
		c := w.customer("called", strict)
		until(t, "he is the newest of those on the site", func() bool { // his page may have yet to connect
			a.tells(w.workgroup, "who")
			list := a.hearsFrom(w.workgroup).Text
			if !strings.HasPrefix(list, "1 · visitor ") || strings.HasPrefix(list, before) && before != "" {
				return false
			}
			before = list[:len("1 · visitor ")+6] // as much of his address as is shown
			return true
		})
		a.tells(w.workgroup, "call 1 May I help you with the lamps?")
		c.sees(role("heading", a.nick+" would like to talk to you").in(panel)) // it opens by itself
		c.sees(text("May I help you with the lamps?").in(panel))
		c.accessible("called")
		if left := evaluate[[]string](c.page, stored, nil); len(left) != 0 {
			t.Errorf("%q are stored before he has done anything", left)
		}
		if !accept {
			c.click(button("Not now").in(panel))
			a.hearsFrom(w.workgroup, "the visitor has left")
			c.sees(role("textbox", "Your question"))
			c.quiet()
			c.close()
			continue
		}
		c.mustAgree(button("Talk").exactly().in(panel))
		room := a.enters()
		both(c, a, room, "you called")
		c.quiet()
	}
}

// The site's rule greets on the page that it is for; who takes it up agrees to what the site wants before he asks. Who has dismissed it isn't
// greeted again.
func greeted(t *testing.T, w *web) {
	a := w.agent(0)
	greeting := role("region", "A word from us")
	visits := func(name string) *customer {
		t.Helper()
		c := w.customer(name, strict)
		c.sees(button("1 online"))
		c.click(link("Lamps").in(role("navigation", "Shop")))
		c.sees(text("Which lamp do you like?").in(greeting))
		return c
	}
	c := visits("dismissing")
	c.accessible("greeting")
	c.click(button("Dismiss").in(greeting))
	c.missing(greeting)
	if kept := evaluate[string](c.page, `() => JSON.stringify(sessionStorage)`, nil); kept != `{"usher:greets:greeted":"1"}` {
		t.Errorf("kept: %s", kept)
	}
	c.quiet()
	c.close()

	c = visits("taking-up")
	c.click(button("Which lamp do you like?").in(greeting))
	c.missing(greeting)
	c.fill(role("textbox", "Your question").in(panel), "The green one. Have you got it?")
	c.mustAgree(button("Start chat").in(panel))
	room := w.takes(a)
	both(c, a, room, "yes")
	c.quiet()
}
