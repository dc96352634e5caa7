package workgroup

import "slices"

// Chat is a conversation in which visitor and agent talk.
type Chat struct {
	ID, Site string
	Visitor  string // bare JID
}

// Chats returns the conversations in which somebody (a bare JID: visitor, agent, or supervisor who was let in) may talk now, also
// while their agent is lost. It is the state of the last input: call it where inputs are given.
func (d *Desk) Chats(jid string) []Chat {
	var all []Chat
	for _, c := range d.open() {
		if c.State != Active && c.State != AgentLost {
			continue
		}
		_, watching := c.watchers[jid]
		if visitor := bareOf(c.Visitor.JID); jid == visitor || watching || c.agent != nil && c.agent.jid == jid {
			all = append(all, Chat{c.ID, c.Site, visitor})
		}
	}
	return slices.Clip(all)
}
