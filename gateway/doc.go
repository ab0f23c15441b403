// Package gateway logs users in with itsme through Signicat's Authentication REST API and protects HTTP
// services with the tokens that it issues.
//
// A [Gateway] runs logins. It starts a session at Signicat and keeps it as a pending session, bound to the
// client that started it: by a code verifier for apps, by a cookie for browsers. It validates the code that
// comes back, reads the session until it is terminal, and issues a signed JWT. Its endpoints are under one
// path, its discovery documents at the host's root.
//
// A [Site] protects one upstream. It strips the identity headers of every request, serves the gateway's
// endpoints, and lets a protected request through only with a valid login. The upstream gets the claims of
// the login as headers and as a bearer token.
//
// The package uses net/http and not Caddy. Package caddymodule adapts it.
//
//	g, err := gateway.New(gateway.Config{PublicURL: "https://app.example.be", ...})
//	site, err := g.NewSite(gateway.SiteConfig{})
//	http.Handle("/", site.Handler(upstream))
package gateway
