package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/gatewaytest"
)

// TestObserverReceivesRequests sends one request of every kind and compares all callbacks.
func TestObserverReceivesRequests(t *testing.T) {
	t.Parallel()
	var s gatewaytest.Recorder
	e := newEnv(t, s.Attach)
	bearer, _ := e.bearer(t)
	cookie, _ := e.cookie(t)
	path := "/api"
	serve := func(config gateway.SiteConfig, info gateway.RequestInfo, headers ...string) {
		t.Helper()
		site, err := e.NewSite(config)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, envURL+path, nil)
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		if err := site.Serve(httptest.NewRecorder(), r, info, handedOn); err != nil {
			t.Fatal(err)
		}
	}
	authorization, cookies := bearer.Header.Get("Authorization"), cookie.Header.Get("Cookie")
	plain, none := gateway.SiteConfig{}, gateway.RequestInfo{}
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"a token", func() { serve(plain, none, "Authorization", authorization) }, []string{"token valid", "request allowed"}},
		{"the token again", func() { serve(plain, none, "Authorization", authorization) }, []string{"token valid cached", "request allowed"}},
		{"a cookie", func() { serve(plain, none, "Cookie", cookies) }, []string{"cookie valid", "request allowed"}},
		{"a made-up token", func() { serve(plain, none, "Authorization", "Bearer a.b.c") }, []string{"token invalid", "request refused", "refusal invalid_token"}},
		{"nothing", func() { serve(plain, none) }, []string{"request refused", "refusal authentication_required"}},
		{"a navigation", func() { serve(gateway.SiteConfig{Mode: gateway.ModeAuto}, none, "Accept", "text/html") }, []string{"request redirected"}},
		{"nothing, and it is optional", func() { serve(gateway.SiteConfig{Optional: true}, none) }, []string{"request anonymous"}},
		{"a public path", func() { serve(gateway.SiteConfig{Public: []string{"/*"}}, none) }, []string{"request public"}},
		{"no match", func() { serve(plain, gateway.RequestInfo{Unmatched: true}) }, []string{"request unmatched"}},
		{"a revocation", func() { _, _ = e.RevokeSubject(t.Context(), "person") }, []string{"revocation person"}},
		{"no store", func() { _ = e.store.Close() }, nil},
		{"a token without a store", func() { serve(plain, none, "Authorization", authorization) }, []string{"token unknown cached", "request refused", "refusal store_unavailable"}},
		{"a browser's return without a store", func() {
			path = "/itsme/callback?code=c&state=s"
			serve(plain, none)
		}, []string{"refusal store_unavailable", "request gateway_endpoint"}},
	} {
		step.do()
		if diff := cmp.Diff(step.want, s.Take()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}
