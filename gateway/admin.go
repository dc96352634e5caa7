package gateway

import (
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"usher/archive"
	"usher/pool"
)

// ReadyReport is the answer of /readyz.
type ReadyReport struct {
	Ready    bool         `json:"ready"`
	Draining bool         `json:"draining"`
	Links    []LinkReport `json:"links"`
}

// LinkReport is one component link in it.
type LinkReport struct {
	Domain   string  `json:"domain"`
	State    string  `json:"state"`
	Since    string  `json:"since"` // RFC 3339
	RTT      float64 `json:"rtt_ms"`
	Visitors int     `json:"visitors"`
}

// readyReport makes the report: ready as long as one link is up and nothing is draining.
func readyReport(draining bool, links []pool.Status) ReadyReport {
	r := ReadyReport{Draining: draining, Links: make([]LinkReport, len(links))}
	for i, l := range links {
		r.Links[i] = LinkReport{Domain: l.Domain, State: l.State, RTT: float64(l.RTT.Microseconds()) / 1000, Visitors: l.Visitors}
		if !l.Since.IsZero() {
			r.Links[i].Since = l.Since.UTC().Format(time.RFC3339)
		}
		r.Ready = r.Ready || l.State == "up" && !draining
	}
	return r
}

// admin is the admin listener's handler (docs/interface.md, part C).
type admin struct {
	hosts []string
	token string
	mux   *http.ServeMux
	log   *slog.Logger
}

// newAdmin returns the admin listener's server; the caller gives it its
// listeners and shuts it down. ready is called for each /readyz; kept returns the archive while it is open, else nil; forget is
// who else has something of a visitor that is erased there.
func newAdmin(cfg *Config, metrics *prometheus.Registry, ready func() ReadyReport, kept func() *archive.Archive, forget eraser, log *slog.Logger) *http.Server {
	a := &admin{hosts: cfg.AdminHosts, token: cfg.AdminToken.Value(), mux: http.NewServeMux(), log: log}
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte("ok"))
	})
	a.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		report := ready()
		w.Header().Set("Content-Type", "application/json")
		if !report.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if err := json.NewEncoder(w).Encode(report); err != nil {
			log.Debug("answer to /readyz not taken", "err", err)
		}
	})
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	a.mux.HandleFunc("GET /debug/pprof/", a.guarded(pprof.Index))
	a.mux.HandleFunc("GET /debug/pprof/cmdline", a.guarded(pprof.Cmdline))
	a.mux.HandleFunc("GET /debug/pprof/profile", a.guarded(pprof.Profile))
	a.mux.HandleFunc("GET /debug/pprof/symbol", a.guarded(pprof.Symbol))
	a.mux.HandleFunc("GET /debug/pprof/trace", a.guarded(pprof.Trace))
	(&archiveAPI{a, kept, forget}).routes()
	a.mux.HandleFunc("/", a.guarded(http.NotFound))
	return &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP refuses what a web page of somebody else could send here under a name of its own (DNS rebinding).
func (a *admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.knows(r.Host) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	a.mux.ServeHTTP(w, r)
}

// knows says whether the Host header is an IP literal, localhost or one of admin_hosts.
func (a *admin) knows(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || slices.Contains(a.hosts, host)
}

// guarded lets only those in who have the admin token, as Bearer or as a Basic password, and no changes that a web page of
// somebody else has a browser make, which may know the password. Changes are logged, without what they name.
func (a *admin) guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.token == "" {
			http.Error(w, "closed: no admin_token is set", http.StatusForbidden)
			return
		}
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			_, given, _ = r.BasicAuth()
		}
		if subtle.ConstantTimeCompare([]byte(given), []byte(a.token)) != 1 {
			a.log.Warn("admin: wrong token", "remote", r.RemoteAddr, "path", r.URL.Path)
			w.Header().Set("WWW-Authenticate", `Basic realm="usher"`)
			http.Error(w, "wrong or no token", http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if foreign(r) {
				a.log.Warn("admin: change from a foreign page refused", "remote", r.RemoteAddr, "change", r.Pattern)
				http.Error(w, "changes from other sites' pages are refused", http.StatusForbidden)
				return
			}
			a.log.Info("admin: change", "remote", r.RemoteAddr, "method", r.Method, "change", r.Pattern)
		}
		next(w, r)
	}
}

// foreign says whether a browser sent the request for a page that isn't of this listener.
func foreign(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return true
	}
	origin := r.Header.Get("Origin")
	return origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host
}
