package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// Gateway is the configuration of one gateway. Placeholders such as {env.NAME} and {file./path} are expanded
// in every text when the configuration is loaded. A placeholder without a value is an error.
type Gateway struct {
	// PublicURL is the origin at which clients reach the gateway, such as https://app.example.be. It has no
	// path. The scheme is https. On a loopback host it may be http: localhost, a name below it such as
	// app.localhost, or a loopback address. PublicURL is the base of the gateway's URLs. Required.
	PublicURL string `json:"public_url,omitempty"`

	// Path is the prefix of the gateway's endpoints. It starts with a slash and does not end with one.
	// Default /itsme.
	Path string `json:"path,omitempty"`

	// Signicat configures the calls to Signicat's Authentication REST API. Required.
	Signicat Signicat `json:"signicat,omitzero"`

	// RedirectURL is the URL to which itsme sends a browser after the login. It is on the origin of
	// PublicURL, and on the allow-list in the Signicat Dashboard. Default <public_url><path>/callback.
	RedirectURL string `json:"redirect_url,omitempty"`

	// AppRedirectURL are the URLs to which itsme sends apps after the login: universal links or app links,
	// each on the allow-list in the Signicat Dashboard. An app that names none gets the first. Default
	// <public_url><path>/app/callback.
	AppRedirectURL []string `json:"app_redirect_url,omitempty"`

	// AppLink names the apps that own the app redirect URLs. Phones then open the app at these URLs, and not
	// a browser: docs/mobile.md#on-a-phone. Default: none.
	AppLink AppLink `json:"app_link,omitzero"`

	// Attributes are the attributes that the gateway requests, by Signicat's names, such as name and
	// dateOfBirth. docs/claims.md has all of them. The user sees them in itsme, and agrees. Required, at least
	// one. Source: https://developer.signicat.com/identity-methods/itsme/attribute-reference/.
	Attributes []string `json:"attributes,omitempty"`

	// LoA is the level of assurance that the gateway requests, and checks in Signicat's response: low,
	// substantial or high. Default: no level is requested, and any is accepted.
	LoA string `json:"loa,omitempty"`

	// Language is the language of itsme and of the pages: nl, fr, de or en. A client's parameter language
	// has precedence. Default: the language of the request.
	Language string `json:"language,omitempty"`

	// SessionLifetime bounds the time from the start of a login to its end. Whole seconds, 5m to 1h.
	// Default 20m.
	SessionLifetime caddy.Duration `json:"session_lifetime,omitempty"`

	// Token configures the tokens that the gateway issues.
	Token Token `json:"token,omitzero"`

	// Cookie configures the login of a browser.
	Cookie Cookie `json:"cookie,omitzero"`

	// StoreRaw selects the store of pending sessions, start limits, revocations and refreshable logins. memory
	// serves one replica, and redis any number. Default memory.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=itsme.stores inline_key=module"`

	// Limit bounds the load that clients can cause.
	Limit Limit `json:"limit,omitzero"`

	// Page changes the look and the texts of the gateway's pages.
	Page Page `json:"page,omitzero"`

	// Verify are the addresses and ranges of the proxies and services that may send requests to /verify and
	// /introspect, such as 10.0.0.0/8. They are compared with the address of the connection; forwarded headers
	// and trusted_proxies are ignored. Without them there is no /verify and no /introspect. See
	// docs/proxies.md. Default: none.
	Verify []string `json:"verify,omitempty"`
}

// Signicat configures the calls to Signicat's Authentication REST API.
type Signicat struct {
	// ClientID is the id of the API client in the Signicat Dashboard. Required.
	ClientID string `json:"client_id,omitempty"`

	// ClientSecret is the secret of the API client. Required. A placeholder such as
	// {env.SIGNICAT_CLIENT_SECRET} keeps it out of the configuration.
	ClientSecret string `json:"client_secret,omitempty"`

	// AccountID selects the Signicat account. Without it, and if Signicat's access token names no account
	// either, no account is selected. Default: the account of Signicat's access token.
	AccountID string `json:"account_id,omitempty"`

	// OrganizationID selects the organisation, for API clients of an organisation. Default: none, for API
	// clients of an account.
	OrganizationID string `json:"organization_id,omitempty"`

	// APIURL is scheme and host of Signicat's API: https, or http on a loopback host. It is the same for
	// sandbox and production accounts. Default https://api.signicat.com.
	APIURL string `json:"api_url,omitempty"`

	// Timeout bounds one call, up to 1m. Default 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// StateEncoding is the form of state in the validation call: raw or encoded. Try encoded if Signicat
	// refuses every code. Unverified: which of the two Signicat expects. Default raw.
	StateEncoding string `json:"state_encoding,omitempty"`

	// Parameter adds a parameter of the eID to every session that the gateway starts (additionalParameters
	// of Signicat's API), such as itsme_response_type. This gateway speaks its value code, which returns a
	// code to the redirect URL. The value none and the parameter itsme_redirect_url are refused. Default: none.
	Parameter map[string]string `json:"parameter,omitempty"`

	// PropagateTrace sends Signicat a traceparent header with every call of a request that Caddy's tracing
	// directive traces. The header holds the ids of the trace and of the call, and nothing else. Unverified:
	// whether Signicat reads it. Default: off.
	PropagateTrace bool `json:"propagate_trace,omitempty"`
}

// AppLink names apps. The gateway serves the files that phones fetch, at the root of each app redirect URL's
// host.
type AppLink struct {
	// IOS are apps by team ID, dot, bundle ID, such as A1B2C3D4E5.be.example.app. Default: none, and no
	// /.well-known/apple-app-site-association.
	// Source: https://developer.apple.com/documentation/xcode/supporting-associated-domains.
	IOS []string `json:"ios,omitempty"`

	// Android are apps by package and certificate. Default: none, and no /.well-known/assetlinks.json.
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
	// Issuer is the claim iss. Clients find the metadata at its well-known URLs. Default <public_url>.
	Issuer string `json:"issuer,omitempty"`

	// Audience is the claim aud. One value is recommended. A service that receives a token can send it to every
	// other service of the audience, as the user. Default <public_url>.
	Audience []string `json:"audience,omitempty"`

	// Lifetime of an access token. Whole seconds, 1m to 24h. Default 15m.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`

	// Refresh is how long a login can be refreshed without itsme. Apps get refresh tokens, and the cookie of
	// an active browser is renewed. Then the user logs in again. Longer than Lifetime, up to 2160h. Default:
	// off.
	Refresh caddy.Duration `json:"refresh,omitempty"`

	// DPoP says whether apps bind their logins to a key of the phone (RFC 9449). With optional each app chooses. With
	// required the gateway refuses an app without a key; browsers keep their cookie. With nonce it demands a nonce of
	// its own in every proof of a key: a proof that an attacker saw then passes at another replica for at most 5
	// minutes by the gateway's clock, and no proof is made in advance. It costs an app one more request now and then.
	// Default optional.
	DPoP DPoP `json:"dpop,omitzero"`

	// Algorithm signs the tokens: ES256, EdDSA or RS256. With Key, it is the algorithm of that key. Without
	// Key, a new algorithm signs 30 minutes after the change, when every service that verifies tokens knows
	// its key. Spring Security, ASP.NET Core (Microsoft.IdentityModel) and auth0's java-jwt cannot verify
	// EdDSA. Default ES256.
	Algorithm string `json:"algorithm,omitempty"`

	// Claims are the attribute claims in the token, by the names of OpenID Connect. The sensitive ones, nin,
	// itsme_national_number, itsme_eid and idp_id, must be named here. With an empty list the token has none.
	// With dateOfBirth among the attributes, age_over_<n> may be named for n from 1 to 130: true or false, by
	// the Belgian calendar at the login, at each refresh and at each renewal of a cookie. It is absent without
	// a complete birth date. The birth date goes to an app or upstream only if birthdate is named. Default:
	// every requested attribute that is not sensitive.
	Claims []string `json:"claims,omitempty"`

	// Encrypted encrypts the access tokens of apps, so that only the gateway reads them. An upstream gets a
	// signed token in both cases, and the cookie of a browser is always encrypted. Without encryption, every
	// reader of an app's token reads its claims: the app, its user, and a log that records the token. Tokens
	// from before a change of this option stay valid. Default: off.
	Encrypted bool `json:"encrypted,omitempty"`

	// Key is a file with the signing key: one unencrypted private key, PEM or JWK. Without it, the gateway
	// makes keys, keeps them in the place that Keys selects, and rotates them. Default: none.
	Key string `json:"key,omitempty"`

	// Rotate is how long a key signs before the next key takes over, up to 365d. It is at least 37m more than
	// the longer of Lifetime and the cookie's lifetime: a new key is published before it signs, and an old
	// key until its last token has expired. Where that minimum is longer than 30d, it is the default. Not with
	// Key. Default 30d.
	Rotate caddy.Duration `json:"rotate,omitempty"`

	// Keys selects the place of the keys that the gateway makes. store is Redis, sealed, with a copy in
	// Caddy's storage: replicas share nothing but Redis. storage is Caddy's storage, which all replicas must
	// share. Not with Key. Default: store with store redis, else storage.
	Keys string `json:"keys,omitempty"`
}

// DPoP says whether apps bind their logins to a key.
type DPoP struct {
	// Mode is optional or required. Default optional.
	Mode string `json:"mode,omitempty"`

	// Nonce demands a nonce of the gateway in every proof. Default false.
	Nonce bool `json:"nonce,omitempty"`
}

// Cookie configures the login of a browser.
type Cookie struct {
	// Name is the base name of the cookies. On https, __Host- precedes it. Letters, digits, - and _, at most
	// 40. Default itsme.
	Name string `json:"name,omitempty"`

	// Lifetime of a browser's login. Whole seconds, 1m to 720h. Default 8h.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
}

// Page changes the look and the texts of a gateway's pages.
type Page struct {
	// Name is the name of the service, at the top of every page and in its title. At most 80 bytes.
	// Default: no name.
	Name string `json:"name,omitempty"`

	// Logo is the URL of a picture that replaces the name: https (http on a loopback host), or a path of
	// PublicURL's origin that needs no login. It has no query. Default: no picture.
	Logo string `json:"logo,omitempty"`

	// Color is the colour of the button, as rrggbb or rgb, without the #, which begins a comment in a
	// Caddyfile. A second colour is for dark mode. The gateway chooses white or black text by contrast.
	// Default: the gateway's own colours.
	Color []string `json:"color,omitempty"`

	// Start says when the login page's script starts a login on a touch device: early, once the user sees the
	// page for 400 ms, or tap. With early, the first tap follows a link that is there. With tap, a user whose
	// tap is shorter than Signicat's answer taps twice. With a mouse, a keyboard, or no JavaScript, the user's
	// own click starts it. See docs/browser.md#when-the-login-starts. Default early.
	Start string `json:"start,omitempty"`

	// Text replaces texts, by key and language (nl, fr, de or en). A key is a page and .title, .text or
	// .action (the button), such as login.title. An unknown key is an error that lists the known ones. At most
	// 1000 bytes each, and no HTML. Default: the gateway's own texts.
	Text map[string]map[string]string `json:"text,omitempty"`
}

// Limit bounds the load that clients can cause. A zero field means its default.
type Limit struct {
	// SessionsPerClient limits the sessions that one client address (IPv6: one /64) may start. The clients
	// of one IPv6 /48 may together start 16 times as many. Phones share addresses. Default 60 1m.
	SessionsPerClient Rate `json:"sessions_per_client,omitzero"`

	// Sessions limits the sessions that all clients together may start, on all replicas that share a store.
	// A flood that reaches the limit stops the logins of all users. Set it to the number that your contract
	// with Signicat allows, well above your busiest minute. Default: off.
	Sessions Rate `json:"sessions,omitzero"`

	// TokenPerClient limits the requests of one client address (IPv6: one /64) to /token and /revoke. A client
	// may send the count at once. Places then become free one by one, the count in each window. Phones that
	// share an address poll here. Default 600 1m.
	TokenPerClient Rate `json:"token_per_client,omitzero"`

	// Pending bounds the pending sessions of all clients together. With store redis the number is not exact:
	// docs/limits.md#bounds. Default 100000.
	Pending int `json:"pending,omitempty"`

	// PendingPerClient bounds the pending sessions of one client address. Default 60.
	PendingPerClient int `json:"pending_per_client,omitempty"`

	// LongPollsPerClient bounds the requests of one client address (IPv6: one /64, and 16 times as many for
	// one /48) that wait for the end of a login. A request above the bound is answered at once, with
	// Retry-After. Default 64.
	LongPollsPerClient int `json:"long_polls_per_client,omitempty"`

	// StatusReads limits the reads at Signicat for all waiting clients together. The clients take turns.
	// Default 50 1s.
	StatusReads Rate `json:"status_reads,omitzero"`
}

// Rate is a number of events in a window of time.
type Rate struct {
	// Count is the number of events, at least 1. Default: that of the limit.
	Count int `json:"count,omitempty"`

	// Window is the length of the window, 1s to 24h. Default: that of the limit.
	Window caddy.Duration `json:"window,omitempty"`
}
