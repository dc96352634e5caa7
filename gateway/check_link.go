package gateway

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"strings"
	"time"

	"usher/upstream"
	"usher/xmpp"
)

// checkWait is how long `usher check` waits for an answer.
const checkWait = 10 * time.Second

var errNoWord = errors.New("no answer in time")

// checkLink is a component link of `usher check`; the goroutine that checks is the only one that uses it.
type checkLink struct {
	domain string
	link   *upstream.Link
	in     chan []byte
	ended  chan struct{}
	err    error // why it couldn't be made
}

func (l *checkLink) open(ctx context.Context, up *UpstreamConfig, component Component, secure *tls.Config) (err error) {
	for _, address := range up.Address {
		attempt, cancel := context.WithTimeout(ctx, checkWait)
		l.link, err = upstream.Dial(attempt, upstream.Config{
			Domain: component.Domain, Secret: component.Secret.Value(), Address: address, TLS: secure, Limits: xmpp.Limits{Bytes: maxUpstreamStanza},
		})
		cancel()
		if err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	l.in, l.ended = make(chan []byte, 256), make(chan struct{})
	go func() { // ended by close
		l.link.Serve(context.Background(), l)
		close(l.ended)
	}()
	return nil
}

// Stanza takes what comes; a flood of what nobody has asked for is dropped.
func (l *checkLink) Stanza(_ *upstream.Link, e *xmpp.Element) {
	select {
	case l.in <- e.Append(nil, xmpp.Component, &xmpp.Header{To: e.To, From: e.From, Type: e.Type, ID: e.ID, Lang: e.Lang}):
	default:
	}
}

// Flush is part of upstream.Receiver.
func (l *checkLink) Flush(*upstream.Link) {}

func (l *checkLink) send(stanza []byte) error { return l.link.WriteRaw(context.Background(), stanza) }

func (l *checkLink) receive() ([]byte, error) {
	wait := time.NewTimer(checkWait)
	defer wait.Stop()
	select {
	case b := <-l.in:
		return b, nil
	case <-l.ended:
		return nil, upstream.ErrClosed
	case <-wait.C:
		return nil, errNoWord
	}
}

func (l *checkLink) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	l.link.Close(ctx)
	<-l.ended
}

// versionAnswer is what is read of an answer to jabber:iq:version (XEP-0092) or disco#info.
type versionAnswer struct {
	ID    string `xml:"id,attr"`
	Type  string `xml:"type,attr"`
	Query struct {
		Name     string `xml:"name"`
		Version  string `xml:"version"`
		Identity []struct {
			Category string `xml:"category,attr"`
			Name     string `xml:"name,attr"`
		} `xml:"identity"`
	} `xml:"query"`
}

// askVersion asks the server what it is: on the domains of accounts and agents, and the one that the rooms' domain is below.
func (c *checker) askVersion(l *checkLink) {
	for i, domain := range c.serverDomains() {
		for _, space := range []string{xmpp.NSVersion, xmpp.NSDiscoInfo} {
			a := l.ask(domain, space, "check-v"+string(rune('a'+i))+space[:4])
			if a == nil || a.Type != "result" {
				continue
			}
			name := a.Query.Name
			for _, id := range a.Query.Identity {
				if id.Category == "server" {
					name = id.Name
				}
			}
			if kind := serverKind(name); kind != "" {
				c.report.Server = ServerReport{Kind: kind, Version: a.Query.Version}
				c.add("ok", "server "+domain, "%s", strings.TrimSpace(name+" "+a.Query.Version))
				if set := c.cfg.Upstream.Server; set != "auto" && set != kind {
					c.add("warning", "server "+domain, "upstream.server says %s, but it calls itself %s", set, kind)
				}
				return
			}
		}
	}
	if c.report.Server.Kind == "" {
		c.add("warning", "server", "it doesn't say what it is; set upstream.server")
	}
}

// ask sends a request from the component and reads the answer; nil if there is none.
func (l *checkLink) ask(domain, space, id string) *versionAnswer {
	if l.send([]byte("<iq type='get' id='"+id+"' from='"+l.domain+"' to='"+domain+"'><query xmlns='"+space+"'/></iq>")) != nil {
		return nil
	}
	for {
		b, err := l.receive()
		if err != nil {
			return nil
		}
		var a versionAnswer
		if xml.Unmarshal(b, &a) == nil && a.ID == id {
			return &a
		}
	}
}

// serverDomains are where the server itself may be asked, the likeliest first.
func (c *checker) serverDomains() []string {
	var all []string
	seen := map[string]bool{}
	add := func(d string) {
		if d != "" && !seen[d] && len(all) < 4 {
			seen[d] = true
			all = append(all, d)
		}
	}
	for _, a := range c.cfg.Upstream.Accounts {
		add(a.Domain)
	}
	if _, parent, below := strings.Cut(c.cfg.Upstream.Rooms, "."); below {
		add(parent)
	}
	for _, s := range c.cfg.Sites {
		for _, w := range s.Workgroups {
			for _, a := range w.Agents {
				_, domain, _ := strings.Cut(string(a.JID), "@")
				add(domain)
			}
		}
	}
	return all
}

// serverKind reads a server's name of itself.
func serverKind(name string) string {
	name = strings.ToLower(name)
	for _, kind := range []string{"prosody", "ejabberd", "mongooseim", "openfire", "tigase"} {
		if strings.Contains(name, kind) {
			return kind
		}
	}
	return ""
}
