package notify

import (
	"bytes"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
)

func letterTo(to ...string) letter {
	l := letter{from: mail.Address{Name: "Shop", Address: "desk@shop.example"}, subject: "A message", id: "01J", body: "Hello\n",
		date: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), lang: "en"}
	for _, a := range to {
		l.to = append(l.to, mail.Address{Address: a})
	}
	return l
}

// read is what a mail reader makes of a message.
func read(t testing.TB, raw []byte) (h mail.Header, subject, body string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("no message: %v\n%s", err, raw)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, subject, string(text)
}

func TestLetter(t *testing.T) {
	l := letterTo("ann@example.com", "bob@example.com")
	l.subject, l.body, l.lang = "Grüße aus dem Laden", "Schöne Grüße\n.\nEnde = gut\n", "de"
	l.reply = &mail.Address{Address: "maria@example.org"}
	raw := l.write()
	h, subject, body := read(t, raw)
	for name, want := range map[string]string{
		"From":                      `"Shop" <desk@shop.example>`,
		"To":                        "<ann@example.com>, <bob@example.com>",
		"Reply-To":                  "<maria@example.org>",
		"Date":                      "Mon, 23 Nov 2026 09:00:00 +0000",
		"Message-Id":                "<01J@shop.example>",
		"Auto-Submitted":            "auto-generated",
		"Mime-Version":              "1.0",
		"Content-Type":              "text/plain; charset=utf-8",
		"Content-Transfer-Encoding": "quoted-printable",
		"Content-Language":          "de",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if subject != "Grüße aus dem Laden" || body != "Schöne Grüße\r\n.\r\nEnde = gut\r\n" {
		t.Errorf("subject %q, body %q", subject, body)
	}
	for _, line := range strings.SplitAfter(string(raw), "\r\n") {
		if len(line) > 100 || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
			t.Errorf("not fit for every server: %q", line)
		}
	}
}

// Whatever a visitor types, it stays in its place: no header more than ours, no recipient more.
func FuzzLetter(f *testing.F) {
	for _, s := range []string{"plain", "a\r\nBcc: x@example.com", "a\nBcc: x@example.com\n\nbody", "=?utf-8?q?a=0D=0ABcc:_x?=", "\r", "\x00\xff\xfe",
		"ü\r\n ü", strings.Repeat("ü ", 300), "\u2028Bcc: x", "de\r\nX: y", "\v\f\u0085Bcc: x", ". \r\n.\r\nMAIL FROM:<x>"} {
		f.Add(s)
	}
	plain, _, _ := read(f, letterTo("ann@example.com").write())
	f.Fuzz(func(t *testing.T, s string) {
		l := letterTo("ann@example.com")
		l.subject, l.lang, l.body, l.from.Name = s, s, s, s
		raw := l.write()
		h, subject, body := read(t, raw)
		delete(h, "Content-Language")
		for name := range h {
			if plain[name] == nil {
				t.Errorf("header %q", name)
			}
			if len(h[name]) != 1 {
				t.Errorf("%d times %s", len(h[name]), name)
			}
		}
		if to := h.Get("To"); to != "<ann@example.com>" {
			t.Errorf("to %q", to)
		}
		if n := len([]rune(subject)); n > maxSubject {
			t.Errorf("a subject of %d runes", n)
		}
		if strings.ContainsAny(subject, "\r\n\x00") {
			t.Errorf("subject %q", subject)
		}
		norm := func(s string) string { // what can be seen of it
			return strings.Map(func(r rune) rune {
				if unicode.IsControl(r) || unicode.IsSpace(r) {
					return -1
				}
				return r
			}, strings.ToValidUTF8(s, "\uFFFD"))
		}
		if norm(body) != norm(s) {
			t.Errorf("body %q of %q", body, s)
		}
	})
}

func TestAddress(t *testing.T) {
	for s, want := range map[string]string{
		"maria@example.org":                   "maria@example.org",
		" maria@example.org ":                 "maria@example.org",
		"Maria <maria@example.org>":           "maria@example.org",
		"maria":                               "",
		"":                                    "",
		"a@example.org, b@example.org":        "",
		"a@example.org\r\nBcc: b@example.org": "",
		"a@example.org>\r\nRCPT TO:<b@example.org":     "",
		"\"a\\\r\nb\"@example.org":                     "",
		"maria@example.org\r\n":                        "",
		"<maria@example.org> SIZE=9":                   "",
		"=?utf-8?q?=0D=0ABcc:_x?= <maria@example.org>": "",
	} {
		a, ok := address(s)
		if a.Address != want || ok != (want != "") || a.Name != "" {
			t.Errorf("address(%q) = %v, %v, want %q", s, a, ok, want)
		}
	}
}

// docs/interface.md lists each text, and each is there in the languages of the others.
func TestTextsAreListed(t *testing.T) {
	doc, err := os.ReadFile("../docs/interface.md")
	if err != nil {
		t.Fatal(err)
	}
	for key, all := range texts {
		if !strings.Contains(string(doc), "`"+key+"`") {
			t.Errorf("docs/interface.md doesn't list the text %s", key)
		}
		for _, l := range []string{"en", "de", "fr", "es"} {
			if all[l] == "" {
				t.Errorf("no %s in %s", key, l)
			}
		}
	}
}
