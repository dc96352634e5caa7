-- The demo's Prosody. The demo program fills in what stands between two @.
run_as_root = true -- only matters if the demo is run by root
daemonize = false
pidfile = "@DIR@/prosody.pid"
data_path = "@DIR@/data"
certificates = "@DIR@" -- none are needed
log = { { levels = { min = "info" }, to = "console" } }

interfaces = { "127.0.0.1" }
c2s_ports = { @C2S@ }
component_ports = { @COMPONENT@ }
component_interfaces = { "127.0.0.1" }

modules_enabled = { "disco", "roster", "saslauth", "ping", "presence", "message", "iq", "carbons" }
modules_disabled = { "s2s", "offline" }

-- Everything here stays on this machine, so no TLS.
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_hashed"
storage = "internal"

VirtualHost "localhost"

-- The rooms. Anybody whom Usher lets through may open one.
Component "conference.localhost" "muc"
	name = "Rooms"
	restrict_room_creation = false
	muc_room_cache_size = 10000 -- of more rooms than these, 100 by default, it reads one back from its store with each stanza

-- Usher's link (XEP-0114).
Component "visitors.localhost"
	component_secret = "s3cret"
	-- After a cut, the new link takes over at once instead of being refused
	-- until the server notices that the old one is dead.
	component_conflict_resolve = "kick_old"
