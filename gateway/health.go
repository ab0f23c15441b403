package gateway

import (
	"crypto/rand"
	"net/http"
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

// serveReady answers /health/ready with 200 while the gateway has keys and the store answers. It does not ask
// Signicat: while Signicat is unavailable, the gateway still serves users who are logged in, and another
// replica could do no more.
func (g *Gateway) serveReady(x exchange) error {
	_, err := g.store.Len(x.r.Context())
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
