package gateway

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"usher/workgroup"
	"usher/xmpp"
)

// What to change in each server's configuration. What is marked as proven is applied, word for word, to the stock Debian
// configuration of Prosody 0.12 and ejabberd 23.01 by TestCheckAdvice; the rest is from documentation.

// roomTrouble says in words what is wrong with the rooms.
func roomTrouble(e *workgroup.ProbeError) string {
	said := ""
	if e.Text != "" {
		said = " (the server says: " + e.Text + ")"
	}
	switch {
	case e.Step == "service":
		return "there is no MUC service of this name: " + e.Condition + said
	case e.Step == "enter" && (e.Condition == "forbidden" || e.Condition == "not-allowed" || e.Condition == "registration-required" || e.Condition == "not-authorized"):
		return "the MUC service lets Usher make no rooms: " + e.Condition + said
	case e.Condition == "remote-server-timeout":
		return "the MUC service doesn't answer, at the step " + e.Step
	case e.Step == "verify":
		return "the room isn't as a support room must be: " + e.Condition
	case e.Step == "stranger":
		return "somebody who isn't a member got into a support room"
	}
	return "a support room can't be made: the step " + e.Step + " failed, " + e.Condition + said
}

// kinds are the servers that advice is given for: the one that is known, else the two that are proven.
func (c *checker) kinds() []string {
	if k := c.report.Server.Kind; k != "" {
		return []string{k}
	}
	return []string{"prosody", "ejabberd"}
}

// proven tells whether what is said for a server was run on its version.
func (c *checker) proven(kind string) bool {
	v := c.report.Server.Version
	switch kind {
	case "prosody":
		return v == "" || strings.HasPrefix(v, "0.12")
	case "ejabberd":
		return v == "" || strings.HasPrefix(v, "23.01") || strings.HasPrefix(v, "23.1")
	}
	return false
}

// linkChanges is what lets the component links in.
func (c *checker) linkChanges(err error) []Change {
	var se *xmpp.StreamError
	if errors.As(err, &se) && se.Condition != "host-unknown" {
		return nil // the words say it all
	}
	var changes []Change
	for _, kind := range c.kinds() {
		changes = append(changes, c.componentChanges(kind)...)
	}
	return changes
}

func (c *checker) componentChanges(kind string) []Change {
	host, port, err := net.SplitHostPort(c.cfg.Upstream.Address[0])
	if err != nil {
		host, port = "127.0.0.1", "5347"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		host = "0.0.0.0" // the server's own address isn't known here
	}
	proven := c.proven(kind)
	var b strings.Builder
	switch kind {
	case "prosody":
		for _, d := range c.cfg.Upstream.Components {
			fmt.Fprintf(&b, "Component %q\n\tcomponent_secret = \"SECRET\"\n", d.Domain)
		}
		changes := []Change{{File: "prosody.cfg.lua", Do: "append", Text: b.String(), Proven: proven}}
		if port != "5347" || host != "127.0.0.1" { // not where it listens by itself
			changes = append(changes, Change{File: "prosody.cfg.lua", Do: "below", Find: "admins = { }",
				Text: fmt.Sprintf("component_ports = { %s }\ncomponent_interfaces = { %q }\n", port, host), Proven: proven})
		}
		return changes
	case "ejabberd":
		fmt.Fprintf(&b, "  -\n    port: %s\n    ip: %q\n    module: ejabberd_service\n    access: all\n    shaper: none\n    max_fsm_queue: 1000000\n", port, host)
		b.WriteString("    global_routes: false\n    hosts:\n")
		for _, d := range c.cfg.Upstream.Components {
			fmt.Fprintf(&b, "      %q:\n        password: \"SECRET\"\n", d.Domain)
		}
		return []Change{{File: "ejabberd.yml", Do: "below", Find: "listen:", Text: b.String(), Proven: proven}}
	case "mongooseim":
		return []Change{{File: "mongooseim.toml", Do: "append", Text: fmt.Sprintf("[[listen.component]]\n  port = %s\n  ip_address = %q\n  password = \"SECRET\"\n", port, host)}}
	case "openfire":
		return []Change{{File: "the admin console", Do: "text", Text: fmt.Sprintf("Server > Server Settings > External Components: enable the service on port %s, and allow the component %s with the secret SECRET.",
			port, c.cfg.Upstream.Components[0].Domain)}}
	}
	return []Change{{File: "etc/config.tdsl", Do: "text", Text: fmt.Sprintf("Enable the component manager `ext` on port %s, and add the external component %s with the password SECRET "+
		"(ad-hoc command `Add external component`).", port, c.cfg.Upstream.Components[0].Domain)}}
}

// roomChanges is what lets support rooms be.
func (c *checker) roomChanges(e *workgroup.ProbeError) []Change {
	var changes []Change
	for _, kind := range c.kinds() {
		switch {
		case e.Step == "service":
			changes = append(changes, c.serviceChange(kind))
		case e.Step == "enter" && e.Condition != "remote-server-timeout":
			changes = append(changes, c.rightChanges(kind)...)
		case e.Step == "verify":
			changes = append(changes, c.verifyChange(kind))
		}
	}
	return changes
}

// serviceChange makes a MUC service.
func (c *checker) serviceChange(kind string) Change {
	rooms, proven := c.cfg.Upstream.Rooms, c.proven(kind)
	switch kind {
	case "prosody":
		return Change{File: "prosody.cfg.lua", Do: "append", Text: fmt.Sprintf("Component %q \"muc\"\n\trestrict_room_creation = false\n", rooms), Proven: proven}
	case "ejabberd":
		return Change{File: "ejabberd.yml", Do: "below", Find: "modules:", Text: fmt.Sprintf("  mod_muc:\n    host: %q\n    access: all\n    access_create: all\n    access_persistent: none\n", rooms), Proven: false}
	case "mongooseim":
		return Change{File: "mongooseim.toml", Do: "append", Text: fmt.Sprintf("[modules.mod_muc]\n  host = %q\n", rooms)}
	case "openfire":
		return Change{File: "the admin console", Do: "text", Text: "Group Chat > Group Chat Settings: make a service with the subdomain of " + rooms + "."}
	}
	return Change{File: "etc/config.tdsl", Do: "text", Text: "Enable the component `muc`, with the name of " + rooms + "."}
}

// rightChanges let Usher make rooms.
func (c *checker) rightChanges(kind string) []Change {
	desk, rooms, proven := c.cfg.Upstream.Desk, c.cfg.Upstream.Rooms, c.proven(kind)
	switch kind {
	case "prosody":
		if !proven { // 13.0: components are guests (research: roles)
			return []Change{{File: "prosody.cfg.lua", Do: "text", Text: fmt.Sprintf("Component %q \"muc\"\n\trestrict_room_creation = false\n\tserver_user_role = \"prosody:registered\"\n", rooms)}}
		}
		return []Change{{File: "prosody.cfg.lua", Do: "text", Text: fmt.Sprintf("Component %q \"muc\"\n\trestrict_room_creation = false\n", rooms)}}
	case "ejabberd":
		return []Change{
			{File: "ejabberd.yml", Do: "below", Find: "acl:", Text: fmt.Sprintf("  usher:\n    server:\n      - %q\n", desk), Proven: proven},
			{File: "ejabberd.yml", Do: "replace", Find: "  muc_create:\n    allow: local\n", Text: "  muc_create:\n    - allow: local\n    - allow: usher\n", Proven: proven},
		}
	case "mongooseim":
		return []Change{{File: "mongooseim.toml", Do: "text", Text: fmt.Sprintf("[general.access]\n  muc_create = [\n    {acl = \"usher\", value = \"allow\"},\n    {acl = \"local\", value = \"allow\"}\n  ]\n\n"+
			"[[acl.usher]]\n  server = %q\n", desk)}}
	case "openfire":
		return []Change{{File: "the admin console", Do: "text", Text: "Group Chat > Room Creation Permissions: anyone, or add " + desk + "."}}
	}
	return []Change{{File: "etc/config.tdsl", Do: "text", Text: "muc: let users of " + desk + " make rooms (`muc-allow-chat-room-creation`)."}}
}

// verifyChange: a room that can't be made what it must be.
func (c *checker) verifyChange(kind string) Change {
	rooms := c.cfg.Upstream.Rooms
	switch kind {
	case "prosody":
		return Change{File: "prosody.cfg.lua", Do: "text", Text: fmt.Sprintf("Component %q \"muc\"\n\tmuc_room_default_public = false\n\tmuc_room_default_members_only = true\n", rooms)}
	case "ejabberd":
		return Change{File: "ejabberd.yml", Do: "text", Text: "modules:\n  mod_muc:\n    default_room_options:\n      public: false\n      public_list: false\n      members_only: true\n      anonymous: true\n"}
	}
	return Change{File: "the MUC service's configuration", Do: "text", Text: "Let new rooms be hidden and members-only, and let their owners set this."}
}
