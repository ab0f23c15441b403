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

// Bubble is a gateway that reaches its simulator through pipes. In a bubble of testing/synctest its waiting
// takes no time. A copy restarts without the original.
type Bubble struct {
	Config   gateway.Config // of the next gateway
	Gateway  *gateway.Gateway
	Site     *gateway.Site
	Signicat *signicattest.Server
}

// BubbleURL is the public URL of a [Bubble]. Nothing listens there.
const BubbleURL = "http://127.0.0.1:1"

const bubbleSignicatURL = "https://127.0.0.1:2"

// OpenBubble starts a simulator and a gateway. Each change edits both configurations before that. A gateway
// without a store gets one in memory.
func OpenBubble(t *testing.T, change ...func(*gateway.Config, *signicattest.Config)) *Bubble {
	t.Helper()
	wire := pipetest.New()
	config := gateway.Config{
		PublicURL: BubbleURL,
		Signicat: signicat.Config{
			ClientID: signicattest.DefaultClientID, ClientSecret: signicattest.DefaultClientSecret,
			APIURL: bubbleSignicatURL, DialContext: wire.Dial,
		},
		Attributes: []string{"name"},
		Keys:       keystest.New(t, token.DefaultAlgorithm),
	}
	simulated := signicattest.Config{
		BaseURL: bubbleSignicatURL, TLS: true, AllowLoopbackHTTP: true,
		RedirectURLs: []string{BubbleURL + logintest.Path + "/callback", BubbleURL + logintest.Path + "/app/callback"},
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
	b := &Bubble{Config: config, Signicat: simulator}
	if config.Store == nil {
		b.Forget(t)
	}
	b.Restart(t)
	return b
}

// Forget gives the next gateway an empty store.
func (b *Bubble) Forget(t *testing.T) {
	t.Helper()
	memory := store.NewMemory(time.Now)
	t.Cleanup(func() { _ = memory.Close() })
	b.Config.Store = memory
}

// Restart starts another gateway in place of the one before. It has no Signicat access token yet.
func (b *Bubble) Restart(t *testing.T) {
	t.Helper()
	b.Gateway, b.Site = newSite(t, b.Config)
}

// Do sends a request of a client to the site. The upstream behind it answers 418.
func (b *Bubble) Do(r *http.Request, client netip.Addr) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	_ = b.Site.Serve(w, r, gateway.Request{Client: client}, func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	})
	return w
}
