package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// SMTP is the mail server that takes our mail.
type SMTP struct {
	Address  string // host:port; empty: no mail
	TLS      string // starttls | direct | none
	User     string // empty: no login
	Password string // sent encrypted, or to the own machine only
	From     string // the sender's address, may have a name

	Roots *tls.Config // trust besides the system's; nil: the system's
}

// smtpTime is how long one mail may take, from dialing to the server's last word.
const smtpTime = time.Minute

// errNoTLS is returned where a server that must encrypt can't: nothing was said to it but EHLO.
var errNoTLS = errors.New("notify: smtp: the server offers no STARTTLS")

// refusedError is the mail server's lasting refusal of one mail (RFC 5321 §4.2.1, 5yz to RCPT or DATA): asking again is no use.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return "notify: smtp: refused: " + e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// send hands one mail to the server for all of its recipients, in one transaction: those that the server refuses
// for good are left out and named in a *refusedError, once the others have been served.
func (s SMTP) send(ctx context.Context, dial func(ctx context.Context, network, address string) (net.Conn, error), from string, to []string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, smtpTime)
	defer cancel()
	conn, err := dial(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("notify: smtp: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c, err := s.greet(conn)
	if err != nil {
		return err
	}
	if s.User != "" {
		if err := c.Auth(s.login(c)); err != nil {
			return fmt.Errorf("notify: smtp: login: %w", err)
		}
	}
	if err := c.Mail(from); err != nil {
		return fmt.Errorf("notify: smtp: sender: %w", err)
	}
	var refused []error
	for _, r := range to {
		if err := c.Rcpt(r); lasting(err) {
			refused = append(refused, fmt.Errorf("%s: %w", r, err))
		} else if err != nil {
			return fmt.Errorf("notify: smtp: recipient: %w", err)
		}
	}
	if len(refused) < len(to) {
		if err := submit(c, data); err != nil {
			return err
		}
	}
	_ = c.Quit() // the mail is the server's already
	if len(refused) > 0 {
		return &refusedError{errors.Join(refused...)}
	}
	return nil
}

func submit(c *smtp.Client, data []byte) error {
	w, err := c.Data()
	if err == nil {
		if _, err = w.Write(data); err == nil {
			err = w.Close()
		}
	}
	switch {
	case lasting(err):
		return &refusedError{err}
	case err != nil:
		return fmt.Errorf("notify: smtp: data: %w", err)
	}
	return nil
}

// greet encrypts as configured; with starttls nothing else is said before.
func (s SMTP) greet(conn net.Conn) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, fmt.Errorf("notify: smtp: %w", err)
	}
	trust := &tls.Config{}
	if s.Roots != nil {
		trust = s.Roots.Clone()
	}
	trust.ServerName = host
	if s.TLS == "direct" {
		conn = tls.Client(conn, trust)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, fmt.Errorf("notify: smtp: %w", err)
	}
	if s.TLS == "starttls" {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return nil, errNoTLS
		}
		if err := c.StartTLS(trust); err != nil {
			return nil, fmt.Errorf("notify: smtp: %w", err)
		}
	}
	return c, nil
}

// login picks the way to log in: PLAIN (which net/smtp refuses to say over an open line to another machine), else CRAM-MD5.
func (s SMTP) login(c *smtp.Client) smtp.Auth {
	host, _, _ := net.SplitHostPort(s.Address)
	_, offered := c.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	for _, w := range ways {
		if w == "PLAIN" {
			return smtp.PlainAuth("", s.User, s.Password, host)
		}
	}
	for _, w := range ways {
		if w == "CRAM-MD5" {
			return smtp.CRAMMD5Auth(s.User, s.Password)
		}
	}
	return smtp.PlainAuth("", s.User, s.Password, host)
}

// lasting tells a refusal for good from one for now.
func lasting(err error) bool {
	var e *textproto.Error
	return errors.As(err, &e) && e.Code/100 == 5
}
