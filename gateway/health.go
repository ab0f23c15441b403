package gateway

import (
	"crypto/rand"
	"net/http"
)

// InstanceHeader is the header of /health/ready that names the gateway of a process. It distinguishes two
// processes behind one address.
const InstanceHeader = "Itsme-Instance"

// NewInstance makes a name for InstanceHeader. It is random, and says nothing of the machine.
func NewInstance() string { return rand.Text() }

// serveLive answers /health/live: the process is there.
func serveLive(x exchange) error {
	return writeHealth(x.w, true)
}

// serveReady answers /health/ready: the keys and the store are there. It does not ask Signicat: while
// Signicat is unavailable, users who are logged in are still served, and another replica could do no more.
func (g *Gateway) serveReady(x exchange) error {
	_, err := g.store.Len(x.r.Context())
	x.w.Header().Set(InstanceHeader, g.config.Instance)
	return writeHealth(x.w, err == nil && g.config.Keys.KeySet() != nil)
}

// writeHealth answers 200, or 503 with when to ask again.
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
