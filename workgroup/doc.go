// Package workgroup is the support desk: queues, agents, offers, matching and
// rooms (XEP-0142 over XEP-0045), as a pure state machine.
//
// It owns what a visitor's request, an agent and a support room are and how
// each moves on. Stanzas, ticks and the time go in; stanzas to send, rooms to open to
// visitors and rows to keep come out (Output). It starts no goroutine, reads no
// clock, and must not know sockets, links, HTTP or SQL.
package workgroup
