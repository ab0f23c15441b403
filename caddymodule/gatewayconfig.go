package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// Gateway is the configuration of one gateway. Placeholders such as {env.NAME} and {file./path}
// are expanded in every text when the configuration is loaded; one that is empty is an error.
type Gateway struct {
	// PublicURL is the origin at which clients reach the gateway, such as
	// https://app.example.be: https, or http on a loopback host; no path. It is the issuer of
	// the tokens and the base of every own URL. Required.
	PublicURL string `json:"public_url,omitempty"`

	// Path is the prefix of the own endpoints. It starts with a slash and ends without one.
	// Default /itsme.
	Path string `json:"path,omitempty"`

	// Signicat is how to call Signicat's Authentication REST API. Required.
	Signicat Signicat `json:"signicat,omitzero"`

	// RedirectURL is where itsme sends a browser back to. It is on PublicURL's origin and
	// allow-listed in the Signicat Dashboard. Default PublicURL + Path + /callback.
	RedirectURL string `json:"redirect_url,omitempty"`

	// AppRedirectURL is where itsme sends apps back to: universal links or app links, each
	// allow-listed in the Signicat Dashboard. The first is used when an app names none. Default
	// PublicURL + Path + /app/callback.
	AppRedirectURL []string `json:"app_redirect_url,omitempty"`

	// AppLink names the apps that own the app redirect URLs, so that phones open the app there and
	// no browser. Default none.
	AppLink AppLink `json:"app_link,omitzero"`

	// Attributes are asked of Signicat, by Signicat's names, such as name and dateOfBirth.
	// Required, at least one.
	// Source: https://developer.signicat.com/identity-methods/itsme/attribute-reference/.
	Attributes []string `json:"attributes,omitempty"`

	// LoA is the level of assurance that is asked of Signicat and checked in its answer: low,
	// substantial or high. Empty asks for none and accepts any.
	LoA string `json:"loa,omitempty"`

	// Language is that of itsme and of the pages, where a client names none by the parameter language:
	// nl, fr, de or en. Empty follows the request.
	Language string `json:"language,omitempty"`

	// SessionLifetime is how long a person has to finish a login. Whole seconds, 5m to 1h. Zero
	// means 20m.
	SessionLifetime caddy.Duration `json:"session_lifetime,omitempty"`

	// Token describes the tokens that the gateway issues.
	Token Token `json:"token,omitzero"`

	// Cookie describes a browser's login.
	Cookie Cookie `json:"cookie,omitzero"`

	// StoreRaw is where pending sessions are kept. Default {"module": "memory"}, which serves
	// one replica.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=itsme.stores inline_key=module"`

	// Limit bounds what clients can make the gateway do.
	Limit Limit `json:"limit,omitzero"`

	// Page replaces the look and the words of the pages that people see.
	Page Page `json:"page,omitzero"`

	// Verify are the addresses and ranges of the proxies that may ask /verify whether to let a request
	// through, such as 10.0.0.0/8, by the connection's own address: neither forwarded headers nor
	// trusted_proxies count. Default none: then there is no /verify.
	Verify []string `json:"verify,omitempty"`
}

// Signicat is how a gateway calls Signicat's Authentication REST API.
type Signicat struct {
	// ClientID is the id of the API client in the Signicat Dashboard. Required.
	ClientID string `json:"client_id,omitempty"`

	// ClientSecret is its secret. Required; a placeholder keeps it out of the configuration.
	ClientSecret string `json:"client_secret,omitempty"`

	// AccountID selects the Signicat account. Empty takes the account_id claim of Signicat's
	// access token, or selects none when that cannot be read.
	AccountID string `json:"account_id,omitempty"`

	// OrganizationID is for API clients of an organisation. Empty for those of an account.
	OrganizationID string `json:"organization_id,omitempty"`

	// APIURL is scheme and host of Signicat's API: https, or http on a loopback host. Default
	// https://api.signicat.com, for sandbox and production accounts alike.
	APIURL string `json:"api_url,omitempty"`

	// Timeout bounds one call, at most 1m. Zero means 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// StateEncoding is how state is written in the validation call: raw or encoded. Default raw.
	// Unverified: which of the two Signicat expects.
	StateEncoding string `json:"state_encoding,omitempty"`

	// PropagateTrace sends Signicat a traceparent header with every call of a request that Caddy's
	// tracing directive traces: the ids of the trace and of the call in it, and nothing else. Default
	// off. Unverified: whether Signicat reads it.
	PropagateTrace bool `json:"propagate_trace,omitempty"`
}

// AppLink names apps. The files that phones ask for are served at the root of each app redirect
// URL's host.
type AppLink struct {
	// IOS are apps by team ID, dot, bundle ID, such as A1B2C3D4E5.be.example.app. Empty serves no
	// /.well-known/apple-app-site-association.
	// Source: https://developer.apple.com/documentation/xcode/supporting-associated-domains.
	IOS []string `json:"ios,omitempty"`

	// Android are apps by package and certificate. Empty serves no /.well-known/assetlinks.json.
	// Source: https://developer.android.com/training/app-links/verify-android-applinks.
	Android []AndroidApp `json:"android,omitempty"`
}

// AndroidApp is an app on Android and who signed it.
type AndroidApp struct {
	// Package is the application ID, such as be.example.app. Required.
	Package string `json:"package,omitempty"`

	// Fingerprints are the SHA-256 of each certificate that the app is signed with: 32 bytes in
	// hexadecimal, with or without colons. Required, at least one.
	Fingerprints []string `json:"fingerprints,omitempty"`
}

// Token describes the tokens that a gateway issues.
type Token struct {
	// Issuer is the iss claim; discovery is at its well-known URLs. Default PublicURL.
	Issuer string `json:"issuer,omitempty"`

	// Audience is the aud claim: one recommended, more allowed. Default PublicURL.
	Audience []string `json:"audience,omitempty"`

	// Lifetime of an access token. Whole seconds, 1m to 24h. Zero means 15m.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`

	// Refresh is how long a login may be refreshed without itsme: apps get refresh tokens, and a
	// browser's cookie is renewed while it is used. Longer than Lifetime, at most 90 d. Default
	// off.
	Refresh caddy.Duration `json:"refresh,omitempty"`

	// Algorithm signs the tokens: ES256, EdDSA or RS256. Default the one that the key in Key is
	// for, else ES256. Without Key, another algorithm than before signs 30 minutes after the
	// change, when every service that verifies tokens knows its key.
	Algorithm string `json:"algorithm,omitempty"`

	// Claims are the attribute claims in the token, by OpenID Connect's names. Default: those of
	// every attribute asked for but nin, itsme_national_number, itsme_eid and idp_id, which must
	// be named. An empty list puts none in.
	Claims []string `json:"claims,omitempty"`

	// Key is a file with the signing key: one unencrypted private key, PEM or JWK. Empty has keys
	// made, kept where Keys says, and rotated.
	Key string `json:"key,omitempty"`

	// Rotate is how long a key that was made signs before the next one takes over. At least
	// 37m more than the longer of Lifetime and the cookie's, which is what announcing a key and
	// seeing off another takes, and at most 365d. Zero means 30d, or that least where it is
	// longer. Not with Key.
	Rotate caddy.Duration `json:"rotate,omitempty"`

	// Keys is where the keys that are made are kept: store, sealed in Redis with a copy in Caddy's
	// storage, so that replicas need nothing else in common, or storage, in Caddy's storage, which
	// all replicas must then share. Default store with store redis, else storage. Not with Key.
	Keys string `json:"keys,omitempty"`
}

// Cookie describes a browser's login.
type Cookie struct {
	// Name is the base name of the cookies; __Host- stands in front on https. Default itsme.
	Name string `json:"name,omitempty"`

	// Lifetime of a browser's login. Whole seconds, 1m to 720h. Zero means 8h.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
}

// Page replaces the look and the words of a gateway's pages.
type Page struct {
	// Name is the service's name, above every page and in its title. At most 80 bytes. Empty shows
	// none.
	Name string `json:"name,omitempty"`

	// Logo is the URL of a picture in the name's place: https (http on a loopback host), or a path
	// of PublicURL's origin that needs no login. No query. Empty shows none.
	Logo string `json:"logo,omitempty"`

	// Color is the button's, as rrggbb or rgb; a second one is for dark mode. The text on it is
	// white or black, whichever can be read. Empty keeps the pages' own.
	Color []string `json:"color,omitempty"`

	// Text replaces texts, by key and language (nl, fr, de or en). A key is a page and .title,
	// .text or .action, such as login.title; an unknown one is an error that lists them. At most
	// 1000 bytes each, and not HTML.
	Text map[string]map[string]string `json:"text,omitempty"`
}

// Limit bounds what clients can make a gateway do. A zero field takes its default.
type Limit struct {
	// SessionsPerClient is how many sessions one client address (IPv6: one /64) may start. The
	// clients of one IPv6 /48 may together start 16 times as many. Default 60 in 1m; phones share
	// addresses.
	SessionsPerClient Rate `json:"sessions_per_client,omitzero"`

	// Sessions is how many sessions all clients together may start, on all replicas that share a
	// store. Default off: a flood that reaches it stops the logins of all. Set it to what your
	// contract with Signicat allows, well above your busiest minute.
	Sessions Rate `json:"sessions,omitzero"`
	// TokenPerClient is how many requests to /token and /revoke one client address (IPv6: one /64)
	// may make. Default 600 in 1m; phones that share an address poll here.
	TokenPerClient Rate `json:"token_per_client,omitzero"`

	// Pending bounds the pending sessions altogether. Zero means 100000.
	Pending int `json:"pending,omitempty"`

	// PendingPerClient bounds the pending sessions of one client address. Zero means 60.
	PendingPerClient int `json:"pending_per_client,omitempty"`

	// LongPollsPerClient bounds the requests of one client address (IPv6: one /64, and 16 times as
	// many for one /48) that wait for the end of a login. One more is answered at once, with
	// Retry-After. Zero means 64.
	LongPollsPerClient int `json:"long_polls_per_client,omitempty"`

	// StatusReads is how often Signicat is read on behalf of all waiting clients together, which
	// take turns. Default 50 in 1s.
	StatusReads Rate `json:"status_reads,omitzero"`
}

// Rate is so many in so long.
type Rate struct {
	// Count is how many, at least 1. Zero takes the default.
	Count int `json:"count,omitempty"`

	// Window is in how long, 1s to 24h. Zero takes the default.
	Window caddy.Duration `json:"window,omitempty"`
}
