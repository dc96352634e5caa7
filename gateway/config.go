package gateway

import (
	"net/netip"
	"time"
)

// Config is the whole configuration, as docs/interface.md (part A) prints it: one field
// a key. What Load returns has been checked, its defaults are filled in, its
// paths are absolute or relative to the working directory, its JIDs, domains and origins are canonical.
// It isn't changed after Load, so it may be read by all.
//
// Tags: yaml names the key (",required": must be given, ",list": one value stands for a list of one);
// oneof, min and max bound it (a min of 1 on a duration: more than 0); stage is the one
// that gives the key its effect, if it isn't in effect yet.
type Config struct {
	Listen         []Listen       `yaml:"listen,list"`
	Public         string         `yaml:"public"` // scheme://host[:port] or ""
	Admin          []Listen       `yaml:"admin,list"`
	AdminToken     Secret         `yaml:"admin_token"`
	AdminHosts     []string       `yaml:"admin_hosts"`
	Node           string         `yaml:"node"`
	Log            LogConfig      `yaml:"log"`
	TLS            *TLSConfig     `yaml:"tls"` // nil = plain
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	ProxyProtocol  bool           `yaml:"proxy_protocol"`
	Upstream       UpstreamConfig `yaml:"upstream,required"`
	Archive        ArchiveConfig  `yaml:"archive"`
	Files          FilesConfig    `yaml:"files"`
	SMTP           SMTPConfig     `yaml:"smtp"`
	WS             WSConfig       `yaml:"ws"`
	BOSH           BOSHConfig     `yaml:"bosh"`
	Resume         ResumeConfig   `yaml:"resume"`
	Drain          DrainConfig    `yaml:"drain"`
	Limits         LimitsConfig   `yaml:"limits"`
	Sites          []Site         `yaml:"sites,required" min:"1"` // after Limits, which are the sites' defaults
}

// LogConfig is `log`.
type LogConfig struct {
	Level  string `yaml:"level" oneof:"debug info warn error"`
	Format string `yaml:"format" oneof:"text json"`
}

// TLSConfig is `tls`, of the public listeners.
type TLSConfig struct {
	Cert     string        `yaml:"cert"`
	Key      string        `yaml:"key"`
	ACME     ACMEConfig    `yaml:"acme" stage:"6"`
	Redirect string        `yaml:"redirect" stage:"6"`
	HSTS     time.Duration `yaml:"hsts" stage:"6" min:"0"`
}

// ACMEConfig is `tls.acme`.
type ACMEConfig struct {
	Hosts     []string `yaml:"hosts"`
	Email     string   `yaml:"email"`
	Directory string   `yaml:"directory"`
	Cache     string   `yaml:"cache"`
}

// UpstreamConfig is `upstream`, the XMPP server.
type UpstreamConfig struct {
	Server     string        `yaml:"server" oneof:"auto prosody ejabberd mongooseim tigase openfire"`
	Address    []string      `yaml:"address,list"` // host:port or unix:PATH, tried in turn
	TLS        string        `yaml:"tls" oneof:"none direct"`
	CAFile     string        `yaml:"ca_file"`
	ServerName string        `yaml:"server_name"`
	Components []Component   `yaml:"components,required" min:"1"`
	Desk       string        `yaml:"desk"`  // never empty after Load
	Rooms      string        `yaml:"rooms"` // the MUC service's domain
	Retry      RetryConfig   `yaml:"retry"`
	Ping       time.Duration `yaml:"ping" min:"1"`
	Hold       HoldConfig    `yaml:"hold"`
	Accounts   []Account     `yaml:"accounts"`
}

// Component is one component domain (XEP-0114).
type Component struct {
	Domain string `yaml:"domain,required"`
	Secret Secret `yaml:"secret,required"`
}

// RetryConfig is `upstream.retry`.
type RetryConfig struct {
	Min time.Duration `yaml:"min" min:"1"`
	Max time.Duration `yaml:"max" min:"1"`
}

// HoldConfig is `upstream.hold`, per link while it is down.
type HoldConfig struct {
	Bytes Size          `yaml:"bytes" min:"0"`
	Age   time.Duration `yaml:"age" min:"1"`
}

// Account is one of `upstream.accounts`: a domain whose streams are relayed.
type Account struct {
	Domain        string   `yaml:"domain,required"`
	Address       string   `yaml:"address"`
	TLS           string   `yaml:"tls" oneof:"starttls direct none"`
	CAFile        string   `yaml:"ca_file"`
	ServerName    string   `yaml:"server_name"`
	ProxyProtocol string   `yaml:"proxy_protocol" oneof:"none v1 v2"`
	Origins       []Origin `yaml:"origins"`
	AuthFailures  Rate     `yaml:"auth_failures"`
}

// ArchiveConfig is `archive`.
type ArchiveConfig struct {
	Path   string        `yaml:"path"`
	Commit time.Duration `yaml:"commit" min:"1"`
}

// FilesConfig is `files`; an empty path turns them off.
type FilesConfig struct {
	Path       string        `yaml:"path"`
	Max        Size          `yaml:"max" min:"1"`
	PerVisitor Size          `yaml:"per_visitor" min:"1"`
	Types      []string      `yaml:"types"`
	Retention  time.Duration `yaml:"retention" min:"0"`
}

// SMTPConfig is `smtp`; an empty address turns mail off.
type SMTPConfig struct {
	Address  string `yaml:"address"`
	TLS      string `yaml:"tls" oneof:"starttls direct none"`
	User     string `yaml:"user"`
	Password Secret `yaml:"password"`
	From     string `yaml:"from"`
}

// WSConfig is `ws`.
type WSConfig struct {
	Ping      time.Duration `yaml:"ping" min:"1"`
	Pong      time.Duration `yaml:"pong" min:"1"`
	Fragments int           `yaml:"fragments" min:"1"`
}

// BOSHConfig is `bosh`: the most that a client may ask for. The durations are
// whole seconds, since XEP-0124 speaks of nothing smaller.
type BOSHConfig struct {
	Wait       time.Duration `yaml:"wait" min:"1"`
	Hold       int           `yaml:"hold" min:"0" max:"1"`
	Requests   int           `yaml:"requests" min:"1"`
	Polling    time.Duration `yaml:"polling" min:"1"`
	Inactivity time.Duration `yaml:"inactivity" min:"1"`
	MaxPause   time.Duration `yaml:"maxpause" min:"0"`
	Gzip       bool          `yaml:"gzip"`
}

// ResumeConfig is `resume`.
type ResumeConfig struct {
	Max       time.Duration `yaml:"max" min:"1"`
	Grace     time.Duration `yaml:"grace" min:"0"`
	Queue     Size          `yaml:"queue" min:"1"`
	Tokens    bool          `yaml:"tokens"`
	TokenKey  Secret        `yaml:"token_key"`
	TokenLife time.Duration `yaml:"token_life" min:"1"`
}

// DrainConfig is `drain`.
type DrainConfig struct {
	Timeout     time.Duration `yaml:"timeout" min:"1"`
	SeeOtherURI string        `yaml:"see_other_uri" stage:"5"`
}

// LimitsConfig is `limits`.
type LimitsConfig struct {
	Memory        Size           `yaml:"memory" stage:"5" min:"1"`
	Sessions      int            `yaml:"sessions" min:"1"`
	LoginTime     time.Duration  `yaml:"login_time" min:"1"` // absolute
	Prelogin      PreloginLimits `yaml:"prelogin"`
	Stanza        Size           `yaml:"stanza" min:"10000"` // RFC 6120 §13.12: not less than 10000
	AccountStanza Size           `yaml:"account_stanza" min:"10000"`
	Depth         int            `yaml:"depth" min:"1"`
	Attributes    int            `yaml:"attributes" min:"1"` // per element
	Elements      int            `yaml:"elements" min:"1"`   // per stanza
	Outbox        Size           `yaml:"outbox" min:"1"`     // per visitor, hard
	Stalled       time.Duration  `yaml:"stalled" min:"1"`
	Address       AddressLimits  `yaml:"address"`
	Visitor       VisitorLimits  `yaml:"visitor"`
}

// PreloginLimits is `limits.prelogin`.
type PreloginLimits struct {
	Sessions int  `yaml:"sessions" min:"1"`
	Bytes    Size `yaml:"bytes" min:"1"`
}

// AddressLimits is `limits.address`, per network address; 0 = no limit.
type AddressLimits struct {
	Sessions int  `yaml:"sessions" min:"0"`
	New      Rate `yaml:"new"`
	V6Prefix int  `yaml:"v6_prefix" min:"1" max:"128"` // bits that make one IPv6 address
}

// VisitorLimits is `limits.visitor`; 0 = no limit.
type VisitorLimits struct {
	Stanzas  Rate `yaml:"stanzas"`
	Bytes    Rate `yaml:"bytes"`
	Messages Rate `yaml:"messages"`
	Joins    Rate `yaml:"joins"`
	Rooms    int  `yaml:"rooms" min:"0"`
}

// Site is one of `sites`.
type Site struct {
	Name           string          `yaml:"name,required"`
	Domain         string          `yaml:"domain,required"`
	Origins        []Origin        `yaml:"origins"`
	Transports     []string        `yaml:"transports" oneof:"ws bosh" min:"1"`
	Allow          []Allow         `yaml:"allow"`
	CreateRooms    bool            `yaml:"create_rooms"`
	Sessions       int             `yaml:"sessions" min:"0"` // 0 = no own cap
	Memory         Size            `yaml:"memory" stage:"5" min:"0"`
	Limits         SiteLimits      `yaml:"limits"` // the global ones where the site has none
	UnderAttack    bool            `yaml:"under_attack" stage:"5"`
	Retention      time.Duration   `yaml:"retention" min:"0"` // 0 = for ever
	StoreAddress   string          `yaml:"store_address" oneof:"none hash full"`
	Identity       IdentityConfig  `yaml:"identity"`
	Webhook        WebhookConfig   `yaml:"webhook"`
	Language       string          `yaml:"language"`
	Languages      []string        `yaml:"languages"`
	Texts          map[string]Text `yaml:"texts"`
	Theme          ThemeConfig     `yaml:"theme"`
	Consent        string          `yaml:"consent"`
	Remember       bool            `yaml:"remember"`
	HideWhenClosed bool            `yaml:"hide_when_closed"`
	Proactive      ProactiveConfig `yaml:"proactive"`
	Workgroups     []Workgroup     `yaml:"workgroups"`
}

// SiteLimits is a site's own `limits`, complete after Load.
type SiteLimits struct {
	Address AddressLimits `yaml:"address"`
	Visitor VisitorLimits `yaml:"visitor"`
}

// IdentityConfig is `identity`: the keys of signed visitors.
type IdentityConfig struct {
	HMACKey     Secret      `yaml:"hmac_key"`
	Ed25519Keys []PublicKey `yaml:"ed25519_keys"`
	Audience    string      `yaml:"audience"` // never empty after Load
}

// WebhookConfig is `webhook`; an empty url turns it off.
type WebhookConfig struct {
	URL    string   `yaml:"url"`
	Secret Secret   `yaml:"secret"`
	Events []string `yaml:"events" oneof:"offline closed rated"`
}

// ThemeConfig is `theme`.
type ThemeConfig struct {
	Colour   string `yaml:"colour"`
	Logo     string `yaml:"logo"` // as written: SVG text, or a path
	Position string `yaml:"position" oneof:"right left"`
	Dark     string `yaml:"dark" oneof:"auto on off"`
	CSS      string `yaml:"css"` // the rules themselves after Load

	Picture Logo // what Logo names, read by Load
}

// ProactiveConfig is `proactive`.
type ProactiveConfig struct {
	Mode  string      `yaml:"mode" oneof:"none greet presence"`
	Rules []GreetRule `yaml:"rules"`
}

// GreetRule is one of `proactive.rules`; the first that fits the page greets.
type GreetRule struct {
	Page  string        `yaml:"page"` // a path, * stands for anything; "" = every page
	After time.Duration `yaml:"after" min:"0"`
	Text  Text          `yaml:"text,required"`
}

// Workgroup is one of a site's `workgroups`.
type Workgroup struct {
	Name             string            `yaml:"name,required"`
	Address          string            `yaml:"address"` // localpart; never empty after Load
	Title            string            `yaml:"title"`
	Agents           []Agent           `yaml:"agents"`
	Supervisors      []JID             `yaml:"supervisors"`
	Strategy         string            `yaml:"strategy" oneof:"random least-busy round-robin ring-all"`
	Filters          []string          `yaml:"filters" oneof:"language skills sticky"`
	Away             string            `yaml:"away" oneof:"reserve never"`
	MaxChats         int               `yaml:"max_chats" min:"1"`
	Invite           string            `yaml:"invite" oneof:"on-accept with-offer"`
	OfferTimeout     time.Duration     `yaml:"offer_timeout" min:"1"`
	Timers           Timers            `yaml:"timers"`
	Queue            QueueConfig       `yaml:"queue"`
	Hours            *HoursConfig      `yaml:"hours"` // nil: always open
	Form             []FormField       `yaml:"form"`
	Offline          OfflineConfig     `yaml:"offline"`
	TranscriptMail   bool              `yaml:"transcript_mail"`
	SupervisorNotice bool              `yaml:"supervisor_notice"`
	Replies          map[string]string `yaml:"replies"`
}

// Agent is one of `agents`: a bare JID, or a mapping with one.
type Agent struct {
	JID       JID      `yaml:"jid,required"`
	Skills    []string `yaml:"skills"`
	Languages []string `yaml:"languages"`
	MaxChats  int      `yaml:"max_chats" min:"0"` // 0: the workgroup's
}

// Timers is `timers`. Cool, Wrap and Ready may be 0: none.
type Timers struct {
	Form        time.Duration `yaml:"form" min:"1"`
	VisitorJoin time.Duration `yaml:"visitor_join" min:"1"`
	Join        time.Duration `yaml:"join" min:"1"`
	Queue       time.Duration `yaml:"queue" min:"1"`
	Net         time.Duration `yaml:"net" min:"1"`
	VisitorLost time.Duration `yaml:"visitor_lost" min:"1"`
	AgentLost   time.Duration `yaml:"agent_lost" min:"1"`
	First       time.Duration `yaml:"first" min:"1"`
	IdleWarn    time.Duration `yaml:"idle_warn" min:"1"`
	IdleClose   time.Duration `yaml:"idle_close" min:"1"`
	Cool        time.Duration `yaml:"cool" min:"0"`
	Wrap        time.Duration `yaml:"wrap" min:"0"`
	Max         time.Duration `yaml:"max" min:"1"`
	Ready       time.Duration `yaml:"ready" min:"0"`
}

// QueueConfig is `queue`.
type QueueConfig struct {
	Limit    int    `yaml:"limit" min:"1"`
	Overflow string `yaml:"overflow"` // another workgroup of the site, or ""
}

// HoursConfig is `hours`.
type HoursConfig struct {
	Zone     string            `yaml:"zone,required"`
	Week     map[string][]Span `yaml:"week,required"` // mon, or mon-fri
	Holidays []Date            `yaml:"holidays"`
}

// FormField is one field of `form` and `offline.form`.
type FormField struct {
	Var      string `yaml:"var,required"`
	Type     string `yaml:"type" oneof:"text-single text-multi boolean"`
	Label    Text   `yaml:"label"`
	Required bool   `yaml:"required"`
}

// OfflineConfig is `offline`.
type OfflineConfig struct {
	Store bool        `yaml:"store"`
	Mail  []string    `yaml:"mail"`
	Form  []FormField `yaml:"form"`
}

// defaulter is a part that is born with values: once for each list item.
type defaulter interface{ setDefaults(c *Config) }

// defaultConfig is the file with nothing in it.
func defaultConfig() *Config {
	return &Config{
		Listen: []Listen{{"tcp", "127.0.0.1:8080"}},
		Admin:  []Listen{{"tcp", "127.0.0.1:9091"}},
		Log:    LogConfig{"info", "text"},
		Upstream: UpstreamConfig{
			Server: "auto", Address: []string{"127.0.0.1:5347"}, TLS: "none", Rooms: "conference.localhost",
			Retry: RetryConfig{500 * time.Millisecond, 30 * time.Second}, Ping: 30 * time.Second,
			Hold: HoldConfig{4 << 20, 30 * time.Second},
		},
		Archive: ArchiveConfig{"usher.db", 200 * time.Millisecond},
		Files: FilesConfig{Max: 10 << 20, PerVisitor: 50 << 20,
			Types: []string{"image/*", "application/pdf", "text/plain"}, Retention: 30 * day},
		SMTP: SMTPConfig{TLS: "starttls"},
		WS:   WSConfig{25 * time.Second, 20 * time.Second, 16},
		BOSH: BOSHConfig{60 * time.Second, 1, 2, 5 * time.Second, 60 * time.Second, 120 * time.Second, true},
		Resume: ResumeConfig{Max: 5 * time.Minute, Grace: 45 * time.Second, Queue: 256 << 10, Tokens: true,
			TokenLife: 30 * day},
		Drain: DrainConfig{Timeout: 20 * time.Second},
		Limits: LimitsConfig{
			Memory: 1 << 30, Sessions: 19000, LoginTime: 15 * time.Second, Prelogin: PreloginLimits{1000, 16 << 10},
			Stanza: 64 << 10, AccountStanza: 256 << 10, Depth: 64, Attributes: 64, Elements: 1000,
			Outbox: 256 << 10, Stalled: 30 * time.Second,
			Address: AddressLimits{200, Rate{300.0 / 60, 100}, 64},
			Visitor: VisitorLimits{Rate{20, 60}, Rate{64 << 10, 64 << 10}, Rate{1, 20}, Rate{10.0 / 60, 5}, 20},
		},
	}
}

func (t *TLSConfig) setDefaults(*Config) {
	*t = TLSConfig{Cert: "tls.crt", Key: "tls.key", ACME: ACMEConfig{Cache: "acme"}}
}

func (a *Account) setDefaults(*Config) {
	*a = Account{Address: "127.0.0.1:5222", TLS: "starttls", ProxyProtocol: "none",
		Origins: []Origin{{Any: true}}, AuthFailures: Rate{5.0 / 60, 5}}
}

func (s *Site) setDefaults(c *Config) {
	*s = Site{
		Origins: []Origin{{Any: true}}, Transports: []string{"ws", "bosh"},
		Limits:    SiteLimits{c.Limits.Address, c.Limits.Visitor},
		Retention: 365 * day, StoreAddress: "hash", Language: "en",
		Webhook:   WebhookConfig{Events: []string{"offline", "closed", "rated"}},
		Theme:     ThemeConfig{Position: "right", Dark: "auto"},
		Proactive: ProactiveConfig{Mode: "none"},
	}
}

func (w *Workgroup) setDefaults(*Config) {
	*w = Workgroup{
		Strategy: "least-busy", Filters: []string{"language", "skills", "sticky"}, Away: "reserve", MaxChats: 3,
		Invite: "on-accept", OfferTimeout: 20 * time.Second,
		Timers: Timers{Form: 10 * time.Minute, VisitorJoin: 20 * time.Second, Join: 30 * time.Second,
			Queue: 4 * time.Minute, Net: 45 * time.Second, VisitorLost: 120 * time.Second, AgentLost: 60 * time.Second,
			First: 90 * time.Second, IdleWarn: 3 * time.Minute, IdleClose: 6 * time.Minute, Cool: 20 * time.Second,
			Wrap: 30 * time.Second, Max: 4 * time.Hour, Ready: 5 * time.Second},
		Queue: QueueConfig{Limit: 100}, Offline: OfflineConfig{Store: true}, SupervisorNotice: true,
	}
}

func (f *FormField) setDefaults(*Config) { *f = FormField{Type: "text-single"} }

// built says whether the keys of this stage (docs/interface.md) have their effect.
func built(stage string) bool { return stage <= "3" }
