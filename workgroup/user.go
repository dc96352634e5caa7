package workgroup

// The visitor's side: XEP-0142's user protocol, our own stanzas, and plain text.

// fromVisitor takes a stanza of a visitor to a workgroup.
func (d *Desk) fromVisitor(g *group, v Visitor, n *node) { panic("unbuilt") }

// disco answers disco#info and disco#items of anybody to a workgroup; false: not that.
func (d *Desk) disco(g *group, n *node) bool { panic("unbuilt") }

// told tells the visitor where his conversation is: `<conversation/>`, queue-status if he asked for it, depart-queue when he is
// taken out; in words if he came with a plain client. Core calls it at each change of state or place.
func (c *conversation) told() { panic("unbuilt") }

// text returns a text of ours in the visitor's language; args are put in for %1, %2.
func (g *group) text(key, language string, args ...string) string { panic("unbuilt") }
