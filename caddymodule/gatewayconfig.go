package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// Gateway is the configuration of one gateway. Placeholders such as {env.NAME} and {file./path} are expanded
// in every text when the configuration is loaded. A placeholder without a value is an error.
type Gateway struct {
	// PublicURL is the origin at which clients reach the gateway, such as https://app.example.be. The scheme
	// is https, or http on a loopback host. It has no path. PublicURL is the default issuer of the tokens and
	// the base of the gateway's URLs. Required.
	PublicURL string `json:"public_url,omitempty"`

	// Path is the prefix of the gateway's endpoints. It starts with a slash and does not end with one.
	// Default /itsme.
	Path string `json:"path,omitempty"`

	// Signicat configures the calls to Signicat's Authentication REST API. Required.
	Signicat Signicat `json:"signicat,omitzero"`

	// RedirectURL is the URL to which itsme sends a browser after the login. It is on the origin of
	// PublicURL, and on the allow-list in the Signicat Dashboard. Default PublicURL + Path + /callback.
	RedirectURL string `json:"redirect_url,omitempty"`

	// AppRedirectURL are the URLs to which itsme sends apps after the login: universal links or app links,
	// each on the allow-list in the Signicat Dashboard. An app that names none gets the first. Default
	// PublicURL + Path + /app/callback.
	AppRedirectURL []string `json:"app_redirect_url,omitempty"`

	// AppLink names the apps that own the app redirect URLs. Phones then open the app at these URLs, and not
	// a browser. Default none.
	AppLink AppLink `json:"app_link,omitzero"`

	// Attributes are the attributes that the gateway requests, by Signicat's names, such as name and
	// dateOfBirth. Required, at least one.
	// Source: https://developer.signicat.com/identity-methods/itsme/attribute-reference/.
	Attributes []string `json:"attributes,omitempty"`

	// LoA is the level of assurance that the gateway requests, and checks in Signicat's response: low,
	// substantial or high. Empty requests no level and accepts any.
	LoA string `json:"loa,omitempty"`

	// Language is the language of itsme and of the pages: nl, fr, de or en. A client's parameter language
	// has precedence. Empty uses the language of the request.
	Language string `json:"language,omitempty"`

	// SessionLifetime bounds the time from the start of a login to its end. Whole seconds, 5m to 1h. Zero
	// means 20m.
	SessionLifetime caddy.Duration `json:"session_lifetime,omitempty"`

	// Token configures the tokens that the gateway issues.
	Token Token `json:"token,omitzero"`

	// Cookie configures the login of a browser.
	Cookie Cookie `json:"cookie,omitzero"`

	// StoreRaw selects the store of pending sessions. Default {"module": "memory"}, which serves one
	// replica.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=itsme.stores inline_key=module"`

	// Limit bounds the load that clients can cause.
	Limit Limit `json:"limit,omitzero"`

	// Page changes the look and the texts of the gateway's pages.
	Page Page `json:"page,omitzero"`

	// Verify are the addresses and ranges of the proxies that may send requests to /verify, such as
	// 10.0.0.0/8. They are compared with the address of the connection; forwarded headers and
	// trusted_proxies are ignored. Default none: then there is no /verify.
	Verify []string `json:"verify,omitempty"`
}

// Signicat configures the calls to Signicat's Authentication REST API.
type Signicat struct {
	// ClientID is the id of the API client in the Signicat Dashboard. Required.
	ClientID string `json:"client_id,omitempty"`

	// ClientSecret is the secret of the API client. Required. A placeholder such as
	// {env.SIGNICAT_CLIENT_SECRET} keeps it out of the configuration.
	ClientSecret string `json:"client_secret,omitempty"`

	// AccountID selects the Signicat account. Empty means the claim account_id of Signicat's access token.
	// If that cannot be read, no account is selected.
	AccountID string `json:"account_id,omitempty"`

	// OrganizationID selects the organisation, for API clients of an organisation. Empty for API clients of
	// an account.
	OrganizationID string `json:"organization_id,omitempty"`

	// APIURL is scheme and host of Signicat's API: https, or http on a loopback host. Default
	// https://api.signicat.com, for sandbox and production accounts alike.
	APIURL string `json:"api_url,omitempty"`

	// Timeout bounds one call, at most 1m. Zero means 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// StateEncoding is the form of state in the validation call: raw or encoded. Default raw. Unverified:
	// which of the two Signicat expects.
	StateEncoding string `json:"state_encoding,omitempty"`

	// PropagateTrace sends Signicat a traceparent header with every call of a request that Caddy's tracing
	// directive traces. The header holds the ids of the trace and of the call, and nothing else. Default off.
	// Unverified: whether Signicat reads it.
	PropagateTrace bool `json:"propagate_trace,omitempty"`
}

// AppLink names apps. The gateway serves the files that phones fetch, at the root of each app redirect URL's
// host.
type AppLink struct {
	// IOS are apps by team ID, dot, bundle ID, such as A1B2C3D4E5.be.example.app. Empty serves no
	// /.well-known/apple-app-site-association.
	// Source: https://developer.apple.com/documentation/xcode/supporting-associated-domains.
	IOS []string `json:"ios,omitempty"`

	// Android are apps by package and certificate. Empty serves no /.well-known/assetlinks.json.
	// Source: https://developer.android.com/training/app-links/verify-android-applinks.
	Android []AndroidApp `json:"android,omitempty"`
}

// AndroidApp is an Android app with its certificates.
type AndroidApp struct {
	// Package is the application ID, such as be.example.app. Required.
	Package string `json:"package,omitempty"`

	// Fingerprints are the SHA-256 fingerprints of the certificates that the app is signed with: 32 bytes in
	// hexadecimal, with or without colons. Required, at least one.
	Fingerprints []string `json:"fingerprints,omitempty"`
}

// Token configures the tokens that a gateway issues.
type Token struct {
	// Issuer is the claim iss. Clients find the metadata at its well-known URLs. Default PublicURL.
	Issuer string `json:"issuer,omitempty"`

	// Audience is the claim aud. One value is recommended, several are allowed. Default PublicURL.
	Audience []string `json:"audience,omitempty"`

	// Lifetime of an access token. Whole seconds, 1m to 24h. Zero means 15m.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`

	// Refresh is how long a login can be refreshed without itsme. Apps get refresh tokens, and the cookie of
	// an active browser is renewed. Longer than Lifetime, at most 90 d. Zero, the default, turns refreshing
	// off.
	Refresh caddy.Duration `json:"refresh,omitempty"`

	// Algorithm signs the tokens: ES256, EdDSA or RS256. The default is the algorithm of the key in Key, or
	// ES256 without Key. Without Key, a new algorithm signs 30 minutes after the change, when every service
	// that verifies tokens knows its key. Spring Security, ASP.NET Core (Microsoft.IdentityModel) and auth0's
	// java-jwt cannot verify EdDSA.
	Algorithm string `json:"algorithm,omitempty"`

	// Claims are the attribute claims in the token, by the names of OpenID Connect. Default: the claims of
	// every requested attribute but nin, itsme_national_number, itsme_eid and idp_id, which must be named
	// here. With an empty list the token has none.
	Claims []string `json:"claims,omitempty"`

	// Key is a file with the signing key: one unencrypted private key, PEM or JWK. Without it, the gateway
	// makes keys, keeps them in the place that Keys selects, and rotates them.
	Key string `json:"key,omitempty"`

	// Rotate is how long a key signs before the next key takes over. It is at least 37m more than the longer
	// of Lifetime and the cookie's lifetime: a new key is published before it signs, and an old key until
	// its last token has expired. At most 365d. Zero means 30d, or the least value if that is longer. Not
	// with Key.
	Rotate caddy.Duration `json:"rotate,omitempty"`

	// Keys selects the place of the keys that the gateway makes. store is Redis, sealed, with a copy in
	// Caddy's storage: replicas share nothing but Redis. storage is Caddy's storage, which all replicas must
	// share. Default store with store redis, else storage. Not with Key.
	Keys string `json:"keys,omitempty"`
}

// Cookie configures the login of a browser.
type Cookie struct {
	// Name is the base name of the cookies. On https, __Host- precedes it. Letters, digits, - and _, at most
	// 40. Default itsme.
	Name string `json:"name,omitempty"`

	// Lifetime of a browser's login. Whole seconds, 1m to 720h. Zero means 8h.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
}

// Page changes the look and the texts of a gateway's pages.
type Page struct {
	// Name is the name of the service, at the top of every page and in its title. At most 80 bytes. Empty
	// shows no name.
	Name string `json:"name,omitempty"`

	// Logo is the URL of a picture that replaces the name: https (http on a loopback host), or a path of
	// PublicURL's origin that needs no login. It has no query. Empty shows no picture.
	Logo string `json:"logo,omitempty"`

	// Color is the colour of the button, as rrggbb or rgb. A second colour is for dark mode. The gateway
	// chooses white or black text by contrast. Empty keeps the default colours.
	Color []string `json:"color,omitempty"`

	// Start says when the login page's script starts a login on a touch device: early, once the user sees the
	// page for 400 ms, or tap. With early, the first tap follows a link that is there. With tap, a user whose
	// tap is shorter than Signicat's answer taps twice. With a mouse, a keyboard, or no JavaScript, the user's
	// own click starts it. Empty means early.
	Start string `json:"start,omitempty"`

	// Text replaces texts, by key and language (nl, fr, de or en). A key is a page and .title, .text or
	// .action, such as login.title. An unknown key is an error that lists the known ones. At most 1000 bytes
	// each, and no HTML.
	Text map[string]map[string]string `json:"text,omitempty"`
}

// Limit bounds the load that clients can cause. A zero field means its default.
type Limit struct {
	// SessionsPerClient limits the sessions that one client address (IPv6: one /64) may start. The clients
	// of one IPv6 /48 may together start 16 times as many. Default 60 in 1m; phones share addresses.
	SessionsPerClient Rate `json:"sessions_per_client,omitzero"`

	// Sessions limits the sessions that all clients together may start, on all replicas that share a store.
	// Default off: a flood that reaches the limit stops the logins of all users. Set it to the number that
	// your contract with Signicat allows, well above your busiest minute.
	Sessions Rate `json:"sessions,omitzero"`

	// TokenPerClient limits the requests of one client address (IPv6: one /64) to /token and /revoke.
	// Default 600 in 1m; phones that share an address poll here.
	TokenPerClient Rate `json:"token_per_client,omitzero"`

	// Pending bounds the pending sessions of all clients together. Zero means 100000.
	Pending int `json:"pending,omitempty"`

	// PendingPerClient bounds the pending sessions of one client address. Zero means 60.
	PendingPerClient int `json:"pending_per_client,omitempty"`

	// LongPollsPerClient bounds the requests of one client address (IPv6: one /64, and 16 times as many for
	// one /48) that wait for the end of a login. A request above the bound is answered at once, with
	// Retry-After. Zero means 64.
	LongPollsPerClient int `json:"long_polls_per_client,omitempty"`

	// StatusReads limits the reads at Signicat for all waiting clients together. The clients take turns.
	// Default 50 in 1s.
	StatusReads Rate `json:"status_reads,omitzero"`
}

// Rate is a number of events in a window of time.
type Rate struct {
	// Count is the number of events, at least 1. Zero means the default.
	Count int `json:"count,omitempty"`

	// Window is the length of the window, 1s to 24h. Zero means the default.
	Window caddy.Duration `json:"window,omitempty"`
}
