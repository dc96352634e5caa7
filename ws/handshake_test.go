package ws

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"usher/c2s"
)

// ask sends a request and returns the answer.
func (e *edge) ask(t *testing.T, request string) *http.Response {
	t.Helper()
	nc, err := net.Dial("tcp", e.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if _, err := io.WriteString(nc, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// RFC 6455 §4.2, RFC 7395 §3.1, INTERFACE C. Each row changes the good request.
func TestHandshake(t *testing.T) {
	e := start(t, testConfig(), nil)
	for _, tt := range []struct {
		name, old, new string
		status         int
		header, value  string
	}{
		{"as it should be", "", "", 101, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, // RFC 6455 §1.3
		{"echo of the subprotocol", "", "", 101, "Sec-WebSocket-Protocol", "xmpp"},
		{"another case comes back as it was", "Protocol: xmpp", "Protocol: XMPP", 101, "Sec-WebSocket-Protocol", "XMPP"},
		{"one of many", "Protocol: xmpp", "Protocol: chat,soap , xmpp", 101, "Sec-WebSocket-Protocol", "xmpp"},
		{"in a second header", "Sec-WebSocket-Protocol: xmpp", "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: xmpp", 101, "Sec-WebSocket-Protocol", "xmpp"},
		{"extensions are not agreed to", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Version", 101, "Sec-WebSocket-Extensions", ""},
		{"no subprotocol", "Sec-WebSocket-Protocol: xmpp\r\n", "", 400, "", ""},
		{"another subprotocol", "Protocol: xmpp", "Protocol: xmpp2, mqtt", 400, "", ""},
		{"old version", "Version: 13", "Version: 8", 426, "Sec-WebSocket-Version", "13"},
		{"no version", "Sec-WebSocket-Version: 13\r\n", "", 426, "Sec-WebSocket-Version", "13"},
		{"no key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400, "", ""},
		{"short key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ==", 400, "", ""},
		{"long key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZXM=AAAA", 400, "", ""},
		{"key not base64", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ!==", 400, "", ""},
		{"two keys", "Sec-WebSocket-Version", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version", 400, "", ""},
		{"no upgrade", "Upgrade: websocket\r\n", "", 426, "Upgrade", "websocket"},
		{"another upgrade", "Upgrade: websocket", "Upgrade: h2c", 426, "Upgrade", "websocket"},
		{"connection without upgrade", "keep-alive, Upgrade", "keep-alive", 426, "Upgrade", "websocket"},
		{"HTTP/1.0", "HTTP/1.1", "HTTP/1.0", 426, "Upgrade", "websocket"},
		{"POST", "GET /", "POST /", 405, "Allow", "GET"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request := strings.Replace(upgrade, tt.old, tt.new, 1)
			if tt.old != "" && request == upgrade {
				t.Fatal("nothing replaced")
			}
			if tt.name == "POST" {
				request = strings.Replace(request, "\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n", 1)
			}
			resp := e.ask(t, request)
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
			if got := resp.Header.Get(tt.header); tt.header != "" && got != tt.value {
				t.Errorf("%s: %q, want %q", tt.header, got, tt.value)
			}
		})
	}
}

func TestNotAdmitted(t *testing.T) {
	cfg := testConfig()
	cfg.Admit = func(info *c2s.Info) error {
		if info.Origin == "" {
			return errors.New("full")
		}
		return nil
	}
	e := start(t, cfg, nil)
	resp := e.ask(t, upgrade)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	resp = e.ask(t, strings.Replace(upgrade, "Host:", "Origin: https://shop.example\r\nHost:", 1))
	if resp.StatusCode != 101 {
		t.Errorf("admitted, status %d", resp.StatusCode)
	}
}

// A client may write right behind its request, without waiting for the answer.
func TestFirstMessageBehindTheRequest(t *testing.T) {
	e := start(t, testConfig(), nil)
	c := e.dial(t, text(openShop), text(auth), text(openShop), text(bind), text(hello))
	c.expect(opened, "<stream:features", "<success", opened, "<stream:features", "<iq ", echoed)
}
