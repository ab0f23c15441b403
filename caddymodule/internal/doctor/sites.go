package doctor

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// checkSites returns the findings that the log also shows when Caddy starts.
func (d *doctor) checkSites(context.Context) (all []Finding) {
	for _, f := range d.Sites {
		all = append(all, find(f.Name, "site %s: %s", f.Site, f.Problem))
	}
	if len(all) == 0 {
		all = one(sitesCovered, "itsme comes before every upstream, file and response of its sites, and requests reach its endpoints")
	}
	for _, f := range d.SiteNotes {
		all = append(all, find(f.Name, "site %s: %s", f.Site, f.Problem))
	}
	return all
}

// checkLoA finds a gateway that accepts every level of assurance.
func (d *doctor) checkLoA(_ context.Context, g *Gateway) []Finding {
	if g.Config.LoA != "" {
		return nil
	}
	return one(loaMissing, "loa is not set: a login with any level of assurance gets a token")
}

// checkUse finds a gateway that no site uses. Without this check, the sites would look right.
func (d *doctor) checkUse(_ context.Context, g *Gateway) []Finding {
	if g.Used {
		return one(gatewayUsed, "a site uses this gateway")
	}
	return one(gatewayUnused, "no site uses this gateway: no user can log in")
}

// headerLogger is the module that logs, at DEBUG, every header that it sends upstream.
const headerLogger = "http.handlers.reverse_proxy"

// checkLogs finds logs that show names and national numbers of users.
func (d *doctor) checkLogs(context.Context) (all []Finding) {
	logs := d.Logs
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		log := logs[name]
		if log == nil || !d.logsDebug(log) || !accepts(log, headerLogger) || discards(log) || hidesHeaders(log.EncoderRaw) {
			continue
		}
		all = append(all, find(debugLogsIdentity, "log %q is at level DEBUG, at which reverse_proxy logs the identity headers, and has no filter for them", name))
	}
	if len(all) == 0 {
		all = one(debugLogsSafe, "no log shows identity headers")
	}
	return all
}

func (d *doctor) logsDebug(log *caddy.CustomLog) bool {
	return strings.EqualFold(d.replacer.ReplaceAll(log.Level, ""), "debug")
}

// accepts reports whether a log accepts a module's lines. The longest matching name of include and exclude
// decides, as documented for CustomLog.
func accepts(log *caddy.CustomLog, module string) bool {
	accepted, rejected := longest(log.Include, module), longest(log.Exclude, module)
	if slices.Contains(log.Exclude, "*") || len(log.Include) > 0 && accepted == 0 {
		return false
	}
	return rejected == 0 || accepted > rejected
}

// longest returns the length of the longest name that is the module or a parent of it; 0 for none.
func longest(names []string, module string) (most int) {
	for _, name := range names {
		if strings.HasPrefix(module+".", name+".") {
			most = max(most, len(name))
		}
	}
	return most
}

func discards(log *caddy.CustomLog) bool {
	var writer struct{ Output string }
	return json.Unmarshal(log.WriterRaw, &writer) == nil && writer.Output == "discard"
}

// hidesHeaders reports whether an encoder leaves out the headers of requests. It trusts encoders that are
// not part of Caddy.
func hidesHeaders(raw json.RawMessage) bool {
	var encoder struct {
		Format string          `json:"format"`
		Wrap   json.RawMessage `json:"wrap"`
		Fields map[string]struct {
			Filter string `json:"filter"`
		} `json:"fields"`
	}
	if len(raw) > 0 && json.Unmarshal(raw, &encoder) != nil {
		return true // Caddy would not have loaded it
	}
	switch encoder.Format {
	case "", "console", "json":
		return false
	case "append":
		return hidesHeaders(encoder.Wrap)
	case "filter":
		for _, field := range []string{"request", "request>headers"} {
			if filter := encoder.Fields[field].Filter; filter == "itsme" || filter == "delete" {
				return true
			}
		}
		return hidesHeaders(encoder.Wrap)
	}
	return true
}
