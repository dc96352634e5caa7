package e2e

import "strings"

// customer is a person on a page with the widget, as far as he knows it: by what it says and shows.
type customer struct {
	*page
	net  *relay // between his browser and the gateway
	base string // address of the shop's first page
}

// The widget's words, in English.
var (
	launcher = button("/^Chat with us|^Close chat|^Leave a message/")
	panel    = role("dialog", "")
	chatLog  = role("log", "Conversation")
	composer = role("textbox", "Your message")
)

// look is the shop's page with this story's workgroup, for somebody who reaches the gateway through net.
func (w *web) look(net *relay) look {
	return look{gateway: "http://" + net.addr, attrs: map[string]string{"data-site": w.site, "data-workgroup": w.group}}
}

// customer opens the shop in a browser of his own. more may change the page; it may be nil.
func (w *web) customer(name string, more func(*look), options ...map[string]any) *customer {
	w.scene.t.Helper()
	net := newProxy(w.scene.t, w.addr)
	l := w.look(net)
	if more != nil {
		more(&l)
	}
	base := w.shop.add(l)
	p := w.browser.person(w.scene.t, name, options...)
	return &customer{page: p.opens(base), net: net, base: base}
}

// asks opens the widget and asks for help.
func (c *customer) asks(question string) {
	c.t.Helper()
	c.click(launcher)
	c.fill(role("textbox", "Your question").in(panel), question)
	c.click(button("Start chat").in(panel))
}

// says writes a line and sees it delivered in his own log.
func (c *customer) says(words string) {
	c.t.Helper()
	c.fill(composer, words)
	c.press(composer, "Enter")
	c.hears(words)
}

// hears waits until the log shows this, and says how often it does.
func (c *customer) hears(words string) int {
	c.t.Helper()
	c.sees(text(words).in(chatLog))
	return strings.Count(strings.Join(c.texts(chatLog), "\n"), words)
}

// heard asserts what the log shows, in this order, each once, with nothing of the like between.
func (c *customer) heard(words ...string) {
	c.t.Helper()
	c.hears(words[len(words)-1])
	all := strings.Join(c.texts(chatLog), "\n")
	at := 0
	for _, line := range words {
		i := strings.Index(all[at:], line)
		if i < 0 {
			c.t.Fatalf("%s's log lacks %q, or it is out of order:\n%s", c.name, line, all)
		}
		if n := strings.Count(all, line); n != 1 {
			c.t.Errorf("%s's log shows %q %d times:\n%s", c.name, line, n, all)
		}
		at += i + len(line)
	}
}

// quiet asserts that no policy was hurt and nothing was complained about, but for what is expected.
func (c *customer) quiet(expected ...string) {
	c.t.Helper()
	for _, line := range c.complaints() {
		if !containsAny(line, expected) {
			c.t.Errorf("%s's page: %s", c.name, line)
		}
	}
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// A form that asks for more than the question, so it is shown.
const nameForm = `, form: [{var: name, type: text-single, label: {en: Your name}, required: true}, {var: question, type: text-multi, label: {en: Your question}, required: true}]`

func webStories() []story {
	everywhere := []string{"chromium", "firefox"}
	return []story{
		{name: "watched", browsers: everywhere, agents: 1, tell: watched},
		{name: "launched", browsers: everywhere, agents: 1, tell: launched},
		{name: "cheap", alone: true, agents: 1, tell: cheap},
		{name: "story", browsers: everywhere, agents: 1, group: nameForm, tell: wholeStory},
		{name: "continued", browsers: everywhere, agents: 1, tell: continued},
		{name: "cut", agents: 1, tell: networkCut},
		{name: "bosh", agents: 1, tell: overBOSH},
		{name: "gone", agents: 2, timers: "agent_lost: 5s", tell: agentGone},
		{name: "queue", agents: 1, group: ", max_chats: 1", tell: queued},
		{name: "rated", agents: 1, tell: rated},
		{name: "late", agents: 1, tell: messageLeft},
		{name: "small", agents: 1, tell: smallThings},
		{name: "tabs", browsers: everywhere, agents: 1, tell: tabs},
		{name: "plain", agents: 1, tell: plainPage},
		{name: "strict", browsers: everywhere, agents: 1, tell: strictPage},
		{name: "hostile", browsers: everywhere, agents: 1, tell: hostilePage},
		{name: "words", agents: 1, tell: hostileWords},
		{name: "files", agents: 1, tell: filesSent},
		{name: "called", site: "calls", agents: 1, tell: called},
		{name: "greeted", site: "greets", agents: 1, tell: greeted},
		{name: "api", agents: 1, tell: pageAPI},
		{name: "element", agents: 1, tell: element},
		{name: "keyboard", agents: 1, tell: byKeyboard},
		{name: "pictures", agents: 1, tell: pictures},
	}
}
