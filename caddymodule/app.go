package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/coverage"
	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/doctor"
	"github.com/caddy-itsme/caddy-itsme/gateway"
)

func init() { caddy.RegisterModule(new(App)) }

// DefaultGateway is the name of a gateway without a name.
const DefaultGateway = "default"

// stopTimeout bounds how long Stop waits for logins that are being finished. A login that takes longer goes
// on in the background, until its own deadline.
const stopTimeout = 10 * time.Second

// errNoGateway is returned when a configuration has no gateway.
var errNoGateway = errors.New("no gateway is defined; add the global option itsme { ... } with public_url, signicat and attributes")

// App holds the gateways, by name. A site selects one with use.
type App struct {
	// Gateways are the gateways by name. A name has 1 to 40 of a-z, 0-9, _ and -, and begins with a letter
	// or a digit. Required, at least one. Two gateways must not share an issuer. They must not share a host
	// either, in public_url, token issuer or, with app_link, app_redirect_url.
	Gateways map[string]Gateway `json:"gateways,omitempty"`

	ctx       caddy.Context
	log       *slog.Logger
	events    *announcer
	instances map[string]*instance
	audiences map[string]string // of sites, by the place of their document
	stopped   bool
}

// CaddyModule returns the Caddy module information. Its receiver is a pointer because Caddy calls it for
// every event, also while Stop runs: a value receiver would copy the field that Stop writes, which is a
// data race.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "itsme", New: func() caddy.Module { return new(App) }}
}

// Provision implements caddy.Provisioner. It makes every gateway. It uses no network and writes nothing.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log = ctx, ctx.Slogger()
	a.instances, a.audiences = make(map[string]*instance, len(a.Gateways)), make(map[string]string)
	if len(a.Gateways) == 0 {
		return errNoGateway
	}
	var err error
	if a.events, err = newAnnouncer(ctx); err != nil {
		return err
	}
	for _, name := range a.names() {
		made, err := newInstance(ctx, name, a.Gateways[name], a.events)
		if err != nil {
			return fmt.Errorf("gateway %s: %w", name, err)
		}
		a.instances[name] = made
		if err := made.register(ctx.GetMetricsRegistry()); err != nil {
			return fmt.Errorf("gateway %s: registering metrics: %w", name, err)
		}
	}
	if err := a.endLongPollsBeforeStop(); err != nil {
		return err
	}
	return a.checkDistinct()
}

func (a *App) names() []string { return slices.Sorted(maps.Keys(a.Gateways)) }

// checkDistinct refuses two gateways with one issuer, which verifiers could not distinguish, and two
// gateways with one host, which can serve the /.well-known documents of one gateway only.
func (a *App) checkDistinct() error {
	issuers, hosts := make(map[string]string), make(map[string]string)
	for _, i := range a.all() {
		name, g := i.name, i.gateway
		if other, taken := issuers[g.Issuer()]; taken {
			return fmt.Errorf("gateway %s: token issuer: %s is the issuer of gateway %s too; give each a public_url of its own", name, g.Issuer(), other)
		}
		issuers[g.Issuer()] = name
		for _, host := range g.Hosts() {
			if other, taken := hosts[host]; taken {
				return fmt.Errorf("gateway %s: public_url: the host %s already serves the /.well-known documents of gateway %s; give each gateway a host of its own, in token issuer and app_redirect_url too", name, host, other)
			}
			hosts[host] = name
		}
	}
	return nil
}

// Start implements caddy.App. It loads the signing keys from Caddy's storage, or makes them. Before that it
// checks the sites, which Provision cannot do: no module sees all of them while they are provisioned.
func (a *App) Start() error {
	if err := a.checkSites(); err != nil {
		return err
	}
	for _, i := range a.all() {
		if err := i.start(a.ctx); err != nil {
			return fmt.Errorf("gateway %s: %w", i.name, err)
		}
	}
	return nil
}

// checkSites logs a warning for each way around itsme.
func (a *App) checkSites() error {
	sites, err := surveySites(a.ctx)
	if err != nil {
		return err
	}
	for _, f := range sites.Findings {
		a.log.Warn(fmt.Sprintf("site %s: %s; %s", f.Site, f.Problem, doctor.Remedy(f.Name)),
			slog.String("finding", string(f.Name)), slog.String("server", f.Server))
	}
	return nil
}

// surveySites follows the routes of the sites. Without an http app there are none.
func surveySites(ctx caddy.Context) (*coverage.Survey, error) {
	module, err := ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return new(coverage.Survey), nil
	}
	if err != nil {
		return nil, err
	}
	return coverage.Of(module.(*caddyhttp.App).Servers, coverageHandler), nil
}

// Stop implements caddy.App. It stops the rotation of keys, answers waiting clients at once, and waits up to
// stopTimeout for logins that are being finished. It emits their events before it returns.
func (a *App) Stop() error {
	a.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := a.closeInstances(ctx)
	if a.events != nil {
		a.events.close(ctx)
	}
	return err
}

func (a *App) closeInstances(ctx context.Context) error {
	closed := make(chan error, len(a.instances))
	for _, i := range a.instances {
		go func() { closed <- i.close() }()
	}
	var errs []error
	for range a.instances {
		select {
		case err := <-closed:
			errs = append(errs, err)
		case <-ctx.Done():
			a.log.Warn("some logins are not finished yet; they go on in the background")
			return errors.Join(errs...)
		}
	}
	return errors.Join(errs...)
}

// Cleanup implements caddy.CleanerUpper.
func (a *App) Cleanup() error {
	var errs []error
	if !a.stopped { // the configuration was only validated, or failed to start
		errs = append(errs, a.Stop())
	}
	for _, i := range a.instances {
		errs = append(errs, i.release())
	}
	return errors.Join(errs...)
}

// appOf returns the app of the configuration of ctx.
func appOf(ctx caddy.Context) (*App, error) {
	module, err := ctx.AppIfConfigured("itsme")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, errNoGateway
	}
	if err != nil {
		return nil, err
	}
	return module.(*App), nil
}

// provisionSite provisions a module of a site. An error of the module names the site. An error of the app does not:
// the mistake is in the gateways.
func provisionSite(ctx caddy.Context, provision func(*App, coverage.Place) error) error {
	app, err := appOf(ctx)
	if err != nil {
		return err
	}
	place := coverage.PlaceOf(ctx)
	return place.Wrap(provision(app, place))
}

// all returns the gateways in the order of their names.
func (a *App) all() []*instance {
	var all []*instance
	for _, name := range a.names() {
		all = append(all, a.instances[name])
	}
	return all
}

// instance returns the gateway of a name. The empty name means DefaultGateway.
func (a *App) instance(name string) (*instance, error) {
	name = cmp.Or(name, DefaultGateway)
	i, ok := a.instances[name]
	if !ok {
		return nil, unknownGateway(name, a.Gateways)
	}
	return i, nil
}

// claimAudience refuses an audience for a site that is one of any gateway's own tokens or cookies, and one whose
// document is that of another site's. Caddy provisions sites one by one.
func (a *App) claimAudience(audience string) error {
	if audience == "" {
		return nil
	}
	own := make(map[string][]string)
	for name, i := range a.instances {
		own[name] = i.gateway.OwnAudiences()
	}
	if err := gateway.CheckAudience(audience, own); err != nil {
		return err
	}
	if at, ok := gateway.ResourceDocument(audience); ok {
		if other, taken := a.audiences[at]; taken && other != audience {
			return fmt.Errorf("audience: %q and %q would publish one document, https://%s (RFC 9728); use one of the two", audience, other, at)
		}
		a.audiences[at] = audience
	}
	return nil
}

func unknownGateway(name string, known map[string]Gateway) error {
	return fmt.Errorf("no gateway is named %q; use one of: %s", name, strings.Join(slices.Sorted(maps.Keys(known)), " "))
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
