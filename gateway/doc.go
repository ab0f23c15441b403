// Package gateway logs users in with itsme through Signicat's Authentication REST API and
// protects HTTP services with the tokens that it issues.
//
// A [Gateway] owns the flow: it starts a session at Signicat, keeps it as a pending session
// bound to the client that started it (a code verifier for apps, a cookie for browsers), validates the
// code that comes back, reads the session until it is terminal, and issues a signed JWT. It
// serves its own endpoints under one path and its discovery documents at the host's root.
//
// A [Site] stands in front of an upstream. For every request it strips the headers that carry
// identity, serves the gateway's endpoints, and lets a protected request through only with a
// valid login, whose claims the upstream gets as headers and as a bearer token.
//
// The package is plain net/http. It knows nothing of Caddy; package caddymodule adapts it.
//
//	g, err := gateway.New(gateway.Config{PublicURL: "https://app.example.be", ...})
//	site, err := g.NewSite(gateway.SiteConfig{})
//	http.Handle("/", site.Handler(upstream))
package gateway
