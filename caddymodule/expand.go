package caddymodule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-itsme/caddy-itsme/caddymodule/internal/block"
	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/signicat"
)

// expander replaces placeholders. It keeps the first error, so that a configuration is translated in one
// struct literal.
type expander struct {
	replacer *caddy.Replacer
	err      error
}

// text expands the value of a subdirective. Errors do not show the expanded value, which may be a secret.
func (e *expander) text(subdirective, value string) string {
	expanded, err := e.replacer.ReplaceFunc(value, func(variable string, value any) (any, error) {
		if caddy.ToString(value) == "" {
			return nil, emptyPlaceholder(subdirective, variable)
		}
		return value, nil
	})
	if err != nil && e.err == nil {
		e.err = err
	}
	return expanded
}

// texts expands a list. It returns nil, which means the default, for nil only; an empty list means none.
func (e *expander) texts(subdirective string, values []string) []string {
	if values == nil {
		return nil
	}
	expanded := make([]string, len(values))
	for i, value := range values {
		expanded[i] = e.text(subdirective, value)
	}
	return expanded
}

// emptyPlaceholder returns the error for a placeholder without a value. It names the placeholder, unless
// that may be part of a literal secret with braces.
func emptyPlaceholder(subdirective, variable string) error {
	switch {
	case strings.HasPrefix(variable, "env."):
		return fmt.Errorf("%s: the placeholder {%s} is empty; set that environment variable", subdirective, variable)
	case strings.HasPrefix(variable, "file."):
		return fmt.Errorf("%s: the placeholder {%s} is empty; put the value in that file and make it readable", subdirective, variable)
	case slices.Contains(secrets, subdirective), !block.IsWord(variable):
		return fmt.Errorf(`%s: the text between the braces is not a placeholder; use {env.NAME} or {file./path}, or write \{ for a literal brace`, subdirective)
	}
	return fmt.Errorf("%s: the placeholder {%s} is empty or unknown; use {env.NAME} or {file./path}", subdirective, variable)
}

// secrets are the subdirectives whose values must not appear in errors.
var secrets = []string{clientSecret, redisAddress, redisPassword, redisSentinelPassword, redisSecret}

const clientSecret = "signicat client_secret"

// config translates the configuration for package gateway, without name, store, keys and logger.
func (g Gateway) config(e *expander) gateway.Config {
	return gateway.Config{
		PublicURL:       e.text("public_url", g.PublicURL),
		Path:            e.text("path", g.Path),
		Signicat:        g.Signicat.config(e),
		RedirectURL:     e.text("redirect_url", g.RedirectURL),
		AppRedirectURLs: e.texts("app_redirect_url", g.AppRedirectURL),
		AppLinks:        g.AppLink.config(e),
		Attributes:      e.texts("attributes", g.Attributes),
		LoA:             signicat.LoA(e.text("loa", g.LoA)),
		Language:        e.text("language", g.Language),
		SessionLifetime: time.Duration(g.SessionLifetime),
		Token: gateway.TokenConfig{
			Issuer:    e.text("token issuer", g.Token.Issuer),
			Audience:  e.texts("token audience", g.Token.Audience),
			Lifetime:  time.Duration(g.Token.Lifetime),
			Refresh:   time.Duration(g.Token.Refresh),
			Claims:    e.texts("token claims", g.Token.Claims),
			Encrypted: g.Token.Encrypted,
			DPoP:      gateway.DPoPMode(e.text("token dpop", g.Token.DPoP.Mode)),
			DPoPNonce: g.Token.DPoP.Nonce,
		},
		Cookie: gateway.CookieConfig{
			Name:     e.text("cookie", g.Cookie.Name),
			Lifetime: time.Duration(g.Cookie.Lifetime),
		},
		Page:   g.Page.config(e),
		Limit:  g.Limit.config(),
		Verify: e.texts("verify", g.Verify),
	}
}

func (l AppLink) config(e *expander) gateway.AppLinkConfig {
	config := gateway.AppLinkConfig{IOS: e.texts("app_link ios", l.IOS)}
	for _, app := range l.Android {
		config.Android = append(config.Android, gateway.AndroidApp{
			Package:      e.text("app_link android", app.Package),
			Fingerprints: e.texts("app_link android", app.Fingerprints),
		})
	}
	return config
}

func (p Page) config(e *expander) gateway.PageConfig {
	expanded := make(map[string]map[string]string, len(p.Text))
	for key, texts := range p.Text {
		expanded[key] = make(map[string]string, len(texts))
		for language, text := range texts {
			expanded[key][language] = e.text("page text "+key+" "+language, text)
		}
	}
	return gateway.PageConfig{
		Name:  e.text("page name", p.Name),
		Logo:  e.text("page logo", p.Logo),
		Color: e.texts("page color", p.Color),
		Start: e.text("page start", p.Start),
		Text:  expanded,
	}
}

func (s Signicat) config(e *expander) signicat.Config {
	parameters := make(map[string]string, len(s.Parameter))
	for name, value := range s.Parameter {
		parameters[name] = e.text("signicat parameter "+name, value)
	}
	return signicat.Config{
		ClientID:       e.text("signicat client_id", s.ClientID),
		ClientSecret:   e.text(clientSecret, s.ClientSecret),
		AccountID:      e.text("signicat account_id", s.AccountID),
		OrganizationID: e.text("signicat organization_id", s.OrganizationID),
		APIURL:         e.text("signicat api_url", s.APIURL),
		Timeout:        time.Duration(s.Timeout),
		StateEncoding:  signicat.StateEncoding(e.text("signicat state_encoding", s.StateEncoding)),
		Parameters:     parameters,
		PropagateTrace: s.PropagateTrace,
	}
}

func (l Limit) config() gateway.LimitConfig {
	return gateway.LimitConfig{
		SessionsPerClient:  l.SessionsPerClient.Count,
		SessionsWindow:     time.Duration(l.SessionsPerClient.Window),
		TokenPerClient:     l.TokenPerClient.Count,
		TokenWindow:        time.Duration(l.TokenPerClient.Window),
		AllSessions:        l.Sessions.Count,
		AllSessionsWindow:  time.Duration(l.Sessions.Window),
		Pending:            l.Pending,
		PendingPerClient:   l.PendingPerClient,
		LongPollsPerClient: l.LongPollsPerClient,
		StatusReads:        l.StatusReads.Count,
		StatusWindow:       time.Duration(l.StatusReads.Window),
	}
}
