package gateway

import (
	"crypto/rand"
	"net/http"

	"github.com/caddy-itsme/caddy-itsme/store"
)

// InstanceHeader is the header of /health/ready with the name of the gateway in this process. It
// distinguishes two processes behind one address.
const InstanceHeader = "Itsme-Instance"

// NewInstance returns a random value for [InstanceHeader]. It reveals nothing of the machine.
func NewInstance() string { return rand.Text() }

// serveLive answers /health/live with 200 while the process runs.
func serveLive(x exchange) error {
	return writeHealth(x.w, true)
}

// serveReady answers /health/ready with 200 while the gateway can check the token of a request, which needs
// the keys and the store's revocations. It does not ask Signicat, and does not ask the store to write: while
// either is unavailable, the gateway still serves users who are logged in, and another replica could do no
// more.
func (g *Gateway) serveReady(x exchange) error {
	_, err := g.store.Revoked(x.r.Context(), store.Credential{})
	x.w.Header().Set(InstanceHeader, g.config.Instance)
	return writeHealth(x.w, err == nil && g.config.Keys.KeySet() != nil)
}

// writeHealth answers 200, or 503 with Retry-After.
func writeHealth(w http.ResponseWriter, ok bool) error {
	noStore(w.Header())
	status := http.StatusOK
	if !ok {
		w.Header().Set("Retry-After", "1")
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
	return nil
}
