package e2e

import "testing"

// Each library is once the first and once the second of a pair, so each opens
// a stream to a component domain and to a domain that is none, and each is
// cut, killed, leaves and closes.
var pairs = map[string][][2]library{
	"ws":   {{strophe, xmppjs}, {stropheSM, stanza}, {xmppjs, stanza}, {stanza, converse}, {converse, strophe}},
	"bosh": {{strophePage, stanza}, {stanza, converse}, {converse, strophePage}}, // @xmpp/client has no BOSH
}

func TestPairs(t *testing.T) {
	p := servePages(t)
	for _, name := range []string{"prosody", "ejabberd"} {
		t.Run(name, func(t *testing.T) {
			var e *edge
			if *ownFront {
				e = ownFrontEdge(t, name)
			} else {
				e, _ = usherEdge(t, name, p)
			}
			for _, transport := range []string{"ws", "bosh"} {
				for _, pair := range pairs[transport] {
					t.Run(transport+"/"+pair[0].name+"+"+pair[1].name, func(t *testing.T) {
						t.Parallel()
						chat(t, e, p, transport, pair[0], pair[1])
					})
				}
			}
		})
	}
}
