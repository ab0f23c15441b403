package signicattest_test

import (
	"net/http"
	"testing"

	"github.com/caddy-itsme/caddy-itsme/internal/pipetest"
	"github.com/caddy-itsme/caddy-itsme/signicat/signicattest"
)

// startInMemory is start without a network. The transport's idle connections must be closed before the end of the synctest test.
func startInMemory(t *testing.T) (*client, *http.Transport) {
	t.Helper()
	return startInMemoryAs(t, signicattest.Config{})
}

func startInMemoryAs(t *testing.T, cfg signicattest.Config) (*client, *http.Transport) {
	t.Helper()
	m := pipetest.New()
	sim, err := signicattest.StartOn(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	transport := trusting(sim)
	transport.DialContext = m.Dial
	c := &client{t: t, sim: sim, http: &http.Client{Transport: transport}}
	c.authenticate(signicattest.DefaultClientID, signicattest.DefaultClientSecret)
	return c, transport
}
