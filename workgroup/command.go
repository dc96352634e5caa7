package workgroup

// The agents' side: text, ad-hoc commands (XEP-0050) and XEP-0142's agent protocol.

// fromMember takes a message or IQ of an agent or supervisor to a workgroup.
func (d *Desk) fromMember(m *member, n *node) { panic("unbuilt") }

// fromRoom takes `!` words of an agent or supervisor in a room; true: it was one (it stays in the transcript).
func (d *Desk) fromRoom(a *agent, c *conversation, body string) bool { panic("unbuilt") }

// offered shows an offer to the agent: the chat message of docs/interface.md B.6, and XEP-0142's offer to native clients.
func (o *offer) offered() { panic("unbuilt") }

// ended corrects that message (XEP-0308) when the offer is over, and revokes it natively. how: accepted, taken by NAME, lapsed,
// declined, visitor left.
func (o *offer) ended(how string) { panic("unbuilt") }

// tell sends an agent a chat message from a workgroup.
func (g *group) tell(a *agent, text string) { panic("unbuilt") }

// queueChanged pushes notify-queue, notify-queue-details and notify-agents to native clients; core calls it with announce.
func (d *Desk) queueChanged(g *group) { panic("unbuilt") }
