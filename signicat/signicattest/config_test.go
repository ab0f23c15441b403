package signicattest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

func TestNewRefusesConfig(t *testing.T) {
	t.Parallel()
	redirect := func(u string) signicattest.Config { return signicattest.Config{RedirectURLs: []string{u}} }
	loopback := func(u string) signicattest.Config {
		return signicattest.Config{RedirectURLs: []string{u}, AllowLoopbackHTTP: true}
	}
	for name, test := range map[string]struct {
		cfg     signicattest.Config
		wantErr error
	}{
		"the zero value":                      {signicattest.Config{}, nil},
		"redirect URL on https":               {redirect("https://app.example.be/cb?x=1"), nil},
		"redirect URL on http":                {redirect("http://app.example.be/cb"), signicattest.ErrConfig},
		"redirect URL on loopback http":       {redirect("http://127.0.0.1/cb"), signicattest.ErrConfig},
		"loopback http with the switch":       {loopback("http://127.0.0.1:8080/cb"), nil},
		"IPv6 loopback http with the switch":  {loopback("http://[::1]:8080/cb"), nil},
		"localhost http with the switch":      {loopback("http://localhost:8080/cb"), nil},
		"other http with the switch":          {loopback("http://app.example.be/cb"), signicattest.ErrConfig},
		"host that begins like loopback":      {loopback("http://127.0.0.1.example.be/cb"), signicattest.ErrConfig},
		"redirect URL with a fragment":        {redirect("https://app.example.be/cb#x"), signicattest.ErrConfig},
		"redirect URL with an empty fragment": {redirect("https://app.example.be/cb#"), signicattest.ErrConfig},
		"redirect URL of a custom scheme":     {redirect("myapp://cb"), signicattest.ErrConfig},
		"opaque redirect URL":                 {redirect("myapp:cb"), signicattest.ErrConfig},
		"relative redirect URL":               {redirect("/cb"), signicattest.ErrConfig},
		"redirect URL with credentials":       {redirect("https://a:b@app.example.be/cb"), signicattest.ErrConfig},
		"malformed redirect URL":              {redirect("https://app.example.be/%"), signicattest.ErrConfig},
		"access token of half a second":       {signicattest.Config{AccessTokenLifetime: time.Second / 2}, signicattest.ErrConfig},
		"access token of 1.5 seconds":         {signicattest.Config{AccessTokenLifetime: 3 * time.Second / 2}, signicattest.ErrConfig},
		"access token over an hour":           {signicattest.Config{AccessTokenLifetime: 3601 * time.Second}, signicattest.ErrConfig},
		"access token of an hour":             {signicattest.Config{AccessTokenLifetime: time.Hour}, nil},
		"no room for a session":               {signicattest.Config{MaxSessions: -1}, signicattest.ErrConfig},
		"relative base URL":                   {signicattest.Config{BaseURL: "/api"}, signicattest.ErrConfig},
		"https base URL with TLS":             {signicattest.Config{BaseURL: "https://api.example.be", TLS: true}, nil},
		"http base URL with TLS":              {signicattest.Config{BaseURL: "http://127.0.0.1:1", TLS: true}, signicattest.ErrConfig},
		"form of a switch that is none":       {signicattest.Config{Switches: signicattest.Switches{ValidationStatus: 201}}, signicattest.ErrSwitch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := signicattest.New(test.cfg)
			if !errors.Is(err, test.wantErr) {
				t.Fatalf("error %v, want %v", err, test.wantErr)
			}
			if err == nil {
				s.Close()
			}
		})
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	s, err := signicattest.Start(signicattest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
}
