package gateway

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// asked makes a request context: a peer, and header lines.
func asked(peer net.Addr, lines ...string) *fasthttp.RequestCtx {
	var req fasthttp.Request
	raw := "GET / HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	if err := req.Header.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		panic(err)
	}
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(&req, peer, nil)
	return ctx
}

func TestClientInfo(t *testing.T) {
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	tcp := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	proxy := tcp("10.1.2.3:4711")
	tests := []struct {
		name   string
		peer   net.Addr
		lines  []string
		remote string
		secure bool
	}{
		{"a peer that isn't trusted", tcp("192.0.2.1:1"), []string{"X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9;proto=https", "X-Forwarded-Proto: https"}, "192.0.2.1", false},
		{"nothing said", proxy, nil, "10.1.2.3", false},
		{"X-Forwarded-For", proxy, []string{"X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"}, "192.0.2.7", true},
		{"only X-Forwarded-Proto", proxy, []string{"X-Forwarded-Proto: https"}, "10.1.2.3", true},
		{"what the visitor had written before", proxy, []string{"X-Forwarded-For: 203.0.113.9, 192.0.2.7"}, "192.0.2.7", false},
		{"in a line of its own", proxy, []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 192.0.2.7"}, "192.0.2.7", false},
		{"two trusted hops", proxy, []string{"X-Forwarded-For: 203.0.113.9, 192.0.2.7, 10.9.9.9"}, "192.0.2.7", false},
		{"all trusted", proxy, []string{"X-Forwarded-For: 10.8.8.8, 10.9.9.9"}, "10.8.8.8", false},
		{"rubbish ends the walk", proxy, []string{"X-Forwarded-For: 192.0.2.7, unknown, 10.9.9.9"}, "10.9.9.9", false},
		{"rubbish only", proxy, []string{"X-Forwarded-For: <script>", "X-Forwarded-Proto: gopher"}, "10.1.2.3", false},
		{"empty", proxy, []string{"X-Forwarded-For:"}, "10.1.2.3", false},
		{"with a port", proxy, []string{"X-Forwarded-For: 192.0.2.7:5555"}, "192.0.2.7", false},
		{"IPv6", proxy, []string{"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7", false},
		{"IPv6 with a port", proxy, []string{"X-Forwarded-For: [2001:db8::7]:5555"}, "2001:db8::7", false},
		{"IPv6 proxy", tcp("[2001:db8:1::2]:1"), []string{"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7", false},
		{"IPv4 in IPv6", tcp("[::ffff:10.1.2.3]:1"), []string{"X-Forwarded-For: ::ffff:192.0.2.7"}, "192.0.2.7", false},
		{"Unix socket", &net.UnixAddr{Name: "@", Net: "unix"}, []string{"X-Forwarded-For: 192.0.2.7"}, "192.0.2.7", false},
		{"protos by hop", proxy, []string{"X-Forwarded-For: 192.0.2.7, 10.9.9.9", "X-Forwarded-Proto: https, http"}, "192.0.2.7", true},
		{"proto of the nearest", proxy, []string{"X-Forwarded-For: 203.0.113.9, 192.0.2.7, 10.9.9.9", "X-Forwarded-Proto: http, https"}, "192.0.2.7", true},
		// RFC 7239 §4, §6
		{"Forwarded", proxy, []string{`Forwarded: for=192.0.2.7;proto=https;by=10.1.2.3`}, "192.0.2.7", true},
		{"Forwarded, case and space", proxy, []string{`Forwarded: For="192.0.2.7:47" ; PROTO=HTTPS`}, "192.0.2.7", true},
		{"Forwarded, IPv6", proxy, []string{`Forwarded: for="[2001:db8::7]:4711"`}, "2001:db8::7", false},
		{"Forwarded, hops", proxy, []string{`Forwarded: for=203.0.113.9;proto=http, for=192.0.2.7;proto=https, for=10.9.9.9;proto=http`}, "192.0.2.7", true},
		{"Forwarded, hidden", proxy, []string{`Forwarded: for=192.0.2.7, for=_hidden`}, "10.1.2.3", false},
		{"Forwarded, comma in quotes", proxy, []string{`Forwarded: for=192.0.2.7;host="a,b;for=203.0.113.9"`}, "192.0.2.7", false},
		{"Forwarded, escapes", proxy, []string{`Forwarded: host="a\"b, for=203.0.113.9";for="192.0.2.\7"`}, "192.0.2.7", false},
		{"Forwarded, malformed", proxy, []string{`Forwarded: for="192.0.2.7`}, "10.1.2.3", false},
		{"Forwarded, malformed pair", proxy, []string{`Forwarded: for=192.0.2.7;secret`}, "10.1.2.3", false},
		{"both, agreeing", proxy, []string{"X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "Forwarded: for=192.0.2.7"}, "192.0.2.7", true},
		{"both, a visitor's own Forwarded let through", proxy, []string{"X-Forwarded-For: 192.0.2.7", "Forwarded: for=203.0.113.9"}, "10.1.2.3", false},
		{"Forwarded and X-Forwarded-Proto", proxy, []string{"Forwarded: for=192.0.2.7", "X-Forwarded-Proto: https"}, "192.0.2.7", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := append([]string{"Host: Chat.Example.com:8443", "Origin: https://shop.example"}, tt.lines...)
			info := trusted.clientInfo(asked(tt.peer, lines...), "ws")
			if info.Remote.String() != tt.remote || info.Secure != tt.secure {
				t.Errorf("remote %s secure %v, want %s %v", info.Remote, info.Secure, tt.remote, tt.secure)
			}
			if info.Host != "chat.example.com" || info.Origin != "https://shop.example" || info.Transport != "ws" {
				t.Errorf("host %q origin %q transport %q", info.Host, info.Origin, info.Transport)
			}
		})
	}
}

func TestHostOnly(t *testing.T) {
	for host, want := range map[string]string{"": "", "A.example": "a.example", "a.example:80": "a.example", "[::1]:80": "::1", "[::1]": "::1", "127.0.0.1:1": "127.0.0.1"} {
		if got := hostOnly(host); got != want {
			t.Errorf("%q = %q, want %q", host, got, want)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add(`for="[2001:db8::7]:4711";proto=https, for=_x`, "192.0.2.7, 10.0.0.1", "https")
	f.Add(`for="a\"`, ",,", ",")
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, std, xff, proto string) {
		if strings.ContainsAny(std+xff+proto, "\r\n\x00") {
			return
		}
		ctx := asked(net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:1")), "Host: a")
		ctx.Request.Header.Set("Forwarded", std)
		ctx.Request.Header.Set("X-Forwarded-For", xff)
		ctx.Request.Header.Set("X-Forwarded-Proto", proto)
		if info := trusted.clientInfo(ctx, "ws"); !info.Remote.IsValid() {
			t.Errorf("no address from %q %q", std, xff)
		}
		// One who isn't trusted changes nothing, whatever he says.
		other := new(fasthttp.RequestCtx)
		other.Init(&ctx.Request, net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1")), nil)
		if info := trusted.clientInfo(other, "ws"); info.Remote.String() != "192.0.2.1" || info.Secure {
			t.Errorf("believed: %+v", info)
		}
	})
}

// proxyV2 makes a version 2 header of the PROXY protocol for an IPv4 connection.
func proxyV2(command byte, src string) string {
	var b bytes.Buffer
	b.WriteString("\r\n\r\n\x00\r\nQUIT\n")
	b.Write([]byte{0x20 | command, 0x11, 0, 12})
	a := netip.MustParseAddrPort(src)
	b.Write(a.Addr().AsSlice())
	b.Write([]byte{127, 0, 0, 1})
	b.Write(binary.BigEndian.AppendUint16(nil, a.Port()))
	b.Write([]byte{0, 80})
	return b.String()
}

// The PROXY protocol is required from a trusted proxy and refused from others.
func TestProxyProtocol(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	tests := []struct {
		name    string
		trusted string
		network string
		send    string
		want    string // of the first line and the body; "" = hung up without a word
	}{
		{"v1", "127.0.0.0/8", "tcp", "PROXY TCP4 192.0.2.7 127.0.0.1 5555 80\r\n" + get, "200 192.0.2.7"},
		{"v1 IPv6", "127.0.0.0/8", "tcp", "PROXY TCP6 2001:db8::7 ::1 5555 80\r\n" + get, "200 2001:db8::7"},
		{"v1 of an unknown kind", "127.0.0.0/8", "tcp", "PROXY UNKNOWN\r\n" + get, "200 127.0.0.1"},
		{"v2", "127.0.0.0/8", "tcp", proxyV2(1, "192.0.2.7:5555") + get, "200 192.0.2.7"},
		{"v2, the proxy's own check", "127.0.0.0/8", "tcp", proxyV2(0, "192.0.2.7:5555") + get, "200 127.0.0.1"},
		{"over a Unix socket", "127.0.0.0/8", "unix", "PROXY TCP4 192.0.2.7 127.0.0.1 5555 80\r\n" + get, "200 192.0.2.7"},
		{"what it says isn't trusted further", "127.0.0.0/8", "tcp", "PROXY TCP4 192.0.2.7 127.0.0.1 5555 80\r\n" +
			strings.Replace(get, "Host", "X-Forwarded-For: 203.0.113.9\r\nHost", 1), "200 192.0.2.7"},
		{"none, though required", "127.0.0.0/8", "tcp", get, ""},
		{"cut short", "127.0.0.0/8", "tcp", "PROXY TCP4 192.0.2.7\r\n" + get, ""},
		{"v1 from somebody else", "10.0.0.0/8", "tcp", "PROXY TCP4 192.0.2.7 127.0.0.1 5555 80\r\n" + get, "400"},
		{"v2 from somebody else", "10.0.0.0/8", "tcp", proxyV2(1, "192.0.2.7:5555") + get, "400"},
		{"none from somebody else", "10.0.0.0/8", "tcp", get, "200 127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trusted := proxies{netip.MustParsePrefix(tt.trusted)}
			address := "127.0.0.1:0"
			if tt.network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			inner, err := net.Listen(tt.network, address)
			if err != nil {
				t.Fatal(err)
			}
			srv := &fasthttp.Server{
				Handler: func(ctx *fasthttp.RequestCtx) {
					fmt.Fprint(ctx, trusted.clientInfo(ctx, "bosh").Remote)
				},
				Logger: quiet{discard()},
			}
			served := make(chan error, 1)
			go func() { served <- srv.Serve(proxyProtocol(inner, trusted)) }()
			defer func() {
				if err := srv.Shutdown(); err != nil {
					t.Error(err)
				}
				if err := <-served; err != nil {
					t.Error(err)
				}
			}()
			c, err := net.Dial(tt.network, inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, tt.send); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			got := ""
			if err == nil {
				body, _ := io.ReadAll(resp.Body)
				if got = fmt.Sprint(resp.StatusCode); got == "200" {
					got += " " + string(body)
				}
			}
			if got != tt.want {
				t.Errorf("got %q (%v), want %q", got, err, tt.want)
			}
		})
	}
}

// A proxy that says nothing holds up nobody else: the header isn't read in Accept.
func TestProxyProtocolSilent(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := proxyProtocol(inner, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})
	defer ln.Close()
	for range 2 {
		silent, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	for range 2 {
		c, err := ln.Accept() // would wait for the header for ever
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
}

func TestParseForwarded(t *testing.T) {
	hops, err := parseForwarded(`for=192.0.2.60;proto=http;by=203.0.113.43, for="[2001:db8:cafe::17]"`)
	want := []hop{{netip.MustParseAddr("192.0.2.60"), "http"}, {netip.MustParseAddr("2001:db8:cafe::17"), ""}}
	if err != nil || !slices.Equal(hops, want) {
		t.Errorf("got %v, %v, want %v", hops, err, want)
	}
}
