package workgroup

import "usher/xmpp"

// discoFeatures are what a workgroup understands; agents' commands are under a node of their own (XEP-0050 §2.2).
var discoFeatures = [...]string{
	xmpp.NSDiscoInfo, xmpp.NSDiscoItems, nsCommands, nsWorkgroup, nsForm, nsDesk, xmpp.NSPing,
	nsMAM, nsMAM + "#extended", // supervisors may query the transcripts; the edge answers (XEP-0313 §7)
}

// disco answers disco#info and disco#items of anybody to a workgroup; false: not that, or about a node other than the commands'.
func (d *Desk) disco(g *group, n *node) bool {
	if n.name == "iq" && d.discoCommands(g, n) {
		return true
	}
	query := n.first()
	if n.name != "iq" || n.attr("type") != "get" || query == nil || query.name != "query" || query.attr("node") != "" {
		return false
	}
	answer := el("query", query.space)
	switch query.space {
	case xmpp.NSDiscoItems:
	case xmpp.NSDiscoInfo: // XEP-0142 §5
		answer.with(el("identity", "", "category", "collaboration", "type", "workgroup", "name", g.title()))
		for _, f := range discoFeatures {
			answer.with(el("feature", "", "var", f))
		}
		online := "ready"
		if d.closed(g) != nil {
			online = "closed"
		}
		field := func(name, typ, label, value string) *node {
			return el("field", "", "var", name, "type", typ, "label", label).with(el("value", "").said(value))
		}
		answer.with(el("x", nsForm, "type", "result").with(
			field("FORM_TYPE", "hidden", "", nsWorkgroup+"#workgroupinfo"),
			field("workgroup#description", "", "Description", g.title()),
			field("workgroup#online", "", "Status", online)))
	default:
		return false
	}
	d.send(n.answer(answer))
	return true
}
