package gatewaytest

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/caddy-itsme/caddy-itsme/gateway"
	"github.com/caddy-itsme/caddy-itsme/internal/keystest"
	"github.com/caddy-itsme/caddy-itsme/internal/logintest"
	"github.com/caddy-itsme/caddy-itsme/internal/pipetest"
	"github.com/caddy-itsme/caddy-itsme/signicat"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
	"github.com/caddy-itsme/caddy-itsme/store"
	"github.com/caddy-itsme/caddy-itsme/token"
)

// Env is a gateway that reaches its simulator through pipes. In a bubble of testing/synctest its waiting
// takes no time. A copy restarts without the original.
type Env struct {
	Config   gateway.Config // of the next gateway
	Gateway  *gateway.Gateway
	Site     *gateway.Site
	Signicat *signicattest.Server
}

// PublicURL is the public URL of an [Env]. Nothing listens there.
const PublicURL = "http://127.0.0.1:1"

const signicatURL = "https://127.0.0.1:2"

// NewEnv starts a simulator and a gateway. Before that, each change edits both configurations. A gateway
// without a store gets one in memory.
func NewEnv(t *testing.T, change ...func(*gateway.Config, *signicattest.Config)) *Env {
	t.Helper()
	wire := pipetest.New()
	config := gateway.Config{
		PublicURL: PublicURL,
		Signicat: signicat.Config{
			ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret,
			APIURL: signicatURL, DialContext: wire.Dial,
		},
		Attributes: []string{"name"},
		Keys:       keystest.New(t, token.DefaultAlgorithm),
	}
	simulated := signicattest.Config{
		BaseURL: signicatURL, TLS: true, AllowLoopbackHTTP: true,
		RedirectURLs: []string{PublicURL + logintest.Path + "/callback", PublicURL + logintest.Path + "/app/callback"},
	}
	for _, c := range change {
		c(&config, &simulated)
	}
	simulator, err := signicattest.StartOn(wire, simulated)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(simulator.Close)
	config.Signicat.RootCAs = simulator.RootCAs()
	e := &Env{Config: config, Signicat: simulator}
	if config.Store == nil {
		e.ClearStore(t)
	}
	e.Restart(t)
	return e
}

// ClearStore gives the next gateway an empty store.
func (e *Env) ClearStore(t *testing.T) {
	t.Helper()
	memory := store.NewMemory(time.Now)
	t.Cleanup(func() { _ = memory.Close() })
	e.Config.Store = memory
}

// Restart starts another gateway in place of the one before. It has no Signicat access token yet.
func (e *Env) Restart(t *testing.T) {
	t.Helper()
	e.Gateway, e.Site = newSite(t, e.Config)
}

// Do sends a request of a client to the site. The upstream behind it answers 418.
func (e *Env) Do(r *http.Request, client netip.Addr) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	_ = e.Site.Serve(w, r, gateway.RequestInfo{Client: client}, func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	})
	return w
}
