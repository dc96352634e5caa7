// Package c2s is the server half of one client stream, whatever carries it:
// negotiation (RFC 6120 §4-7, XEP-0175), the outbox, XEP-0198, rates, endings.
// It owns everything between a checked element and the gateway's Handler. It
// must not know HTTP, WebSocket, BOSH, the pool or the sites' policy.
package c2s
