package notify

import (
	"bytes"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// letter is a mail to be written. Its texts may be anything that somebody has typed.
type letter struct {
	from    mail.Address
	to      []mail.Address
	reply   *mail.Address // nil: to from
	subject string
	date    time.Time
	id      string // of the Message-ID: the same for each try, so that a repeat can be told
	lang    string
	body    string
}

const maxSubject = 120 // runes

// languageTag is the shape of a language tag (RFC 5646 §2.1), bounded.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$`)

// write makes the message (RFC 5322). No text reaches a header as it is: what isn't printable is taken out, and the rest is
// encoded where it must be (RFC 2047).
func (l letter) write() []byte {
	var b bytes.Buffer
	header := func(name, value string) {
		b.WriteString(name + ": " + value + "\r\n")
	}
	to := make([]string, len(l.to))
	for i := range l.to {
		to[i] = l.to[i].String()
	}
	header("From", l.from.String())
	header("To", strings.Join(to, ",\r\n "))
	if l.reply != nil {
		header("Reply-To", l.reply.String())
	}
	header("Subject", strings.ReplaceAll(mime.QEncoding.Encode("utf-8", oneLine(l.subject, maxSubject)), "?= =?", "?=\r\n =?"))
	header("Date", l.date.Format(time.RFC1123Z))
	_, domain, _ := strings.Cut(l.from.Address, "@")
	header("Message-ID", "<"+l.id+"@"+domain+">")
	header("Auto-Submitted", "auto-generated") // RFC 3834 §5: no holiday notes back
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	if languageTag.MatchString(l.lang) {
		header("Content-Language", l.lang)
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(manyLines(l.body))) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// oneLine makes a text fit for a header: no line ends or other control characters, nothing that a reader would take for
// encoded (RFC 2047 §2), at most n runes.
func oneLine(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	s = strings.ReplaceAll(s, "=?", "= ?")
	if r := []rune(s); len(r) > n {
		s = string(r[:n-1]) + "…"
	}
	return s
}

// manyLines makes a text fit for a body: line ends of one kind, no other control characters but tabs.
func manyLines(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// address reads one mail address as a visitor or the config gives it, without a name.
func address(s string) (mail.Address, bool) {
	a, err := mail.ParseAddress(s)
	if err != nil || strings.ContainsAny(a.Address, "\r\n") {
		return mail.Address{}, false
	}
	return mail.Address{Address: a.Address}, true
}
