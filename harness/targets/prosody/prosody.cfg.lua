daemonize = false
pidfile = "{{run}}/prosody.pid"
admin_socket = "{{run}}/prosody.sock"
data_path = "{{data}}"
log = { { levels = { min = "info" }, to = "file", filename = "{{log}}/prosody.log" } }

interfaces = { "{{host}}" }
local_interfaces = { "{{host}}" }
c2s_ports = { {{c2s}} }
c2s_direct_tls_ports = { {{c2s_tls}} }
s2s_ports = { {{s2s}} }

certificates = "{{certs}}"
ssl = { key = "{{certs}}/server.key", certificate = "{{certs}}/server.crt", cafile = "{{certs}}/ca.crt" }
c2s_direct_tls_ssl = ssl

-- What Debian enables, but for "limits" (a run is faster than 10 kb/s) and "invites" (which close the registration).
modules_enabled = {
	"disco", "roster", "saslauth", "tls", "blocklist", "bookmarks", "carbons", "dialback", "pep", "private", "smacks", "vcard4",
	"vcard_legacy", "csi_simple", "ping", "register", "time", "uptime", "version", "admin_adhoc", "admin_shell", "posix"
}
modules_disabled = { {{no-world: "s2s"}} }

s2s_secure_auth = true
authentication = "internal_hashed"
storage = "internal"
allow_registration = true
min_seconds_between_registrations = 0
registration_throttle_max = 1000000

VirtualHost "{{domain}}"
