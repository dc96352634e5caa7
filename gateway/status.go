package gateway

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"usher/workgroup"
)

// groupStatus is the answer of GET /status (docs/interface.md, part C).
type groupStatus struct {
	Site      string `json:"site"`
	Workgroup string `json:"workgroup"`
	State     string `json:"state"`
	Agents    int    `json:"agents"`
	Waiting   int    `json:"waiting"`
	Estimate  int    `json:"estimate"` // seconds
	Opens     string `json:"opens"`    // RFC 3339, or empty
}

// status tells a page whether a workgroup of its site is open. It costs the desk nothing: the figures are those of the metrics.
func (d *doors) status(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderVary, "Host, Origin")
	info := d.proxies.clientInfo(ctx, "")
	cfg := siteOf(d.g.cfg.Sites, info.Host, string(ctx.QueryArgs().Peek("site")))
	if cfg != nil && info.Origin != "" && d.g.byDomain[cfg.Domain].origin(info.Origin) {
		ctx.Response.Header.Set(fasthttp.HeaderAccessControlAllowOrigin, info.Origin)
	}
	if !readOnly(ctx) {
		return
	}
	var found *workgroup.Gauges
	if cfg != nil {
		found = groupOfSite(d.g.desk.figures(), cfg.Name, string(ctx.QueryArgs().Peek("workgroup")))
	}
	if found == nil {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	answer := groupStatus{
		Site: found.Site, Workgroup: found.Workgroup, State: found.State, Agents: found.Able, Waiting: found.Queue,
		Estimate: int(found.Estimate / time.Second),
	}
	if !found.Opens.IsZero() {
		answer.Opens = found.Opens.Format(time.RFC3339)
	}
	b, err := json.Marshal(answer)
	if err != nil {
		ctx.SetStatusCode(fasthttp.StatusInternalServerError) // text and numbers always marshal
		return
	}
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "max-age=10")
	ctx.SetContentType("application/json")
	ctx.SetBody(append(b, '\n'))
}

// groupOfSite finds a site's workgroup by name; without a name its only one. nil: there is none, or several.
func groupOfSite(all []workgroup.Gauges, site, name string) *workgroup.Gauges {
	of := func(g workgroup.Gauges) bool { return g.Site == site && (name == "" || g.Workgroup == name) }
	i := slices.IndexFunc(all, of)
	if i < 0 || name == "" && slices.ContainsFunc(all[i+1:], of) {
		return nil
	}
	return &all[i]
}
