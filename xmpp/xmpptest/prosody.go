package xmpptest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// StartProsody starts the installed Prosody (0.12) as a child process. It
// fails if the program is not there.
func StartProsody(opts ServerOptions) (*Server, error) {
	return startServer(dialect{
		name:  "prosody",
		write: writeProsody,
		command: func(s *Server) *exec.Cmd {
			return exec.Command("prosody", "-F", "--config", filepath.Join(s.dir, "prosody.cfg.lua"))
		},
		ready: prosodyReady,
		taken: "Failed to open server port",
	}, opts)
}

func prosodyReady(s *Server) []string {
	// Nothing is accepted before all hosts are loaded, whatever the order of these lines.
	lines := []string{"Activated service 'c2s' on [127.0.0.1]:"}
	if len(s.opts.Components) > 0 { // else the service isn't wanted by any host
		lines = append(lines, "Activated service 'component' on [127.0.0.1]:")
	}
	if s.opts.Front != "" {
		lines = append(lines, "Activated service 'http"+s.secure()+"' on [127.0.0.1]:", s.opts.Front+":http")
	}
	return lines
}

func writeProsody(s *Server) error {
	accounts := filepath.Join(s.dir, "data", "localhost", "accounts")
	for _, d := range []string{accounts, filepath.Join(s.dir, "certs")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	for _, a := range s.opts.Accounts {
		text := fmt.Sprintf("return { [\"password\"] = %q };\n", a.Password)
		if err := os.WriteFile(filepath.Join(accounts, prosodyFile(a.User)+".dat"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if s.opts.Quiet {
		if err := os.WriteFile(filepath.Join(s.dir, "mod_xmpptest_quiet.lua"), []byte(prosodyQuiet), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(s.dir, "prosody.cfg.lua"), []byte(prosodyConfig(s)), 0o644)
}

// prosodyQuiet is a module that takes the lower levels' sinks away when all is up: what it is known by stands in the log.
const prosodyQuiet = `module:set_global();
module:hook_global("server-started", function ()
	local logger = require "util.logger";
	logger.reset();
	for _, level in ipairs { "warn", "error" } do
		logger.add_level_sink(level, function (name, level, message, ...)
			io.stderr:write(name, " ", level, " ", message:format(...), "\n");
		end);
	end
end);
`

// prosodyFile is a name as Prosody's file store has it: all but ASCII letters and digits as %xx.
func prosodyFile(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

func prosodyConfig(s *Server) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`run_as_root = true`)
	p(`pidfile = %q`, filepath.Join(s.dir, "prosody.pid"))
	p(`data_path = %q`, filepath.Join(s.dir, "data"))
	p(`certificates = %q`, filepath.Join(s.dir, "certs"))
	p(`log = { { levels = { min = "info" }, to = "console", timestamps = "%%X" } }`)
	p(`interfaces = { "127.0.0.1" }`)
	p(`c2s_ports = { %d }`, s.ports.c2s)
	if len(s.opts.Components) > 0 {
		p(`component_ports = { %d }; component_interfaces = { "127.0.0.1" }`, s.ports.component)
	}
	switch {
	case s.opts.Front != "" && s.opts.FrontTLS != "":
		p(`https_ports = { %d }; https_interfaces = { "127.0.0.1" }; http_ports = {}`, s.ports.http)
		p(`https_ssl = { certificate = %[1]q, key = %[1]q }`, s.opts.FrontTLS)
	case s.opts.Front != "":
		p(`http_ports = { %d }; http_interfaces = { "127.0.0.1" }; https_ports = {}`, s.ports.http)
	default:
		p(`https_ports = {}`)
	}
	modules := `"disco", "roster", "saslauth", "ping", "version", "time", "private", "pep", "carbons"`
	if s.opts.Front != "" {
		p(`http_default_host = %q`, s.opts.Front)
		p(`consider_bosh_secure = true; consider_websocket_secure = true`)
		modules += `, "bosh", "websocket"`
	}
	if s.opts.Quiet {
		p(`plugin_paths = { %q }`, s.dir)
		modules += `, "xmpptest_quiet"`
	}
	p(`modules_enabled = { %s }`, modules)
	p(`modules_disabled = { "s2s", "tls" }`)
	p(`c2s_require_encryption = false; allow_unencrypted_plain_auth = true`)
	p(`c2s_stanza_size_limit = 1024*1024; component_stanza_size_limit = 1024*1024`)
	p(`authentication = "internal_plain"`)
	if s.opts.Disk {
		p(`storage = "internal"`)
	} else {
		p(`default_storage = "memory"; storage = { accounts = "internal" }`)
	}
	p("%s", s.opts.Extra)
	p(`VirtualHost "localhost"`)
	if s.opts.Front != "" {
		p(`VirtualHost %q`, s.opts.Front)
		p(`  authentication = "anonymous"`)
	}
	p(`Component %q "muc"`, s.opts.Rooms)
	p(`  restrict_room_creation = false`)
	if s.opts.Archive {
		p(`  modules_enabled = { "muc_mam" }; muc_log_by_default = true`)
	}
	p("%s", s.opts.ExtraRooms)
	for _, c := range s.opts.Components {
		p(`Component %q`, c.Domain)
		p(`  component_secret = %q`, c.Secret)
		p(`  component_conflict_resolve = "kick_old"`)
	}
	return b.String()
}
