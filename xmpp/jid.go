package xmpp

// SplitJID cuts an address into its parts without checking or copying.
// (RFC 7622 §3.2: the first '/' ends the bare JID, the first '@' before it ends the localpart.)
func SplitJID(jid []byte) (local, domain, resource []byte) { panic("unbuilt") }

// Bare returns jid without its resource, sharing memory.
func Bare(jid []byte) []byte { panic("unbuilt") }

// CanonJID returns the address in canonical form (RFC 7622). An address that is plain
// lower-case ASCII is returned as it is, without allocating; anything else is
// prepared with PRECIS. The error says what is wrong with it.
func CanonJID(jid []byte) ([]byte, error) { panic("unbuilt") }
