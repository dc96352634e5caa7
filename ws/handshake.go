package ws

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"

	"github.com/valyala/fasthttp"
)

// refusal is the answer to an upgrade request that isn't granted.
type refusal struct {
	status       int
	header, word string // an additional header
	text         string
}

var (
	notGet       = &refusal{fasthttp.StatusMethodNotAllowed, "Allow", "GET", "GET only"}
	noUpgrade    = &refusal{fasthttp.StatusUpgradeRequired, "Upgrade", "websocket", "a WebSocket upgrade is expected here"}
	wrongVersion = &refusal{fasthttp.StatusUpgradeRequired, "Sec-WebSocket-Version", "13", "WebSocket version 13 is needed"} // RFC 6455 §4.4
	badKey       = &refusal{fasthttp.StatusBadRequest, "", "", "bad Sec-WebSocket-Key"}
	noXMPP       = &refusal{fasthttp.StatusBadRequest, "", "", "the subprotocol xmpp is needed"}
	withBody     = &refusal{fasthttp.StatusBadRequest, "", "", "an upgrade request has no body"}
	busy         = &refusal{fasthttp.StatusServiceUnavailable, "Retry-After", "10", "try again later"}
)

// answer leaves the headers alone that the caller may have set.
func (r *refusal) answer(ctx *fasthttp.RequestCtx) {
	ctx.SetStatusCode(r.status)
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString(r.text + "\n")
	if r.header != "" {
		ctx.Response.Header.Set(r.header, r.word)
	}
	if r == noUpgrade {
		ctx.Response.Header.Set("Connection", "Upgrade") // RFC 9110 §7.8
	}
}

// handshake is what the answer to a good upgrade request needs of it.
type handshake struct {
	key, protocol []byte
}

// handshakeOf checks an upgrade request (RFC 6455 §4.2.1).
func handshakeOf(req *fasthttp.Request) (handshake, *refusal) {
	h := &req.Header
	var hs handshake
	switch {
	case !h.IsGet():
		return hs, notGet
	case !h.IsHTTP11() || token(h.PeekAll("Upgrade"), "websocket") == nil || token(h.PeekAll("Connection"), "upgrade") == nil:
		return hs, noUpgrade
	case token(h.PeekAll("Sec-WebSocket-Version"), "13") == nil:
		return hs, wrongVersion
	case len(req.Body()) > 0:
		return hs, withBody
	}
	keys := h.PeekAll("Sec-WebSocket-Key")
	if len(keys) != 1 {
		return hs, badKey
	}
	var nonce [18]byte // what 24 characters of base64 may make
	n, err := base64.StdEncoding.Strict().Decode(nonce[:], keys[0][:min(len(keys[0]), 24)])
	if err != nil || n != 16 || len(keys[0]) != 24 {
		return hs, badKey
	}
	hs.key = keys[0]
	// RFC 7395 §3.1: `xmpp` must be asked for and is echoed. Names of subprotocols are compared by clients with what they
	// asked for, so another spelling is accepted and comes back as it was.
	hs.protocol = token(h.PeekAll("Sec-WebSocket-Protocol"), "xmpp")
	if hs.protocol == nil {
		return hs, noXMPP
	}
	return hs, nil
}

// token returns the element of the comma-separated lists that equals want but for case, or nil.
func token(lists [][]byte, want string) []byte {
	for _, list := range lists {
		for len(list) > 0 {
			var one []byte
			one, list, _ = bytes.Cut(list, []byte(","))
			if one = bytes.Trim(one, " \t"); len(one) == len(want) && bytes.EqualFold(one, []byte(want)) {
				return one
			}
		}
	}
	return nil
}

// accept writes the answer of RFC 6455 §4.2.2. No extension is ever agreed to.
func (hs handshake) accept(ctx *fasthttp.RequestCtx) {
	sum := sha1.New()
	sum.Write(hs.key)
	sum.Write([]byte("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	h := &ctx.Response.Header
	ctx.SetStatusCode(fasthttp.StatusSwitchingProtocols)
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	h.Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum.Sum(nil)))
	h.SetBytesV("Sec-WebSocket-Protocol", hs.protocol)
}
