package xmpptest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ejabberdUp is what the node prints when it has started and the accounts are there.
const ejabberdUp = "xmpptest: up"

// StartEjabberd starts the installed ejabberd (23.01) as a child process: an
// Erlang node without a name, so that it needs no epmd and any number of them
// run beside each other. It fails if the program is not there.
func StartEjabberd(opts ServerOptions) (*Server, error) {
	return startServer(dialect{
		name:    "ejabberd",
		write:   writeEjabberd,
		command: ejabberdCommand,
		ready:   func(*Server) []string { return []string{ejabberdUp} },
		taken:   "Failed to open socket",
	}, opts)
}

func ejabberdCommand(s *Server) *exec.Cmd {
	var eval strings.Builder
	for _, a := range s.opts.Accounts {
		// Also after a restart, when the account is there already.
		fmt.Fprintf(&eval, "case ejabberd_auth:try_register(%s, <<\"localhost\">>, %s) of ok -> ok; {error, exists} -> ok end, ",
			erlBinary(a.User), erlBinary(a.Password))
	}
	fmt.Fprintf(&eval, "io:format(\"%s~n\").", ejabberdUp)
	// Schedulers that wait busily would take the cores from the programs that a test or a measurement runs beside the server.
	cmd := exec.Command("erl", "+K", "true", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none", "-noinput",
		"-mnesia", "dir", fmt.Sprintf("%q", filepath.Join(s.dir, "spool")),
		"-s", "ejabberd", "-eval", eval.String())
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(),
		"HOME="+s.dir,
		"ERL_LIBS="+ejabberdLibs(),
		"ERL_CRASH_DUMP_BYTES=0",
		"EJABBERD_CONFIG_PATH="+filepath.Join(s.dir, "ejabberd.yml"),
		"EJABBERD_LOG_PATH="+filepath.Join(s.dir, "ejabberd.log"),
	)
	return cmd
}

// ejabberdLibs is the folder that holds ejabberd-VERSION/ebin as Debian
// packages it; the empty string (which makes the start fail, saying that
// ejabberd is not found) if there is none.
func ejabberdLibs() string {
	found, _ := filepath.Glob("/usr/lib/*/ejabberd-*/ebin/ejabberd.app")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(found[0])))
}

func erlBinary(s string) string {
	var b strings.Builder
	b.WriteString("<<")
	for i := range len(s) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", s[i])
	}
	b.WriteString(">>")
	return b.String()
}

func writeEjabberd(s *Server) error {
	if ejabberdLibs() == "" {
		return fmt.Errorf("ejabberd is not installed")
	}
	if err := os.MkdirAll(filepath.Join(s.dir, "spool"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, "ejabberd.yml"), []byte(ejabberdConfig(s)), 0o644)
}

func ejabberdConfig(s *Server) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("hosts:\n  - localhost")
	if s.opts.Front != "" {
		p("  - %q", s.opts.Front)
	}
	p("loglevel: %s", map[bool]string{false: "info", true: "warning"}[s.opts.Quiet])
	p("auth_method: [internal]")
	p("s2s_access: none")
	p("listen:")
	p("  - {port: %d, ip: 127.0.0.1, module: ejabberd_c2s, max_stanza_size: 1048576, shaper: none, access: all, backlog: 512}", s.ports.c2s)
	if len(s.opts.Components) > 0 {
		p("  - {port: %d, ip: 127.0.0.1, module: ejabberd_service, max_stanza_size: 1048576, shaper: none, access: all, max_fsm_queue: 1000000%s}",
			s.ports.component, ejabberdSecrets(s.opts.Components))
	}
	if s.opts.Front != "" {
		p("  - port: %d\n    ip: 127.0.0.1\n    module: ejabberd_http\n    backlog: 512\n    tls: %t\n    request_handlers:", s.ports.http, s.opts.FrontTLS != "")
		p("      /http-bind: mod_bosh\n      /xmpp-websocket: ejabberd_http_ws")
	}
	if s.opts.FrontTLS != "" {
		p("certfiles: [%q]", s.opts.FrontTLS)
	}
	p("modules:")
	for _, m := range []string{"mod_disco", "mod_ping", "mod_version", "mod_roster", "mod_private", "mod_carboncopy", "mod_bosh", "mod_caps"} {
		p("  %s: {}", m)
	}
	if s.opts.Archive {
		p("  mod_mam: {db_type: mnesia, default: never}")
	}
	p("append_host_config:\n  localhost:\n    modules:\n      mod_muc:")
	p("        host: %q\n        access: all\n        access_create: all\n        access_persistent: all\n        max_users: 5000\n        min_presence_interval: 0", s.opts.Rooms)
	if s.opts.Archive {
		p("        default_room_options:\n          mam: true")
	}
	for line := range strings.Lines(s.opts.ExtraRooms) {
		p("        %s", strings.TrimRight(line, "\n"))
	}
	if s.opts.Front != "" {
		p("host_config:\n  %q:\n    auth_method: [anonymous]\n    anonymous_protocol: sasl_anon\n    allow_multiple_connections: true", s.opts.Front)
	}
	p("%s", s.opts.Extra)
	return b.String()
}

// ejabberdSecrets is the listener's part: one password for any domain, or one per host.
func ejabberdSecrets(components []Component) string {
	same := true
	for _, c := range components {
		same = same && c.Secret == components[0].Secret
	}
	switch {
	case same:
		return fmt.Sprintf(", password: %q", components[0].Secret)
	}
	var hosts []string
	for _, c := range components {
		hosts = append(hosts, fmt.Sprintf("%q: {password: %q}", c.Domain, c.Secret))
	}
	// Without it, each link would be given the traffic of all the hosts.
	return ", global_routes: false, hosts: {" + strings.Join(hosts, ", ") + "}"
}
