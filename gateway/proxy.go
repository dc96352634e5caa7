package gateway

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
	"unique"

	"github.com/pires/go-proxyproto"
	"github.com/valyala/fasthttp"

	"usher/c2s"
)

// proxyHeaderTime bounds how long a trusted proxy may take for its PROXY protocol header.
const proxyHeaderTime = 5 * time.Second

// proxyProtocol asks for a PROXY protocol header (v1 or v2) from every trusted proxy.
// It is read when the connection is first used, never in Accept. From others it isn't even looked for: there it is a bad request.
func proxyProtocol(ln net.Listener, trusted []netip.Prefix) net.Listener {
	return &proxyproto.Listener{
		Listener:          ln,
		ReadHeaderTimeout: proxyHeaderTime,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if proxies(trusted).trust(addrOf(o.Upstream)) {
				return proxyproto.REQUIRE, nil
			}
			return proxyproto.SKIP, nil
		},
	}
}

// addrOf is the address of a connection's peer. Who comes through a Unix socket is on this machine: 127.0.0.1.
func addrOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case *net.UnixAddr:
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.Addr{}
}

// proxies are the trusted ones: what they say of the client is taken for true.
type proxies []netip.Prefix

func (p proxies) trust(a netip.Addr) bool {
	for _, n := range p {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// clientInfo says who sends a request and how. Forwarded (RFC 7239),
// X-Forwarded-For and X-Forwarded-Proto count only from a trusted proxy; anybody else's are ignored.
func (p proxies) clientInfo(ctx *fasthttp.RequestCtx, transport string) c2s.Info {
	info := c2s.Info{
		Remote:    addrOf(ctx.RemoteAddr()),
		Origin:    shared(string(ctx.Request.Header.Peek(fasthttp.HeaderOrigin))),
		Host:      shared(hostOnly(string(ctx.Host()))),
		Secure:    ctx.IsTLS(),
		Transport: transport,
	}
	if p.trust(info.Remote) {
		h := &ctx.Request.Header
		p.forwarded(&info, fieldOf(h.PeekAll("Forwarded")), fieldOf(h.PeekAll("X-Forwarded-For")), fieldOf(h.PeekAll("X-Forwarded-Proto")))
	}
	return info
}

// shared returns the same memory for the same text: thousands of sessions come from one page.
func shared(s string) string { return unique.Make(s).Value() }

// fieldOf makes one list of the lines of a header (RFC 9110 §5.3).
func fieldOf(lines [][]byte) string {
	switch len(lines) {
	case 0:
		return ""
	case 1:
		return string(lines[0])
	}
	s := make([]string, len(lines))
	for i, l := range lines {
		s[i] = string(l)
	}
	return strings.Join(s, ",")
}

// hostOnly is a Host header without its port, in lower case.
func hostOnly(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// hop is what one proxy says of the one before it.
type hop struct {
	addr  netip.Addr
	proto string // http, https or ""
}

// forwarded puts the visitor in the place of the trusted proxy that has sent the request. A proxy
// sets one of the two headers and lets the other through as the client wrote it; so if both are there and name
// different visitors, neither is believed.
func (p proxies) forwarded(info *c2s.Info, forwarded, xff, proto string) {
	var visitor hop
	switch std, err := parseForwarded(forwarded); {
	case err != nil:
		return
	case forwarded == "":
		visitor = p.visitor(info.Remote, parseXFF(xff, proto))
	case xff == "":
		visitor = p.visitor(info.Remote, std)
		if proto != "" {
			visitor.proto = lastOf(proto)
		}
	default:
		visitor = p.visitor(info.Remote, parseXFF(xff, proto))
		if p.visitor(info.Remote, std).addr != visitor.addr {
			return
		}
	}
	info.Remote = visitor.addr
	switch strings.ToLower(visitor.proto) {
	case "https", "wss":
		info.Secure = true
	case "http", "ws":
		info.Secure = false
	}
}

// visitor walks from the nearest hop to the farthest, as long as who speaks is trusted.
func (p proxies) visitor(peer netip.Addr, hops []hop) hop {
	at := hop{addr: peer}
	for i := len(hops) - 1; i >= 0 && p.trust(at.addr) && hops[i].addr.IsValid(); i-- {
		at = hops[i]
	}
	if len(hops) > 0 && at.proto == "" && at.addr == peer {
		at.proto = hops[len(hops)-1].proto
	}
	return at
}

// parseXFF reads X-Forwarded-For. X-Forwarded-Proto belongs to it entry by entry if there are as many, else its last counts for all.
func parseXFF(xff, proto string) []hop {
	protos := strings.Split(proto, ",")
	if xff == "" {
		return []hop{{proto: lastOf(proto)}}
	}
	addrs := strings.Split(xff, ",")
	hops := make([]hop, len(addrs))
	for i, a := range addrs {
		hops[i] = hop{parseNode(strings.TrimSpace(a)), lastOf(proto)}
		if len(protos) == len(addrs) {
			hops[i].proto = strings.TrimSpace(protos[i])
		}
	}
	return hops
}

func lastOf(list string) string {
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}

// parseNode reads an address, perhaps with a port (RFC 7239 §6); anything else, "unknown" and hidden names too, is no address.
func parseNode(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

var errForwarded = errors.New("malformed Forwarded header")

// parseForwarded reads the Forwarded header (RFC 7239 §4): elements by comma, pairs by semicolon.
func parseForwarded(s string) ([]hop, error) {
	var hops []hop
	var h hop
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return nil, errForwarded
		}
		value, rest, err := forwardedValue(rest)
		if err != nil {
			return nil, err
		}
		switch strings.ToLower(strings.TrimSpace(name)) { // §4: names are case-insensitive
		case "for":
			h.addr = parseNode(value)
		case "proto":
			h.proto = value
		}
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" || rest[0] == ',' {
			hops = append(hops, h)
			h = hop{}
		} else if rest[0] != ';' {
			return nil, errForwarded
		}
		s = strings.TrimLeft(rest, ",; \t")
	}
	return hops, nil
}

// forwardedValue reads a token or a quoted string (RFC 9110 §5.6).
func forwardedValue(s string) (value, rest string, err error) {
	if s == "" || s[0] != '"' {
		i := strings.IndexAny(s, ",; \t")
		if i < 0 {
			i = len(s)
		}
		if i == 0 || strings.ContainsRune(s[:i], '"') {
			return "", "", errForwarded
		}
		return s[:i], s[i:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", errForwarded
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errForwarded
}
